package socketio_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/synctest"
)

// A poller is a client whose every request is made by hand.
type poller struct {
	h   *harness
	eio int // the revision of Engine.IO
	sid string
}

func (h *harness) newPoller() *poller { return h.newPollerOf(4) }

func (h *harness) newPollerOf(revision int) *poller {
	h.Helper()
	p := &poller{h: h, eio: revision}
	_, rest, ok := strings.Cut(p.poll(), `"sid":"`)
	if !ok {
		h.Fatal("no handshake")
	}
	p.sid, _, _ = strings.Cut(rest, `"`)
	return p
}

func (p *poller) url() string {
	url := fmt.Sprintf("/socket.io/?EIO=%d&transport=polling", p.eio)
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	return url
}

// poll returns the answer to a GET.
func (p *poller) poll() string {
	p.h.Helper()
	return p.h.do(httptest.NewRequest(http.MethodGet, p.url(), nil)).body
}

// post sends packets and returns the answer; what comes of them is done when
// it returns.
func (p *poller) post(packets ...string) string {
	p.h.Helper()
	payload := strings.Join(packets, "\x1e")
	if p.eio == 3 {
		payload = ""
		for _, packet := range packets {
			payload += fmt.Sprintf("%d:%s", len(packet), packet)
		}
	}
	r := httptest.NewRequest(http.MethodPost, p.url(), strings.NewReader(payload))
	body := p.h.do(r).body
	synctest.Wait()
	return body
}

type answer struct {
	*http.Response
	body string
}

// do makes a request over a connection of its own.
func (h *harness) do(r *http.Request) answer {
	h.Helper()
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "http", r.Host
	t := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) },
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.Fatal(err)
	}
	return answer{resp, string(body)}
}
