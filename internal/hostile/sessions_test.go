package hostile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A sessionCase is a script about one session over polling, which nobody but
// the script polls.
type sessionCase struct {
	name   string
	script func(s *siege, sid string, path string)
	reason string // for which the session has ended; empty if it goes on
}

// pollingSession opens a session that is in "/", with nothing to be polled.
func (s *siege) pollingSession(eio3 bool) (sid, path string) {
	s.T.Helper()
	path = fmt.Sprintf("/socket.io/?EIO=%d&transport=polling", protocol(eio3))
	answer := s.http(get(path))
	_, rest, found := strings.Cut(answer, `"sid":"`)
	sid, _, _ = strings.Cut(rest, `"`)
	if !found {
		s.T.Fatalf("a handshake is answered by %q", answer)
	}
	path += "&sid=" + sid
	if !eio3 {
		s.expectHTTP(postTo(path, "40"), "200 ok")
	}
	s.expectHTTP(get(path), "200")
	return sid, path
}

func playSessions(t *testing.T, cases []sessionCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, eio3 := range []bool{false, true} {
				lay(t, socketio.Options{}, func(s *siege) {
					sid, path := s.pollingSession(eio3)
					c.script(s, sid, path)
					pause(answerTime)
					if c.reason == "" {
						s.expectEndings()
						s.expectHTTP(postTo(path, payload(eio3, `429["echo"]`)), "200 ok")
						s.expectHTTP(get(path), "200 "+payload(eio3, "439[]"))
						return
					}
					s.expectEndings("/ " + c.reason)
					s.expectHTTP(postTo(path, payload(eio3, "6")), unknownSession)
				})
			}
		})
	}
}

func revision3(path string) bool { return strings.Contains(path, "EIO=3") }

func TestStolenSession(t *testing.T) {
	both := func(s *siege, first, second string) (string, string) {
		a := s.request(first)
		synctest.Wait()
		b := s.request(second)
		return <-a, <-b
	}
	want := func(s *siege, got, want string) {
		s.T.Helper()
		if got != want {
			s.T.Errorf("answered by %q, want %q", got, want)
		}
	}
	playSessions(t, []sessionCase{
		{"two polls at once", func(s *siege, sid, path string) {
			first, second := both(s, get(path), get(path))
			want(s, first, "200 "+payload(revision3(path), "1"))
			want(s, second, badRequest)
		}, "transport error"},
		{"two POSTs at once", func(s *siege, sid, path string) {
			slow := strings.TrimSuffix(postTo(path, "xx"), "xx")
			_, second := both(s, slow+"x", postTo(path, payload(revision3(path), "6")))
			want(s, second, badRequest)
		}, "transport error"},
		{"a poll and a POST at once", func(s *siege, sid, path string) {
			first, second := both(s, get(path), postTo(path, payload(revision3(path), `421["echo","x"]`)))
			want(s, first, "200 "+payload(revision3(path), `431["x"]`))
			want(s, second, "200 ok")
		}, ""},
		{"a poll that is given up", func(s *siege, sid, path string) {
			conn := s.connection()
			_, err := conn.Write([]byte(strings.ReplaceAll(get(path), "\n", "\r\n")))
			s.ok(err)
			synctest.Wait()
			conn.Close()
		}, "transport close"},
		{"a POST that is given up", func(s *siege, sid, path string) {
			conn := s.connection()
			request := strings.ReplaceAll(strings.TrimSuffix(postTo(path, "xx"), "xx"), "\n", "\r\n") + "x"
			_, err := conn.Write([]byte(request))
			s.ok(err)
			synctest.Wait()
			conn.Close()
		}, "transport close"},
		{"in other case", func(s *siege, sid, path string) {
			s.expectHTTP(get(strings.ReplaceAll(path, sid, strings.ToUpper(sid)+"x")), unknownSession)
		}, ""},
		{"cut short", func(s *siege, sid, path string) { s.expectHTTP(get(path[:len(path)-1]), unknownSession) }, ""},
		{"with a space", func(s *siege, sid, path string) { s.expectHTTP(get(path+"%20"), unknownSession) }, ""},
		{"with NUL", func(s *siege, sid, path string) { s.expectHTTP(get(path+"%00"), unknownSession) }, ""},
		{"after another", func(s *siege, sid, path string) {
			s.expectHTTP(get(strings.Replace(path, "sid=", "sid=x&sid=", 1)), unknownSession)
		}, ""},
		{"as an array", func(s *siege, sid, path string) {
			s.expectHTTP(postTo(strings.Replace(path, "sid=", "sid[]=", 1), ""), badMethod)
		}, ""},
		{"PUT", func(s *siege, sid, path string) {
			s.expectHTTP(strings.Replace(postTo(path, "6"), "POST", "PUT", 1), badRequest)
		}, ""},
		{"DELETE", func(s *siege, sid, path string) {
			s.expectHTTP(strings.Replace(get(path), "GET", "DELETE", 1), badRequest)
		}, ""},
		{"a WebSocket that is none", func(s *siege, sid, path string) {
			s.expectHTTP(get(strings.Replace(path, "polling", "websocket", 1)), badRequest)
		}, ""},
		{"by the other revision's name", func(s *siege, sid, path string) {
			other := strings.NewReplacer("EIO=4", "EIO=3", "EIO=3", "EIO=4").Replace(path)
			s.expectHTTP(postTo(other, payload(revision3(path), `42["nobody"]`)), badRequest)
		}, ""},
		{"from another origin", func(s *siege, sid, path string) {
			s.expectHTTP(get(path, "Origin: http://evil.test"), forbidden)
			s.expectHTTP(postTo(path, "1", "Origin: http://evil.test"), forbidden)
		}, ""},
	})
}

