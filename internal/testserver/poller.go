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

// A Poller is a client of long polling whose HTTP requests a test makes one by
// one.
type Poller struct {
	Harness *Harness
	eio     int // the revision of Engine.IO
	sid     string
}

// NewPoller opens a session of Engine.IO revision 4, without connecting to a
// namespace.
func (h *Harness) NewPoller() *Poller { return h.NewPollerOf(4) }

// NewPollerOf is NewPoller for a revision of Engine.IO, 3 or 4.
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

// URL returns the URL of the session's requests.
func (p *Poller) URL() string {
	url := fmt.Sprintf("/socket.io/?EIO=%d&transport=polling", p.eio)
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	return url
}

// Poll makes a GET and returns the body of the answer.
func (p *Poller) Poll() string {
	p.Harness.T.Helper()
	return p.Harness.Do(httptest.NewRequest(http.MethodGet, p.URL(), nil)).Body
}

// Post makes a POST of packets and returns the body of the answer. It returns
// when the server has handled them.
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

// An Answer is an HTTP response whose body has been read.
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
