package socketiotest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/parser"
)

// A connection is what the clients of several namespaces share.
type connection struct {
	t      testing.TB
	raw    *rawclient.Client
	parser parser.Parser

	mu      sync.Mutex
	clients map[string]*Client // by namespace
}

func newConnection(t testing.TB, raw *rawclient.Client, p parser.Parser) *connection {
	conn := &connection{t: t, raw: raw, parser: p, clients: make(map[string]*Client)}
	done := make(chan struct{})
	go func() {
		conn.receive()
		close(done)
	}()
	t.Cleanup(func() {
		raw.Close()
		<-done
	})
	return conn
}

// enter connects to a namespace.
func (conn *connection) enter(namespace string, auth any) (*Client, error) {
	if !strings.HasPrefix(namespace, "/") {
		namespace = "/" + namespace
	}
	c := newClient(conn, namespace)
	conn.mu.Lock()
	if old := conn.clients[namespace]; old != nil && old.whyEnded() == "" {
		conn.mu.Unlock()
		return nil, fmt.Errorf("the connection is in %s already", namespace)
	}
	conn.clients[namespace] = c
	conn.mu.Unlock()

	var args []any
	if auth != nil {
		args = append(args, auth)
	}
	if err := conn.send(&parser.Header{Type: parser.Connect, Namespace: namespace}, args...); err != nil {
		return nil, err
	}
	var refusal error
	if !c.wait(func() bool { refusal = c.refusal; return c.id != "" || refusal != nil }) {
		return nil, fmt.Errorf("no answer from namespace %s%s", namespace, c.situation())
	}
	if refusal != nil {
		return nil, refusal
	}
	return c, nil
}

// send sends a packet with its attachments.
func (conn *connection) send(h *parser.Header, args ...any) error {
	encoded, err := conn.parser.Encode(nil, h, args...)
	if err != nil {
		return err
	}
	var packets []string
	if encoded.Text != nil {
		packets = append(packets, "4"+string(encoded.Text))
	}
	for _, a := range encoded.Attachments {
		packets = append(packets, "b"+base64.StdEncoding.EncodeToString(a))
	}
	return conn.raw.Send(packets...)
}

// receive passes packets to their clients until the connection ends.
func (conn *connection) receive() {
	decoder := conn.parser.NewDecoder()
	for message := range conn.raw.Packets() {
		p, err := decode(decoder, message)
		if err != nil {
			conn.t.Errorf("socketiotest: the server sent %q: %v", message, err)
			continue
		}
		if p == nil {
			continue
		}
		conn.mu.Lock()
		c := conn.clients[p.Namespace]
		conn.mu.Unlock()
		if c != nil {
			c.receive(p)
		}
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	for _, c := range conn.clients {
		c.update(func() { c.ended("transport close") })
	}
}

// decode decodes a message in the notation of rawclient.
func decode(d parser.Decoder, message string) (*parser.Packet, error) {
	if text, ok := strings.CutPrefix(message, "4"); ok {
		return d.Text([]byte(text))
	}
	data, ok := strings.CutPrefix(message, "b")
	if !ok {
		return nil, errors.New("no message of Engine.IO")
	}
	binary, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, err
	}
	return d.Binary(binary)
}

// refusal returns the error in a CONNECT_ERROR.
func refusal(p *parser.Packet) error {
	var e socketio.Error
	if p.Args == nil {
		return errors.New("CONNECT_ERROR without payload")
	}
	if err := p.Args.Decode(&e); err != nil {
		return err
	}
	return &e
}