func TestUpgrades(t *testing.T) {
	wireOf := func(s *siege, sid, path string) *wire {
		s.T.Helper()
		return s.wire(fmt.Sprintf("EIO=%d&sid=%s", protocol(revision3(path)), sid))
	}
	playSessions(t, []sessionCase{
		{"a probe without an upgrade", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("2probe"))
			w.expect("text 3probe")
			s.expectHTTP(get(path), "200 "+payload(revision3(path), "6"))
			pause(10 * time.Second)
			w.expect("end")
		}, ""},
		{"a connection without a probe", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.expect()
			pause(10 * time.Second)
			w.expect("end")
		}, ""},
		{"a probe that hangs up", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("2probe"))
			w.conn.Close()
		}, ""},
		{"an upgrade without a probe", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("5"))
			w.expect("end")
		}, ""},
		{"an event instead of a probe", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text(`42["note","x"]`))
			w.expect("close 1000", "end")
			if notes := s.got(&s.noted); len(notes) > 0 {
				s.T.Errorf("the handler gets %q", notes)
			}
		}, ""},
		{"an event after the probe", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("2probe"), text(`42["note","x"]`))
			w.expect("text 3probe", "close 1000", "end")
		}, ""},
		{"a probe with another word", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("2Probe"))
			w.expect("close 1000", "end")
		}, ""},
		{"an answer to the probe", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("3probe"))
			w.expect("close 1000", "end")
		}, ""},
		{"a binary probe", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(bin("\x04probe"))
			w.expect("close 1000", "end")
		}, ""},
		{"a probe twice", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("2probe"), text("2probe"))
			w.expect("text 3probe", "text 3probe")
			w.write(closing(1000, ""))
			w.expect("close 1000", "end")
		}, ""},
		{"a breach of WebSocket", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(text("2probe"), frame(fin|0x40|1, "5"))
			w.expect("text 3probe", "close 1002", "end")
		}, ""},
		{"a probe over the limit", func(s *siege, sid, path string) {
			w := wireOf(s, sid, path)
			w.write(rawclient.FrameHead(fin|1, 1_000_001))
			w.expect("close 1009", "end")
		}, ""},
		{"two at once", func(s *siege, sid, path string) {
			first, second := wireOf(s, sid, path), wireOf(s, sid, path)
			second.expect("close 1002", "end")
			first.write(text("2probe"))
			first.expect("text 3probe")
			first.conn.Close()
		}, ""},
		{"a hundred at once", func(s *siege, sid, path string) {
			first := wireOf(s, sid, path)
			var others []*wire
			for range 100 {
				others = append(others, wireOf(s, sid, path))
			}
			pause(answerTime)
			for _, w := range others {
				if got := w.take(); !slices.Equal(got, []string{"close 1002", "end"}) {
					s.T.Errorf("another WebSocket hears %q", got)
				}
			}
			first.conn.Close()
		}, ""},
	})
}

