package engine_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/engine"
)

const browsersOffer = "permessage-deflate; client_max_window_bits"

func deflating(d engine.PerMessageDeflate) *engine.Options {
	return &engine.Options{PerMessageDeflate: &d}
}

func TestDeflateNegotiation(t *testing.T) {
	const neither = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	both := &engine.PerMessageDeflate{ServerContextTakeover: true, ClientContextTakeover: true}
	for _, test := range []struct {
		options *engine.PerMessageDeflate
		offer   string
		answer  string
	}{
		{nil, browsersOffer, ""},
		{&engine.PerMessageDeflate{}, "", ""},
		{&engine.PerMessageDeflate{}, "x-webkit-deflate-frame", ""},
		{&engine.PerMessageDeflate{}, browsersOffer, neither},
		{&engine.PerMessageDeflate{}, "foo; a=1, permessage-deflate", neither},
		{&engine.PerMessageDeflate{ServerContextTakeover: true}, browsersOffer, "permessage-deflate; client_no_context_takeover"},
		{&engine.PerMessageDeflate{ClientContextTakeover: true}, browsersOffer, "permessage-deflate; server_no_context_takeover"},
		{both, browsersOffer, "permessage-deflate"},
		{both, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"},
		{both, "permessage-deflate ;client_no_context_takeover ", "permessage-deflate; client_no_context_takeover"},
		{both, `permessage-deflate; server_max_window_bits="15"`, "permessage-deflate; server_max_window_bits=15"},
		{both, "permessage-deflate; client_max_window_bits=9", "permessage-deflate"},
		{both, "permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate"},
		{both, `permessage-deflate; server_max_window_bits=""15""`, ""},
		{both, `permessage-deflate; server_max_window_bits="15`, ""},
		{both, `permessage-deflate; client_max_window_bits=15"`, ""},
		{both, `permessage-deflate; server_max_window_bits="15; client_max_window_bits=15"`, ""},
		{both, `foo; a=", permessage-deflate, "`, ""},
		{both, "permessage-deflate; server_max_window_bits", ""},
		{both, "permessage-deflate; server_max_window_bits=14", ""},
		{both, "permessage-deflate; client_max_window_bits=7", ""},
		{both, "permessage-deflate; client_max_window_bits=08", ""},
		{both, "permessage-deflate; client_max_window_bits=", ""},
		{both, "permessage-deflate; server_no_context_takeover=1", ""},
		{both, "permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
		{both, "permessage-deflate; unheard_of", ""},
		{both, "permessage-deflate;", "permessage-deflate"},
	} {
		t.Run(test.offer, func(t *testing.T) {
			run(t, &engine.Options{PerMessageDeflate: test.options}, func(h *harness) {
				w := h.wire("", "Sec-Websocket-Extensions", test.offer)
				if got := w.resp.Header.Get("Sec-Websocket-Extensions"); w.resp.StatusCode != 101 || got != test.answer {
					t.Errorf("answered by %s with the extensions %q, want %q", w.resp.Status, got, test.answer)
				}
			})
		})
	}
}

// One Message is sent to clients with and without compression.
func TestDeflateOfMessages(t *testing.T) {
	long, short := strings.Repeat("ab", 512), strings.Repeat("ab", 511)+"c"
	message := func(text string, binaries ...string) func() *engine.Message {
		return func() *engine.Message {
			data := make([][]byte, len(binaries))
			for i, b := range binaries {
				data[i] = []byte(b)
			}
			return engine.NewMessage([]byte(text), data...)
		}
	}
	for name, test := range map[string]struct {
		message       func() *engine.Message
		query         string
		deflated, raw []string
	}{
		"from the threshold":  {message(long[1:]), "", []string{"deflated text 4" + long[1:]}, []string{"text 4" + long[1:]}},
		"not below it":        {message(short[1:]), "", []string{"text 4" + short[1:]}, []string{"text 4" + short[1:]}},
		"off for the message": {func() *engine.Message { return plainSize(1024) }, "", []string{"text 4" + strings.Repeat("x", 1023)}, []string{"text 4" + strings.Repeat("x", 1023)}},
		"attachments, each for itself": {message("a", long, short), "",
			[]string{"text 4a", "deflated binary " + long, "binary " + short}, []string{"text 4a", "binary " + long, "binary " + short}},
		"attachments in base64": {message("a", long), "&b64=1",
			[]string{"text 4a", "deflated text b" + base64.StdEncoding.EncodeToString([]byte(long))}, []string{"text 4a", "binary " + long}},
		"attachments in revision 3": {message(long, long), "&EIO=3",
			[]string{"deflated text 4" + long, "deflated binary \x04" + long}, []string{"text 4" + long, "binary " + long}},
	} {
		t.Run(name, func(t *testing.T) {
			o := deflating(engine.PerMessageDeflate{})
			o.AllowEIO3 = true
			everywhere(t, o, func(h *harness) {
				w, r := h.deflateSession(test.query, browsersOffer)
				same, sameSession := h.deflateSession(test.query, browsersOffer)
				other, otherSession := h.wireSession()
				m := test.message()
				r.Send(m)
				otherSession.Send(m)
				sameSession.SendLater(m)
				w.expect(test.deflated...)
				same.expect(test.deflated...)
				other.expect(test.raw...)
			})
		})
	}
}

func TestContextTakeover(t *testing.T) {
	json := deflateData()[0]
	for _, server := range []bool{false, true} {
		for _, client := range []bool{false, true} {
			t.Run(fmt.Sprintf("server %v, client %v", server, client), func(t *testing.T) {
				o := deflating(engine.PerMessageDeflate{ServerContextTakeover: server, ClientContextTakeover: client})
				everywhere(t, o, func(h *harness) {
					w, _ := h.deflateSession("", browsersOffer)
					echo := func(data string) (sent, received int) {
						compressed := w.deflater.deflate("4" + data)
						go w.write(frame(fin|0x41, compressed), 0)
						if got := w.next(); strings.TrimPrefix(got, "deflated ") != "text 4"+data {
							h.t.Fatalf("got %.80q, want %.80q", got, data)
						}
						return len(compressed), w.length
					}
					echo(json[:3000])
					echo("too short to be compressed, and no context for what follows")
					sent, received := echo(json[:3000])
					if (sent < 100) != client || (received < 100) != server {
						h.t.Errorf("what has been sent before took %d bytes to the server, %d to the client", sent, received)
					}
					for i, size := range []int{2000, 30_000, 32 << 10, 40_000, 2000, 100_000, 5000} { // around the window's size
						echo(strings.ToValidUTF8(json[i*1000:i*1000+size], ""))
					}
				})
			})
		}
	}
}

func TestDeflateViolations(t *testing.T) {
	bomb := func(d *deflater) []byte { return d.text("4" + strings.Repeat("x", 1_000_000)) }
	for name, test := range map[string]struct {
		send func(d *deflater) []byte
		want string
	}{
		"RSV1 in a continuation":    {func(*deflater) []byte { return append(frame(0x41, "4"), frame(fin|0x40, "x")...) }, "close 1002"},
		"RSV1 in a ping":            {func(*deflater) []byte { return frame(fin|0x49, "x") }, "close 1002"},
		"RSV1 in a close frame":     {func(*deflater) []byte { return frame(fin|0x48, "\x03\xe8") }, "close 1002"},
		"RSV2":                      {func(*deflater) []byte { return frame(fin|0x61, "x") }, "close 1002"},
		"no DEFLATE":                {func(*deflater) []byte { return frame(fin|0x41, "4hello") }, "close 1007"},
		"a block that is cut off":   {func(*deflater) []byte { return frame(fin|0x41, "\x00\x05\x00\xfa\xff4a") }, "close 1007"},
		"data after the stream":     {func(d *deflater) []byte { return frame(fin|0x41, "\x03\x00"+d.deflate("4a")) }, "close 1007"},
		"text that is no UTF-8":     {func(d *deflater) []byte { return d.text("4\xff") }, "close 1007"},
		"a message over MaxPayload": {bomb, "close 1009"},
		"a fragmented one over it":  {func(d *deflater) []byte { return cut(0x41|fin, d.deflate("4"+strings.Repeat("x", 1_000_000)), 100) }, "close 1009"},
		"a frame over it":           {func(*deflater) []byte { return frameHead(fin|0x41, 1_000_001) }, "close 1009"},
		"a context it was denied": {func(d *deflater) []byte {
			d.clientContext = true
			return append(d.text("4"+deflateData()[0][:2000]), d.text("4"+deflateData()[0][:2000])...)
		}, "close 1007"},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, deflating(engine.PerMessageDeflate{Threshold: 10_000}), func(h *harness) {
				w, r := h.deflateSession("", browsersOffer)
				go w.write(test.send(w.deflater), 0)
				got := w.next()
				if strings.HasPrefix(got, "text ") { // the echo of a first one
					got = w.next()
				}
				if got != test.want {
					h.t.Errorf("got %.80q, want %q", got, test.want)
				}
				h.expectClosed(r, engine.ReasonTransportError)
			})
		})
	}
}

