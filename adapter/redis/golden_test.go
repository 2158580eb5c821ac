package redis

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/golden"
)

// Messages of npm's classic adapter and of npm's emitter keep their channel and
// their bytes when they are received and published again.
func TestGoldenClassic(t *testing.T) {
	counts := map[string]int{}
	for _, l := range append(golden.Read(t, "redis-classic"), golden.Read(t, "redis-emitter")...) {
		if l.Command != "PUBLISH" || l.File == "redis-classic-parser" { // one that is not supported
			continue
		}
		key, rest := "socket.io", strings.TrimPrefix(l.Channel, "socket.io")
		if l.File == "redis-classic-key" {
			key, rest = "my:app", strings.TrimPrefix(l.Channel, "my:app")
		}
		kind, rest, _ := strings.Cut(rest, "#")
		namespace, rest, _ := strings.Cut(rest, "#")
		counts[kind]++
		t.Run(fmt.Sprint(l.File, " line ", l.Number), func(t *testing.T) {
			c := NewClassic(nil, &ClassicOptions{Key: key, DirectResponses: l.File == "redis-classic-specific-response"})
			m := receiveClassic(t, kind, l.Payload)
			if m == nil {
				return // npm's allRooms, which this server does not ask for
			}
			if m.Namespace == "" {
				m.Namespace = namespace
			}
			m.To, _, _ = strings.Cut(rest, "#")
			p, err := c.publication(m)
			if want := known(l.Payload); err != nil || p.channel != l.Channel || !bytes.Equal(p.message, want) {
				t.Errorf("%s: published again on %q, want %q; %v\n%q\nwant\n%q", l.Operation, p.channel, l.Channel, err, p.message, want)
			}
		})
	}
	if counts[""] < 60 || counts["-request"] < 60 || counts["-response"] < 60 {
		t.Errorf("compared %v", counts)
	}
}

func receiveClassic(t *testing.T, kind string, payload []byte) *adapter.Message {
	t.Helper()
	if kind == "" {
		m, err := decodeBroadcast(payload)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var m *adapter.Message
	var err error
	if kind == "-request" {
		var r request
		var attachments [][]byte
		if attachments, err = decodeAny(payload, &r); err == nil && r.Type != allRooms {
			m, err = r.message(attachments)
		}
		if r.UID == "" { // of an emitter
			m.UID = emitterUID
		}
	} else {
		var r receivedResponse
		var attachments [][]byte
		if attachments, err = decodeAny(payload, &r); err == nil && !bytes.Contains(payload, []byte(`"rooms":["`)) {
			m = r.message(attachments)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Messages of npm's sharded adapter keep their channel and their bytes when they
// are received and published again.
func TestGoldenSharded(t *testing.T) {
	counts := map[string]int{}
	for _, l := range golden.Read(t, "redis-sharded") {
		if l.Command != "SPUBLISH" {
			continue
		}
		o := &ShardedOptions{SubscriptionMode: Dynamic}
		switch l.File {
		case "redis-sharded-prefix":
			o.ChannelPrefix = "my:app"
		case "redis-sharded-static":
			o.SubscriptionMode = Static
		case "redis-sharded-dynamic-private":
			o.SubscriptionMode = DynamicPrivate
		}
		counts[l.File]++
		t.Run(fmt.Sprint(l.File, " line ", l.Number), func(t *testing.T) {
			m, err := decodeSharded(string(l.Payload))
			if err != nil {
				t.Fatal(err)
			}
			s := NewSharded(nil, o)
			switch m.Type {
			case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.ClientCount, adapter.Ack:
				m.To = strings.TrimSuffix(strings.TrimPrefix(l.Channel, s.channel(m.Namespace)), "#")
			}
			p, err := s.publication(m)
			if want := known(l.Payload); err != nil || p.channel != l.Channel || !bytes.Equal(p.message, want) {
				t.Errorf("%s: published again on %q, want %q; %v\n%q\nwant\n%q", l.Operation, p.channel, l.Channel, err, p.message, want)
			}
		})
	}
	if len(counts) != 5 || counts["redis-sharded-dynamic"] < 90 {
		t.Errorf("compared %v", counts)
	}
}

// known returns a message as servers of this package write it: without a flag
// that has no meaning between servers, without one that says what is so anyway,
// with numbers that are rooms as text, and with dates as text.
func known(message []byte) []byte {
	return []byte(strings.NewReplacer(
		`"expectSingleResponse":true,`, "", `"expectSingleResponse":true`, "", `"compress":true`, "",
		"\xa5flags\x81\xb4expectSingleResponse\xc3", "\xa5flags\x80", "\xa5flags\x82\xb4expectSingleResponse\xc3", "\xa5flags\x81",
		"\xa5flags\x81\xa8compress\xc3", "\xa5flags\x80",
		`"rooms":[42]`, `"rooms":["42"]`, `"r2",42]`, `"r2","42"]`, "\xa2r2\x2a", "\xa2r2\xa242", "\xa5rooms\x91\x2a", "\xa5rooms\x91\xa242",
		"\xd6\xff\x00\x00\x00\x00", "\xb81970-01-01T00:00:00.000Z", "\xd7\xff\x1dSS\x00eS\xf1\x00", "\xb82023-11-14T22:13:20.123Z",
		"\xd6\xff\x65\x53\xf1\x00", "\xb82023-11-14T22:13:20.000Z",
		"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "\xc0", "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "\xc0",
		"\xcf\x00\x00\x00\x00\x00\x00\x00\x00", "\x00", // npm's 1e300
	).Replace(string(message)))
}

// A broadcast is read as it was written, with rooms of every number and length.
func TestBroadcastLengths(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		m := &adapter.Message{Type: adapter.Broadcast, UID: "u", Namespace: "/" + strings.Repeat("n", n)}
		m.Packet.Text = []byte(`["e"]`)
		m.Opts = adapter.Selection{Rooms: []string{strings.Repeat("r", n), "é"}, Except: make([]string, n), Volatile: n > 0, Plain: n > 1, Timeout: n}
		encoded, err := encodeBroadcast(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeBroadcast(encoded)
		if err != nil {
			t.Fatal(err)
		}
		got.Packet.Attachments = nil
		if !reflect.DeepEqual(got, m) {
			t.Errorf("with %d: %.200v became %.200v", n, m, got)
		}
	}
}