// A session that has been upgraded answers no polls.
func TestAfterUpgrade(t *testing.T) {
	for _, eio3 := range []bool{false, true} {
		upgraded := func(name string, attack func(s *siege, w *wire, sid, path string)) {
			t.Run(fmt.Sprint(name, " ", protocol(eio3)), func(t *testing.T) {
				lay(t, socketio.Options{}, func(s *siege) {
					sid, path := s.pollingSession(eio3)
					w := s.wire(fmt.Sprintf("EIO=%d&sid=%s", protocol(eio3), sid))
					w.write(text("2probe"))
					w.expect("text 3probe")
					w.write(text("5"))
					w.expect()
					attack(s, w, sid, path)
					w.write(text(`421["echo","x"]`))
					w.expect(`text 431["x"]`)
				})
			})
		}
		upgraded("a poll", func(s *siege, w *wire, sid, path string) { s.expectHTTP(get(path), badRequest) })
		upgraded("a POST", func(s *siege, w *wire, sid, path string) {
			s.expectHTTP(postTo(path, payload(eio3, "1")), badRequest)
		})
		upgraded("another upgrade", func(s *siege, w *wire, sid, path string) {
			second := s.wire(fmt.Sprintf("EIO=%d&sid=%s", protocol(eio3), sid))
			second.write(text("2probe"))
			second.expect("close 1002", "end")
		})
		upgraded("UPGRADE again", func(s *siege, w *wire, sid, path string) { w.write(text("5")) })
		upgraded("a POST of the other revision", func(s *siege, w *wire, sid, path string) {
			s.expectHTTP(postTo(path, payload(!eio3, "1")), badRequest)
		})
	}
}

// What comes after the client's own end finds no session.
func TestAfterClose(t *testing.T) {
	for _, eio3 := range []bool{false, true} {
		for name, request := range map[string]func(path string) string{
			"a poll":      func(path string) string { return get(path) },
			"a POST":      func(path string) string { return postTo(path, payload(eio3, `42["note","x"]`)) },
			"CLOSE again": func(path string) string { return postTo(path, payload(eio3, "1")) },
			"an upgrade":  func(path string) string { return upgrade(path[strings.Index(path, "sid="):]) },
		} {
			t.Run(fmt.Sprint(name, " ", protocol(eio3)), func(t *testing.T) {
				lay(t, socketio.Options{}, func(s *siege) {
					_, path := s.pollingSession(eio3)
					s.expectHTTP(postTo(path, payload(eio3, "1")), "200 ok")
					s.expectHTTP(get(path), "200 "+payload(eio3, "6"))
					s.expectEndings("/ transport close")
					s.expectHTTP(request(path), unknownSession)
				})
			})
		}
	}
}

// The id of a socket, which others may know, is none of a session.
func TestSocketIDIsNoSessionID(t *testing.T) {
	lay(t, socketio.Options{}, func(s *siege) {
		for socket := range s.Sockets() {
			s.expectHTTP(get("/socket.io/?EIO=4&transport=polling&sid="+socket.ID()), unknownSession)
			s.expectHTTP(postTo("/socket.io/?EIO=4&transport=polling&sid="+socket.ID(), "1"), unknownSession)
			s.expectHTTP(upgrade("EIO=4&sid="+socket.ID()), unknownSession)
		}
	})
}

// A session that is a WebSocket from the beginning has no polls and no
// upgrades.
func TestSessionOfTheOtherTransport(t *testing.T) {
	for _, eio3 := range []bool{false, true} {
		lay(t, socketio.Options{}, func(s *siege) {
			c := s.member(rawclient.WebSocket, eio3)
			s.expectHTTP(get(target(c, eio3)), badRequest)
			s.expectHTTP(post(c, eio3, "1"), badRequest)
			second := s.wire(fmt.Sprintf("EIO=%d&sid=%s", protocol(eio3), c.Handshake.SID))
			second.expect("close 1002", "end")
			s.expectEndings()
			s.ok(c.Send(`428["echo","still here"]`))
			if p, err := c.Next(); p != `438["still here"]` {
				s.T.Errorf("the session is of no use: %q, %v", p, err)
			}
		})
	}
}
