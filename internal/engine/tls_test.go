package engine_test

import (
	"crypto/tls"
	"crypto/x509"
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
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	hs := &http.Server{WriteTimeout: time.Second, Protocols: &protocols}
	runServer(t, nil, hs, func(h *harness) {
		h.http.Transport.(*http.Transport).Protocols = &protocols
		h.expectAnswer(h.request("GET", session(h.openPolling()), nil), 200, "2")
	})
}
