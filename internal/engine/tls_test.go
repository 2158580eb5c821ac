package engine_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
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

// Over HTTP/2, too, polls and slow POSTs outlast the time-outs of the http.Server.
// The WriteTimeout ends a stream there, even if nothing is written.
func TestTimeoutsOverHTTP2(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(version, func(t *testing.T) {
			hs := &http.Server{ReadTimeout: time.Second, WriteTimeout: time.Second}
			if version == "HTTP/2.0" {
				hs.Protocols = &protocols
			}
			runServer(t, nil, hs, func(h *harness) {
				h.http.Transport.(*http.Transport).Protocols = hs.Protocols
				r := h.openPolling()
				h.expectAnswer(h.request("GET", session(r), nil), 200, "2")
				body, feed := io.Pipe()
				fed := make(chan struct{})
				defer func() { <-fed }()
				go func() {
					defer close(fed)
					for _, part := range []string{"4sl", "o", "w"} {
						<-time.After(5 * time.Second)
						_, _ = io.WriteString(feed, part)
					}
					feed.Close()
				}()
				h.expectAnswer(h.request("POST", session(r), body), 200, "ok")
			})
		})
	}
}
