package testserver

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

// A Poller is a client whose every request is made by hand.
type Poller struct {
	Harness *Harness
	eio     int // the revision of Engine.IO
	sid     string
}

func (h *Harness) NewPoller() *Poller { return h.NewPollerOf(4) }

func (h *Harness) NewPollerOf(revision int) *Poller {
	h.T.Helper()
	p := &Poller{Harness: h, eio: revision}
	_, rest, ok := strings.Cut(p.Poll(), `"sid":"`)
	if !ok {
		h.T.Fatal("no handshake")
	}
	p.sid, _, _ = strings.Cut(rest, `"`)
	return p
}

func (p *Poller) URL() string {
	url := fmt.Sprintf("/socket.io/?EIO=%d&transport=polling", p.eio)
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	return url
}

// Poll returns the answer to a GET.
func (p *Poller) Poll() string {
	p.Harness.T.Helper()
	return p.Harness.Do(httptest.NewRequest(http.MethodGet, p.URL(), nil)).Body
}

// Post sends packets and returns the answer; what comes of them is done when
// it returns.
func (p *Poller) Post(packets ...string) string {
	p.Harness.T.Helper()
	payload := strings.Join(packets, "\x1e")
	if p.eio == 3 {
		payload = ""
		for _, packet := range packets {
			payload += fmt.Sprintf("%d:%s", len(packet), packet)
		}
	}
	r := httptest.NewRequest(http.MethodPost, p.URL(), strings.NewReader(payload))
	body := p.Harness.Do(r).Body
	synctest.Wait()
	return body
}

type Answer struct {
	*http.Response
	Body string
}

// Do makes a request over a connection of its own.
func (h *Harness) Do(r *http.Request) Answer {
	h.T.Helper()
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "http", r.Host
	t := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return h.Dial(ctx) },
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		h.T.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.T.Fatal(err)
	}
	return Answer{resp, string(body)}
}
