package main

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/goroomcast/socketio/parser"
)

// Test runs client.mjs, which has a number that a float64 cannot hold.
func Test(t *testing.T) {
	requireNode(t)
	io := newServer()
	server := httptest.NewServer(io)
	defer server.Close()
	defer io.Close()
	const want = `postponed 9007199254740994n
{
  id: 9007199254740994n,
  at: 2026-03-01T12:00:00.250Z,
  seal: <Buffer 01 02 03>
}
`
	for _, transport := range []string{"polling", "websocket"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		got, err := exec.CommandContext(ctx, "node", "client.mjs", server.URL, transport).CombinedOutput()
		if err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", transport, err, got, want)
		}
	}
}

// TestRefuses sends what no client should.
func TestRefuses(t *testing.T) {
	type m = map[string]any
	for what, packet := range map[string]any{
		"no packet":                 7,
		"an unknown type":           m{"type": 9, "nsp": "/"},
		"CONNECT_ERROR":             m{"type": 4, "nsp": "/", "data": m{}},
		"CONNECT with a list":       m{"type": 0, "nsp": "/", "data": []any{}},
		"an event without values":   m{"type": 2, "nsp": "/"},
		"an event without a name":   m{"type": 2, "nsp": "/", "data": []any{}},
		"an event named by a list":  m{"type": 2, "nsp": "/", "data": []any{[]any{}}},
		"an ack that is no array":   m{"type": 3, "nsp": "/", "id": 0, "data": m{}},
		"a second value at the end": cbor.RawMessage{0x07, 0x07},
	} {
		message, err := cbor.Marshal(packet)
		if raw, ok := packet.(cbor.RawMessage); ok {
			message, err = raw, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (CBOR{}).NewDecoder().Binary(message); !errors.Is(err, parser.ErrInvalidPacket) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := (CBOR{}).NewDecoder().Text([]byte("2")); !errors.Is(err, parser.ErrInvalidPacket) {
		t.Errorf("text: %v", err)
	}
}

// TestSentOn sends on what has come, a time and a number that JSON has not.
func TestSentOn(t *testing.T) {
	packet := func(values ...any) []byte {
		e, err := CBOR{}.Encode(nil, &parser.Header{Type: parser.Event, Event: "e"}, values...)
		if err != nil {
			t.Fatal(err)
		}
		return e.Attachments[0]
	}
	want := packet(uint64(1<<63), time.Unix(1, 0), []byte{1}, map[string]any{"b": -1.5, "a": nil})
	p, err := CBOR{}.NewDecoder().Binary(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := packet(parser.ValuesOf(p.Args)...); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// requireNode skips the test where the JavaScript side isn't installed; in CI that is a failure.
func requireNode(t *testing.T) {
	t.Helper()
	missing := t.Skip
	if os.Getenv("CI") == "true" {
		missing = t.Fatal
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is not installed: get Node.js 20 or newer, then run npm ci here")
	}
	if _, err := os.Stat("node_modules"); err != nil {
		missing("the JavaScript client is not installed: run npm ci here")
	}
}
