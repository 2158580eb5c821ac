package hostile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A frameCase is what comes over a WebSocket that is in "/".
type frameCase struct {
	name   string
	send   [][]byte
	want   []string // what the client hears
	reason string   // that the socket is told; empty if the connection stays
}

const protocolError = "transport error"

func frame(head byte, payload string) []byte { return rawclient.Frame(head, payload) }

func frames(all ...[]byte) [][]byte { return all }

func playFrames(t *testing.T, cases []frameCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, eio3 := range []bool{false, true} {
				lay(t, socketio.Options{}, func(s *siege) {
					w := s.memberWire(eio3)
					w.write(c.send...)
					w.expect(c.want...)
					if c.reason != "" {
						s.expectEndings("/ " + c.reason)
						return
					}
					s.expectEndings()
					w.write(text(`428["echo","still here"]`))
					w.expect(`text 438["still here"]`)
				})
			}
		})
	}
}

func TestFrames(t *testing.T) {
	echo := text(`421["echo","x"]`)
	const echoed = `text 431["x"]`
	gone := func(code int) []string { return all(fmt.Sprint("close ", code), "end") }
	unmasked := func(head byte, payload string) []byte {
		return append([]byte{head, byte(len(payload))}, payload...)
	}
	playFrames(t, []frameCase{
		{"without a mask", frames(unmasked(fin|1, "4")), gone(1002), protocolError},
		{"a close frame without a mask", frames(unmasked(fin|8, "\x03\xe8")), gone(1002), protocolError},
		{"one with a mask, then one without", frames(ping("p"), unmasked(fin|1, "4")), all("pong p", "close 1002", "end"), protocolError},
		{"reserved bit 1, as of a compressed message", frames(frame(fin|0x40|1, "4")), gone(1002), protocolError},
		{"reserved bit 2", frames(frame(fin|0x20|1, "4")), gone(1002), protocolError},
		{"reserved bit 3", frames(frame(fin|0x10|1, "4")), gone(1002), protocolError},
		{"reserved bits on a control frame", frames(frame(fin|0x70|9, "")), gone(1002), protocolError},
		{"opcode 3", frames(frame(fin|3, "4")), gone(1002), protocolError},
		{"opcode 7", frames(frame(fin|7, "4")), gone(1002), protocolError},
		{"opcode 11", frames(frame(fin|11, "")), gone(1002), protocolError},
		{"opcode 15", frames(frame(fin|15, "")), gone(1002), protocolError},

		{"a ping of 126 bytes", frames(ping(strings.Repeat("p", 126))), gone(1002), protocolError},
		{"a ping of 125 bytes", frames(ping(strings.Repeat("p", 125))), one("pong " + strings.Repeat("p", 125)), ""},
		{"a ping that announces 2^63-1 bytes", frames(rawclient.FrameHead(fin|9, 1<<63-1)), gone(1002), protocolError},
		{"a ping in two fragments", frames(frame(9, "a"), frame(fin, "b")), gone(1002), protocolError},
		{"a close frame in two fragments", frames(frame(8, "\x03"), frame(fin, "\xe8")), gone(1002), protocolError},
		{"a close frame of 126 bytes", frames(closing(1000, strings.Repeat("r", 124))), gone(1002), protocolError},
		{"a pong that nobody asked for", frames(frame(fin|10, "x")), nil, ""},

		{"a text in three fragments", frames(frame(1, `421["e`), frame(0, `cho","`), frame(fin, `x"]`)), one(echoed), ""},
		{"a ping among fragments", frames(frame(1, `421["e`), ping("p"), frame(fin, `cho","x"]`)), all("pong p", echoed), ""},
		{"a text among fragments", frames(frame(1, `421["e`), echo, frame(fin, `cho"]`)), gone(1002), protocolError},
		{"a binary message among fragments", frames(frame(1, `421["e`), bin("x"), frame(fin, `cho"]`)), gone(1002), protocolError},
		{"a continuation of nothing", frames(frame(fin, "x")), gone(1002), protocolError},
		{"a continuation of what is complete", frames(ping("p"), frame(0, "x")), all("pong p", "close 1002", "end"), protocolError},
		{"a close frame among fragments", frames(frame(1, "42"), closing(1000, "")), gone(1000), "transport close"},
		{"ten thousand empty fragments", append(append(frames(frame(1, "")), slices.Repeat(frames(frame(0, "")), 10_000)...), frame(fin, `421["echo","x"]`)), one(echoed), ""},

		{"a message over the limit", frames(text(strings.Repeat("4", 1_000_001))), gone(1009), protocolError},
		{"a message whose length alone is over the limit", frames(rawclient.FrameHead(fin|2, 1_000_001)), gone(1009), protocolError},
		{"a message of 2^63-1 bytes announced", frames(rawclient.FrameHead(fin|2, 1<<63-1)), gone(1009), protocolError},
		{"a message of 2^64-1 bytes announced", frames(rawclient.FrameHead(fin|2, 1<<64-1)), gone(1002), protocolError},
		{"fragments over the limit", frames(frame(1, strings.Repeat("4", 999_999)), frame(0, "4"), frame(fin, "4")), gone(1009), protocolError},
		{"a length longer than it need be", frames([]byte{fin | 1, 0x80 | 126, 0, 1, 0, 0, 0, 0, '4'}), gone(1002), protocolError},
		{"a length of eight bytes longer than it need be", frames([]byte{fin | 1, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, '4'}), gone(1002), protocolError},

		{"a text of half a character", frames(text("421[\"echo\",\"\xc3\"]")), gone(1007), protocolError},
		{"a text with a surrogate", frames(text("421[\"echo\",\"\xed\xa0\x80\"]")), gone(1007), protocolError},
		{"a text with an overlong slash", frames(text("40\xc0\xafchat,")), gone(1007), protocolError},
		{"a text beyond Unicode", frames(text("421[\"echo\",\"\xf4\x90\x80\x80\"]")), gone(1007), protocolError},
		{"a character in two fragments", frames(frame(1, "421[\"echo\",\"\xc3"), frame(fin, "\xa9\"]")), one(`text 431["é"]`), ""},
		{"an empty text", frames(text("")), gone(1000), "parse error"},

		{"close code 0", frames(closing(0, "")), gone(1002), protocolError},
		{"close code 999", frames(closing(999, "")), gone(1002), protocolError},
		{"close code 1004", frames(closing(1004, "")), gone(1002), protocolError},
		{"close code 1005", frames(closing(1005, "")), gone(1002), protocolError},
		{"close code 1006", frames(closing(1006, "")), gone(1002), protocolError},
		{"close code 1015", frames(closing(1015, "")), gone(1002), protocolError},
		{"close code 2999", frames(closing(2999, "")), gone(1002), protocolError},
		{"close code 5000", frames(closing(5000, "")), gone(1002), protocolError},
		{"close code 65535", frames(closing(65535, "")), gone(1002), protocolError},
		{"close code 4999", frames(closing(4999, "")), gone(4999), "transport close"},
		{"half a close code", frames(frame(fin|8, "\x03")), gone(1002), protocolError},
		{"no close code", frames(frame(fin|8, "")), all("close", "end"), "transport close"},
		{"a close reason that is no UTF-8", frames(closing(1000, "\xff")), gone(1007), protocolError},
		{"two close frames", frames(closing(1000, ""), closing(1001, "")), gone(1000), "transport close"},
		{"an event after the close frame", frames(closing(1000, ""), text(`42["note","late"]`)), gone(1000), "transport close"},
		{"an event after a breach", frames(frame(fin|3, ""), text(`42["note","late"]`)), gone(1002), protocolError},
		{"an HTTP request", frames([]byte("GET /socket.io/ HTTP/1.1\r\nHost: server.test\r\n\r\n")), gone(1002), protocolError},
		{"a TLS hello", frames([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")), gone(1002), protocolError},
	})
}

// A binary message of revision 3 begins with its type.
func TestBinaryTypes(t *testing.T) {
	for name, message := range map[string]string{"none": "", "0": "\x00x", "the digit": "4x", "5": "\x05x", "255": "\xffx"} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				w := s.memberWire(true)
				w.write(text(`451-["echo",{"_placeholder":true,"num":0}]`), bin(message))
				w.expect("close 1000", "end")
				s.expectEndings("/ parse error")
			})
		})
	}
}

// Heartbeats go one way.
func TestHeartbeatsOfTheWrongSide(t *testing.T) {
	for _, mode := range []rawclient.Mode{rawclient.Polling, rawclient.WebSocket} {
		for _, eio3 := range []bool{false, true} {
			t.Run(fmt.Sprint(mode, " ", protocol(eio3)), func(t *testing.T) {
				lay(t, socketio.Options{}, func(s *siege) {
					foreign, own, answer := "2", "3", []string(nil)
					if eio3 {
						foreign, own, answer = "3", "2", one("3")
					}
					(&packetCase{packets: many(100, own), want: stays, answers: slices.Repeat(answer, 100)}).play(s, mode, eio3)
					(&packetCase{packets: one(foreign), want: transportError}).play(s, mode, eio3)
				})
			})
		}
	}
}
