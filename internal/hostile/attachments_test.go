package hostile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestAttachments(t *testing.T) {
	const data, text = "bAQID", `{"_placeholder":true,"num":0}`
	named := func(placeholder string) []string { return all(`451-1["echo",`+placeholder+`]`, data) }
	back := all(`461-1[`+text+`]`, data)
	playPackets(t, []packetCase{
		{"a number out of range", named(`{"_placeholder":true,"num":1}`), forcedClose, nil, nil},
		{"a negative number", named(`{"_placeholder":true,"num":-1}`), forcedClose, nil, nil},
		{"minus nought", named(`{"_placeholder":true,"num":-0}`), forcedClose, nil, nil},
		{"a fraction", named(`{"_placeholder":true,"num":0.5}`), forcedClose, nil, nil},
		{"nought as a float", named(`{"_placeholder":true,"num":0.0}`), forcedClose, nil, nil},
		{"an exponent", named(`{"_placeholder":true,"num":0e5}`), forcedClose, nil, nil},
		{"a number of 10,000 digits", named(`{"_placeholder":true,"num":` + strings.Repeat("9", 10_000) + `}`), forcedClose, nil, nil},
		{"no number", named(`{"_placeholder":true}`), forcedClose, nil, nil},
		{"a string", named(`{"_placeholder":true,"num":"0"}`), forcedClose, nil, nil},
		{"the name of a method", named(`{"_placeholder":true,"num":"splice"}`), forcedClose, nil, nil},
		{"null", named(`{"_placeholder":true,"num":null}`), forcedClose, nil, nil},
		{"true", named(`{"_placeholder":true,"num":true}`), forcedClose, nil, nil},
		{"an array", named(`{"_placeholder":true,"num":[0]}`), forcedClose, nil, nil},
		{"an object", named(`{"_placeholder":true,"num":{}}`), forcedClose, nil, nil},
		{"a placeholder", named(`{"_placeholder":true,"num":` + text + `}`), forcedClose, nil, nil},
		{"two numbers, the last of which is wrong", named(`{"_placeholder":true,"num":0,"num":7}`), forcedClose, nil, nil},
		{"two numbers, the last of which is right", named(`{"_placeholder":true,"num":7,"num":0}`), stays, back, nil},
		{"__proto__ beside it", named(`{"__proto__":{"num":0},"_placeholder":true,"num":0}`), stays, back, nil},
		{"inherited by __proto__", named(`{"__proto__":` + text + `}`), stays, all(`461-1[{"__proto__":`+text+`}]`, data), nil},
		{"marked by a string", named(`{"_placeholder":"true","num":0}`), stays, one(`431[{"_placeholder":"true","num":0}]`), nil},
		{"marked by a number", named(`{"_placeholder":1,"num":0}`), stays, one(`431[{"_placeholder":1,"num":0}]`), nil},
		{"unmarked at last", named(`{"_placeholder":true,"num":9,"_placeholder":false}`), stays, one(`431[{"_placeholder":false,"num":9}]`), nil},
		{"in a packet without attachments", one(`421["echo",` + text + `]`), stays, one(`431[` + text + `]`), nil},
		{"named by nobody", named(`"x"`), stays, one(`431["x"]`), nil},
		{"named twice", named(text + "," + text), forcedClose, nil, nil},
		{"empty", all(`451-1["echo",`+text+`]`, "b"), stays, all(`461-1[`+text+`]`, "b"), nil},

		{"none announced", one(`450-["echo"]`), forcedClose, nil, nil},
		{"minus one announced", one(`45-1-["echo"]`), forcedClose, nil, nil},
		{"one and a half announced", one(`451.5-["echo"]`), forcedClose, nil, nil},
		{"announced with an exponent", one(`451e1-["echo"]`), forcedClose, nil, nil},
		{"announced without a number", one(`45-["echo"]`), forcedClose, nil, nil},
		{"announced without a dash", one(`451["echo",` + text + `]`), forcedClose, nil, nil},
		{"one more than allowed", one(`4511-["echo"]`), forcedClose, nil, nil},
		{"a billion announced", one(`451000000000-["echo"]`), forcedClose, nil, nil},
		{"announced in 10,000 digits", one(`45` + strings.Repeat("9", 10_000) + `-["echo"]`), forcedClose, nil, nil},
		{"announced, then a text", all(`451-["note",`+text+`]`, `42["note","x"]`), forcedClose, nil, nil},
		{"announced, then another announced", all(`451-["note",`+text+`]`, `451-["note",`+text+`]`), forcedClose, nil, nil},
		{"two announced, one sent, then a text", all(`452-["note",`+text+`]`, data, `42["note","x"]`), forcedClose, nil, nil},
		{"announced, then CLOSE", all(`451-["note",`+text+`]`, "1"), transportClose, nil, nil},
		{"announced, then CONNECT to a namespace", all(`451-["note",`+text+`]`, "40/chat,"), forcedClose, nil, nil},
		{"not announced", one(data), forcedClose, nil, nil},
		{"one more than announced", all(`451-["nobody",`+text+`]`, data, data), forcedClose, nil, nil},
		{"for a reply that nobody awaits", all(`461-999[`+text+`]`, data), stays, nil, nil},
		{"for a reply that names one 500 times", all(`461-0[[`+text+strings.Repeat(","+text, 499)+`]]`, data), forcedClose, nil, nil},
		{"for a reply with a number out of range", all(`461-0[{"_placeholder":true,"num":3}]`, data), forcedClose, nil, nil},
	})
}