func TestFragmentedDeflate(t *testing.T) {
	everywhere(t, deflating(engine.PerMessageDeflate{}), func(h *harness) {
		w, _ := h.deflateSession("", browsersOffer)
		compressed := w.deflater.deflate("4one,two,three")
		w.write(frame(0x41, compressed[:3]), 0)
		w.write(ping("p"), 0)
		w.write(frame(0, ""), 0)
		w.write(append(frame(fin, compressed[3:]), cut(fin|1, "4not compressed", 4)...), 0)
		w.expect("pong p", "text 4one,two,three", "text 4not compressed")
		w.write(frame(fin|0x42, "\x00"), 0)
		w.expect("binary ")
	})
}

// The bytes that compression saves do not count as still waiting.
func TestDeflateCountsWhatIsWritten(t *testing.T) {
	for _, server := range []bool{false, true} {
		o := deflating(engine.PerMessageDeflate{ServerContextTakeover: server})
		o.MaxBuffered = 10_000
		everywhere(t, o, func(h *harness) {
			w, r := h.deflateSession("", browsersOffer)
			for range 20 {
				for range 2 {
					if err := r.Send(size(2000)); err != nil {
						h.t.Fatal(err)
					}
				}
				w.expect("deflated text 4"+strings.Repeat("x", 1999), "deflated text 4"+strings.Repeat("x", 1999))
			}
		})
	}
}

