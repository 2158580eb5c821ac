package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/mounttest"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func Test(t *testing.T) {
	dial := mounttest.Serve(t, route())
	browser := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	t.Cleanup(browser.CloseIdleConnections)
	post := func(path string, header http.Header) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://server.test"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}

	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			if _, answer := mounttest.Connect(t, dial, mode, nil, ""); answer != `44{"message":"please log in"}` {
				t.Errorf("without a session: %s", answer)
			}
			cookies := post("/login?user=Ann", nil).Cookies()
			if len(cookies) != 1 {
				t.Fatalf("cookies %v", cookies)
			}
			header := http.Header{"Cookie": {cookies[0].Name + "=" + cookies[0].Value}}
			c, answer := mounttest.Connect(t, dial, mode, header, "")
			if !strings.HasPrefix(answer, "40") {
				t.Fatalf("with a session: %s", answer)
			}
			if got := mounttest.Ask(t, c, `420["whoami"]`); got != `430["Ann"]` {
				t.Errorf("whoami: %s", got)
			}
			post("/logout", header)
			if got, err := c.Next(); got != "41" {
				t.Errorf("after the logout: %q, %v", got, err)
			}
			if _, answer := mounttest.Connect(t, dial, mode, header, ""); !strings.HasPrefix(answer, "44") {
				t.Errorf("with the ended session: %s", answer)
			}
		})
	}
	forged := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"http://elsewhere.test"}}
	if status := post("/login?user=Eve", forged).StatusCode; status != http.StatusForbidden {
		t.Errorf("a login from another page: %d", status)
	}
}