// An attachment where the handler wants text is an error of the arguments,
// text where it wants bytes likewise.
func TestAttachmentOfTheWrongType(t *testing.T) {
	playPackets(t, []packetCase{
		{"bytes for a text", all(`451-["note",{"_placeholder":true,"num":0}]`, "bAQID"), stays, nil, nil},
		{"bytes in a text", all(`451-["note",[{"_placeholder":true,"num":0}]]`, "bAQID"), stays, nil, nil},
	})
}

// Attachments that do not come end the connection; each has its time.
func TestAttachmentsThatDoNotCome(t *testing.T) {
	const placeholders = `{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}`
	for _, eio3 := range []bool{false, true} {
		started := func(name string, attack func(s *siege, c *rawclient.Client)) {
			for _, mode := range []rawclient.Mode{rawclient.Polling, rawclient.WebSocket} {
				t.Run(fmt.Sprint(name, " ", mode, " ", protocol(eio3)), func(t *testing.T) {
					lay(t, socketio.Options{ConnectTimeout: 5 * time.Second}, func(s *siege) {
						c := s.member(mode, eio3)
						s.ok(c.Send(`452-1["echo",` + placeholders + `]`))
						pause(4 * time.Second)
						s.expectEndings()
						attack(s, c)
					})
				})
			}
		}
		started("none", func(s *siege, c *rawclient.Client) {
			pause(2 * time.Second)
			s.expectEndings("/ forced close")
		})
		started("one of two", func(s *siege, c *rawclient.Client) {
			s.ok(c.Send("bAQ=="))
			pause(4 * time.Second)
			s.expectEndings()
			pause(2 * time.Second)
			s.expectEndings("/ forced close")
		})
		started("late, but in time", func(s *siege, c *rawclient.Client) {
			s.ok(c.Send("bAQ=="))
			pause(4 * time.Second)
			s.ok(c.Send("bAg=="))
			pause(6 * time.Second)
			s.expectEndings()
			if got, want := heard(c), all(`462-1[`+placeholders+`]`, "bAQ==", "bAg==", "open"); !slices.Equal(got, want) {
				s.T.Errorf("the client hears %q, want %q", got, want)
			}
		})
	}
}

// What base64 decoders forgive is refused.
func TestBase64(t *testing.T) {
	for name, packet := range map[string]string{
		"of other characters":     "b!!!!",
		"with a space":            "bAQ ID",
		"of the alphabet of URLs": "b-_-_",
		"without padding":         "bAQ",
		"padded too much":         "bAQID====",
		"padded in the middle":    "bAQ==AQID",
		"with bits left over":     "bAR==x",
		"with NUL":                "bAQI\x00",
	} {
		t.Run(name, func(t *testing.T) {
			for _, eio3 := range []bool{false, true} {
				p := packet
				if eio3 {
					p = "b4" + packet[1:]
				}
				lay(t, socketio.Options{}, func(s *siege) {
					c := s.member(rawclient.Polling, eio3)
					s.expectHTTP(post(c, eio3, payload(eio3, p)), `400 {"code":3,"message":"Bad request"}`)
					s.expectEndings("/ parse error")
				})
				lay(t, socketio.Options{}, func(s *siege) {
					w := s.memberWire(eio3)
					w.write(text(p))
					w.expect("close 1000", "end")
					s.expectEndings("/ parse error")
				})
			}
		})
	}
}