func TestDeflateAfterUpgrade(t *testing.T) {
	run(t, deflating(engine.PerMessageDeflate{ServerContextTakeover: true, ClientContextTakeover: true}), func(h *harness) {
		r := h.openPolling()
		w := h.deflateWire("&sid="+r.ID(), browsersOffer)
		w.write(w.deflater.text("2probe"), 0)
		w.expect("text 3probe")
		r.Send(size(2000))
		w.write(w.deflater.text("5"), 0)
		w.expect("deflated text 4" + strings.Repeat("x", 1999))
		w.write(w.deflater.text("4a"), 0)
		w.expect("text 4a")
	})
}

// Whoever is first to need a broadcast's compressed form makes it for all.
func TestDeflatedBroadcasts(t *testing.T) {
	json := deflateData()[0]
	for _, server := range []bool{false, true} {
		o := deflating(engine.PerMessageDeflate{ServerContextTakeover: server})
		everywhere(t, o, func(h *harness) {
			var sessions []*recorder
			var readers sync.WaitGroup
			for range 20 {
				w, r := h.deflateSession("", browsersOffer)
				sessions = append(sessions, r)
				readers.Go(func() {
					for i := range 30 {
						want := "deflated text 4" + strings.ToValidUTF8(json[i*100:i*100+2000], "?")
						if got := w.next(); got != want {
							h.t.Errorf("message %d: got %.80q, want %.80q", i, got, want)
							return
						}
					}
				})
			}
			for i := range 30 {
				m := engine.NewMessage([]byte(strings.ToValidUTF8(json[i*100:i*100+2000], "?")))
				for _, r := range sessions {
					r.SendLater(m)
				}
			}
			readers.Wait()
		})
	}
}

// What a Trace is told are the packets, and the bytes that they have become.
func TestTraceOfDeflate(t *testing.T) {
	for _, server := range []bool{false, true} {
		var seen tally
		o := deflating(engine.PerMessageDeflate{ServerContextTakeover: server})
		o.Trace = seen.trace()
		run(t, o, func(h *harness) {
			w, r := h.deflateSession("", browsersOffer)
			synctest.Wait()
			seen.take()
			r.Send(engine.NewMessage(bytes.Repeat([]byte("x"), 1999), []byte("abc")))
			w.expect("deflated text 4" + strings.Repeat("x", 1999))
			length := 2 + w.length + 2 + 3
			w.expect("binary abc")
			synctest.Wait()
			if _, sent, _ := seen.take(); sent != [2]int{2, length} {
				t.Errorf("sent %v, want 2 packets, %d bytes", sent, length)
			}
			go w.write(w.deflater.text("4"+strings.Repeat("x", 1000)), 0)
			w.expect("text 4" + strings.Repeat("x", 1000))
			synctest.Wait()
			if received, _, _ := seen.take(); received != [2]int{1, 1000} {
				t.Errorf("received %v", received)
			}
		})
	}
}
