package engine_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// Under TLS there is no descriptor to read and write.
func TestTLS(t *testing.T) {
	source := httptest.NewTLSServer(nil) // of a certificate
	source.Close()
	roots := x509.NewCertPool()
	roots.AddCert(source.Certificate())
	wrap := func(_ *harness, l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{Certificates: source.TLS.Certificates})
	}
	client := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "example.com"}}

	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		serveTCP(t, nil, wrap, client.DialContext, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{Pong: true})
			large := "4" + strings.Repeat("x", 900_000)
			for range 3 {
				if err := c.Send("4hello"); err != nil {
					t.Fatal(err)
				}
				if err := c.Send(large); err != nil {
					t.Fatal(err)
				}
				h.expect(c, "4hello", large)
			}
			r.Send(engine.NewMessage([]byte("last")))
			r.Close()
			h.expect(c, "4last")
			h.expectEnd(c)
			h.expectClosed(r, engine.ReasonForcedClose)
		})
	})
}

// Over HTTP/2, too, a poll outlasts the WriteTimeout of the http.Server.
func TestPollOverHTTP2(t *testing.T) {
	h := newHarness(t, &engine.Options{PingInterval: 300 * time.Millisecond}, nil)
	srv := httptest.NewUnstartedServer(h.server)
	srv.EnableHTTP2 = true
	srv.Config.WriteTimeout = 50 * time.Millisecond
	srv.StartTLS()
	t.Cleanup(func() {
		h.server.Close()
		srv.Close()
	})
	transport := srv.Client().Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", srv.Listener.Addr().String())
	}
	h.http = &http.Client{Transport: asTLS{transport}}
	h.expectAnswer(h.request("GET", session(h.openPolling()), nil), 200, "2")
}

// asTLS makes the harness's requests HTTPS to the host of httptest's
// certificate.
type asTLS struct{ *http.Transport }

func (a asTLS) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "https", "example.com"
	resp, err := a.Transport.RoundTrip(r)
	if err == nil && resp.ProtoMajor != 2 {
		return nil, errors.New("answered over " + resp.Proto)
	}
	return resp, err
}
