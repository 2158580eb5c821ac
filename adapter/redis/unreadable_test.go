package redis

import (
	"strings"
	"testing"
)

// Of messages that cannot be decoded the log has one line for each channel; of
// messages for others, or of types that only npm's servers know, it has none.
func TestUnreadable(t *testing.T) {
	log := &logBook{}
	to := &deliveries{}
	classic := &classicMember{Subscriber: to, classic: NewClassic(nil, &ClassicOptions{Logger: log.logger()})}
	sharded := NewSharded(nil, &ShardedOptions{Logger: log.logger()})
	shardedTo := &shardedMember{Subscriber: to, hub: sharded.hub, ends: endsOf(to)}
	streams := NewStreams(nil, &StreamsOptions{Logger: log.logger()})
	streamsTo := &streamMember{Subscriber: to, log: streams.log("/"), hub: streams.hub}

	for name, receive := range map[string]func(channel, message string){
		"classic-broadcast": classic.broadcast,
		"classic-request":   classic.request,
		"classic-response":  classic.response,
		"sharded":           shardedTo.receive,
		"streams":           streamsTo.receive,
	} {
		channel := "socket.io#/#"
		if name != "classic-broadcast" {
			channel += name
		}
		for range 100 {
			for _, message := range []string{"", "{", "[]", "\x93", "\xc1", `{"type":"x"}`, strings.Repeat("\x91", 10_000)} {
				receive(channel, message)
			}
		}
		if lines := log.lines("channel=" + channel + " "); len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") {
			t.Errorf("%s: %d lines, want a warning:\n%.500q", name, len(lines), lines)
		}
	}
	if len(to.got) > 0 {
		t.Errorf("delivered %.500q", to.got)
	}

	before := len(log.lines(""))
	classic.request("others", `{"type":77}`)
	classic.response("others", `{"requestId":"r","sockets":["a","b"]}`)
	classic.response("others", `{"requestId":"r","rooms":["a"]}`)
	shardedTo.receive("others", `{"type":77,"nsp":"/","uid":"other"}`)
	if lines := log.lines("")[before:]; len(lines) > 0 {
		t.Errorf("what is for others is logged: %q", lines)
	}
}
