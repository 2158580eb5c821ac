package redis

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/golden"
)

// streamsOptions are the options of the recorded servers.
var streamsOptions = map[string]*StreamsOptions{
	"redis-streams":         {},
	"redis-streams-ioredis": {},
	"redis-streams-plain":   {},
	"redis-streams-count":   {StreamCount: 4},
	"redis-streams-sharded": {StreamName: "my-stream", ChannelPrefix: "my:app", MaxLen: 100, ShardedPubSub: true, SessionKeyPrefix: "my:s:"},
}

// What npm's streams adapter wrote keeps its place, its options and its bytes
// when it is read and written again.
func TestGoldenStreams(t *testing.T) {
	counts := map[string]int{}
	for _, l := range golden.Read(t, "redis-streams") {
		s := NewStreams(nil, streamsOptions[l.File])
		test := map[string]func(*testing.T, *Streams, golden.Line){
			"XADD": goldenEntry, "PUBLISH": goldenRequest, "SPUBLISH": goldenRequest, "SET": goldenSession,
		}[l.Command]
		if test == nil {
			continue
		}
		counts[l.Command]++
		t.Run(fmt.Sprint(l.File, " line ", l.Number, " ", l.Command), func(t *testing.T) { test(t, s, l) })
	}
	if counts["XADD"] < 90 || counts["PUBLISH"] < 89 || counts["SPUBLISH"] < 13 || counts["SET"] < 18 {
		t.Errorf("compared %v", counts)
	}
}

func goldenEntry(t *testing.T, s *Streams, l golden.Line) {
	raw := rueidis.XRangeSlice{ID: "1700000000000-1"}
	for _, field := range []string{"uid", "nsp", "type", "data"} {
		raw.FieldValues = append(raw.FieldValues, rueidis.XRangeFieldValue{Field: field, Value: l.Fields[field]})
	}
	e, data, err := decodeEntry(raw)
	if err == nil {
		err = e.decodeData(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if e.Offset != raw.ID || e.UID != l.Fields["uid"] {
		t.Errorf("decoded %+v", e)
	}
	fields, err := encodeEntry(e.Message)
	if err != nil {
		t.Fatal(err)
	}
	got := append([]string{s.log(e.Namespace).name}, s.xaddArgs(fields)...)
	want := slices.Concat([]string{l.Stream}, l.Arguments,
		[]string{"uid", e.UID, "nsp", e.Namespace, "type", l.Fields["type"], "data", string(known([]byte(l.Fields["data"])))})
	if !slices.Equal(got, want) {
		t.Errorf("%s: written again\n%q\nwant\n%q", l.Operation, got, want)
	}
}

func goldenRequest(t *testing.T, s *Streams, l golden.Line) {
	m, after, err := decodePublished(l.Payload)
	if err != nil || after != (streamID{}) {
		t.Fatalf("after %v, %v", after, err)
	}
	m.To = strings.TrimSuffix(strings.TrimPrefix(l.Channel, s.requests(m.Namespace).name), "#")
	p, err := s.publication(m, streamID{})
	if want := known(l.Payload); err != nil || p.channel != l.Channel || p.sharded != (l.Command == "SPUBLISH") || !bytes.Equal(p.message, want) {
		t.Errorf("%s: published again on %q, want %q; %v\n%q\nwant\n%q", l.Operation, p.channel, l.Channel, err, p.message, want)
	}
	p, err = s.publication(m, streamID{1700000000000, 12})
	if err != nil {
		t.Fatal(err)
	}
	again, after, err := decodePublished(p.message)
	if err != nil || after != (streamID{1700000000000, 12}) || again.Type != m.Type || again.RequestID != m.RequestID {
		t.Errorf("%s: with an entry before it arrives as %+v after %v, %v", l.Operation, again, after, err)
	}
}

func goldenSession(t *testing.T, s *Streams, l golden.Line) {
	kept, err := decodeSession(string(l.Payload))
	if err != nil {
		t.Fatal(err)
	}
	again, err := encodeSession(kept)
	if err != nil {
		t.Fatal(err)
	}
	got, want := fromBase64(t, again), known(fromBase64(t, string(l.Payload)))
	if key := s.sessionKey(kept.PID); key != l.Key || !bytes.Equal(got, want) {
		t.Errorf("%s: kept again as %s\n%q\nwant %s\n%q", l.Operation, key, got, l.Key, want)
	}
}

func TestStreamNames(t *testing.T) {
	s := NewStreams(nil, &StreamsOptions{StreamCount: 4})
	for namespace, want := range map[string]string{
		"/": "socket.io-3", "/chat": "socket.io-3", "/my-namespace": "socket.io--3", "/notifications": "socket.io--3",
		"/workspace-1": "socket.io--2", "/chät 1": "socket.io-1", "/😀": "socket.io-2",
	} {
		if l := s.log(namespace); l == nil || l.name != want {
			t.Errorf("%s is in %+v, want %s", namespace, l, want)
		}
	}
	if names := len(s.logs); names != 7 {
		t.Errorf("%d streams are read, want 7", names)
	}
}

func TestStreamIDs(t *testing.T) {
	for _, wrong := range []string{"", "-", "1", "1-", "-1", "1-+1", "+1-1", "1-1-1", "$", "1 -1", "99999999999999999999-1"} {
		if id, ok := parseStreamID(wrong); ok {
			t.Errorf("%q parsed as %v", wrong, id)
		}
	}
	s := NewStreams(nil, nil)
	ordered := []string{"0-0", "0-1", "9-10", "10-9", "10-10", "18446744073709551615-18446744073709551615"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := s.Compare(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s compared with %s: %d", a, b, got)
			}
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	for _, l := range golden.Read(f, "redis-streams") {
		if l.Command == "XADD" {
			f.Add(l.Fields["type"], l.Fields["data"])
		}
	}
	f.Fuzz(func(t *testing.T, typ, data string) {
		e, data, err := decodeEntry(rueidis.XRangeSlice{ID: "1-1", FieldValues: []rueidis.XRangeFieldValue{{Field: "nsp", Value: "/"}, {Field: "type", Value: typ}, {Field: "data", Value: data}}})
		if err == nil && e.decodeData(data) == nil {
			_, _ = encodeEntry(e.Message)
		}
	})
}

func FuzzDecodeSession(f *testing.F) {
	for _, l := range golden.Read(f, "redis-streams") {
		if l.Command == "SET" {
			f.Add(string(l.Payload))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if kept, err := decodeSession(text); err == nil {
			if _, err := encodeSession(kept); err != nil {
				t.Errorf("%q is decoded as %+v, but not encoded again: %v", text, kept, err)
			}
		}
	})
}

func FuzzDecodePublished(f *testing.F) {
	for _, l := range golden.Read(f, "redis-streams") {
		if l.Command == "PUBLISH" {
			f.Add(l.Payload)
		}
	}
	f.Add([]byte("\x80\xa5after\xd9"))
	f.Fuzz(func(t *testing.T, message []byte) {
		m, _, err := decodePublished(message)
		if err == nil && m == nil {
			t.Error("no message and no error")
		}
	})
}

var _ adapter.SessionStore = (*Streams)(nil)

func fromBase64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
