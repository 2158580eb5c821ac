package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/metrics/prometheus"
)

// feature returns the options and the listener of a server with a feature.
func feature(name string, l net.Listener) (net.Listener, *socketio.Options, error) {
	o := &socketio.Options{}
	switch name {
	case "":
	case "adapter": // another server, without clients, gets all that is published
		bus := new(adapter.Loopback)
		socketio.NewServer(&socketio.Options{Adapter: bus})
		o.Adapter = bus
	case "recovery":
		o.Recovery = &socketio.Recovery{}
	case "metrics":
		trace, metrics := prometheus.New()
		o.Trace = trace
		return l, o, client.Register(metrics)
	case "deflate": // all messages, however short
		o.PerMessageDeflate = &socketio.PerMessageDeflate{Threshold: 1}
	case "tls":
		certificate, err := selfSigned()
		return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}}), o, err
	default:
		return nil, nil, fmt.Errorf("no feature %q", name)
	}
	return l, o, nil
}

func selfSigned() (c tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
