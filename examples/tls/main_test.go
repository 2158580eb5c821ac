package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/mounttest"
)

// serve serves until the test ends, and returns what clients need to trust it.
func serve(t *testing.T) (addr string, trust *tls.Config) {
	t.Helper()
	config, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	io := newServer()
	server := &http.Server{Handler: io, TLSConfig: config}
	t.Cleanup(func() { io.Close(); server.Close() })
	go server.ServeTLS(listener, "", "")
	return listener.Addr().String(), &tls.Config{RootCAs: trusted, ServerName: "localhost"}
}

func TestHTTP1(t *testing.T) {
	addr, trust := serve(t)
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: trust}).DialContext(ctx, "tcp", addr)
	}
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "https://localhost:5173")
}

func TestPollingOverHTTP2(t *testing.T) {
	addr, trust := serve(t)
	base := "https://" + addr + "/socket.io/?EIO=4&transport=polling"
	transport := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request := func(method, url, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
			t.Fatalf("%s %s: %s over %s: %s %v", method, body, resp.Status, resp.Proto, answer, err)
		}
		return string(answer)
	}
	open := request(http.MethodGet, base, "")
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	request(http.MethodPost, base+"&sid="+sid, "40")
	request(http.MethodGet, base+"&sid="+sid, "")
	request(http.MethodPost, base+"&sid="+sid, `420["echo","hello"]`)
	if got := request(http.MethodGet, base+"&sid="+sid, ""); got != `430["hello"]` {
		t.Errorf("the echo is %s", got)
	}
}
