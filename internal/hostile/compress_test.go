package hostile_test

import (
	"bytes"
	"compress/flate"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
)

const (
	compressed = 0x40 // reserved bit 1 of a frame's head
	offer      = "Sec-WebSocket-Extensions: permessage-deflate"
)

// deflated is a message as permessage-deflate has it (RFC 7692, section
// 7.2.1).
func deflated(message string) string {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err) // the level is one
	}
	_, _ = z.Write([]byte(message))
	_ = z.Flush()
	return strings.TrimSuffix(out.String(), "\x00\x00\xff\xff")
}

// What cannot be inflated, or becomes too long, ends the connection.
func TestCompressedFrames(t *testing.T) {
	o := socketio.Options{PerMessageDeflate: &socketio.PerMessageDeflate{ClientContextTakeover: true}}
	bomb := deflated("4" + strings.Repeat("0", 50_000_000))
	echo := deflated(`421["echo","x"]`)
	half := len(bomb) / 2
	for name, c := range map[string]struct {
		send [][]byte
		want string // what ends it; nothing if it goes on, after an echo
	}{
		"a message":                      {frames(frame(fin|compressed|1, echo)), ""},
		"a message in fragments":         {frames(frame(compressed|1, echo[:3]), frame(0, ""), frame(fin, echo[3:])), ""},
		"a message of 50 MB in 50 kB":    {frames(frame(fin|compressed|1, bomb)), "close 1009"},
		"the same in two fragments":      {frames(frame(compressed|1, bomb[:half]), frame(fin, bomb[half:])), "close 1009"},
		"a binary message of 50 MB":      {frames(frame(fin|compressed|2, bomb)), "close 1009"},
		"garbage":                        {frames(frame(fin|compressed|1, "\xff\xff\xff\xff")), "close 1007"},
		"a block that does not end":      {frames(frame(fin|compressed|1, "\x00\xff\xff\x00\x00abc")), "close 1007"},
		"a distance beyond the window":   {frames(frame(fin|compressed|1, "\x62\x20\x00\x00")), "close 1007"},
		"what is no UTF-8":               {frames(frame(fin|compressed|1, deflated("42[\"\xff\"]"))), "close 1007"},
		"nothing":                        {frames(frame(fin|compressed|1, "")), "close 1007"},
		"an empty message":               {frames(frame(fin|compressed|1, "\x00")), "close 1000"},
		"a continuation marked":          {frames(frame(compressed|1, echo[:3]), frame(fin|compressed, echo[3:])), "close 1002"},
		"a ping marked":                  {frames(frame(fin|compressed|9, "")), "close 1002"},
		"a close frame marked":           {frames(frame(fin|compressed|8, "\x03\xe8")), "close 1002"},
		"reserved bit 2 as well":         {frames(frame(fin|compressed|0x20|1, echo)), "close 1002"},
		"over the limit even compressed": {frames(frame(fin|compressed|1, strings.Repeat("\x00", 1_000_001))), "close 1009"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, eio3 := range []bool{false, true} {
				lay(t, o, func(s *siege) {
					w := s.memberWire(eio3, offer)
					w.write(c.send...)
					if c.want == "" {
						w.expect(`text 431["x"]`)
						return
					}
					w.expect(c.want, "end")
				})
			}
		})
	}
}

// A client that has not offered to compress may not.
func TestCompressionNotNegotiated(t *testing.T) {
	o := socketio.Options{PerMessageDeflate: &socketio.PerMessageDeflate{}}
	for name, fields := range map[string][]string{
		"not offered":               nil,
		"another extension":         one("Sec-WebSocket-Extensions: x-webkit-deflate-frame"),
		"a parameter unknown":       one(offer + "; level=9"),
		"a parameter twice":         one(offer + "; server_no_context_takeover; server_no_context_takeover"),
		"a window of 7 bits":        one(offer + "; server_max_window_bits=7"),
		"a window of 16 bits":       one(offer + "; client_max_window_bits=16"),
		"a window of -15 bits":      one(offer + "; server_max_window_bits=-15"),
		"a window of 2^64+15 bits":  one(offer + "; server_max_window_bits=18446744073709551631"),
		"a window without a number": one(offer + "; server_max_window_bits"),
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, o, func(s *siege) {
				w := s.memberWire(false, fields...)
				w.write(frame(fin|compressed|1, deflated(`421["echo","x"]`)))
				w.expect("close 1002", "end")
				s.expectEndings("/ transport error")
			})
		})
	}
}

// Requests are not inflated.
func TestCompressedPosts(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "x, gzip"} {
		t.Run(coding, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				_, path := s.pollingSession(false)
				s.expectHTTP(postTo(path, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", "Content-Encoding: "+coding), badRequest)
				s.expectEndings("/ parse error")
			})
		})
	}
}
