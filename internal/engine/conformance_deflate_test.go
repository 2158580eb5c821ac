package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/engine"
)

// Autobahn's 12.* and 13.*, with data of the same kinds, and fewer messages of
// each size.

// deflateSizes are the sizes of messages, and of the fragments that each
// compressed message is cut into, in the order of the suite's numbers.
var deflateSizes = []struct{ message, fragment int }{
	{16, 0}, {64, 0}, {256, 0}, {1024, 0}, {4096, 0}, {8192, 0}, {16384, 0}, {32768, 0}, {65536, 0}, {131072, 0},
	{8192, 256}, {16384, 256}, {32768, 256}, {65536, 256}, {131072, 256}, {131072, 1024}, {131072, 4096}, {131072, 32768},
}

// deflateData returns data of the kinds of 12.1 to 12.5, which are texts in
// the first and fourth of them.
func deflateData() [5]string {
	var json, picture, prose, html, pdf strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; json.Len() < 200<<10; i++ {
		fmt.Fprintf(&json, `{"id":%d,"name":"Zoë %x","tags":["a","b%d"],"score":%.3f},`, i, random.Uint32(), i%7, random.Float64())
		fmt.Fprintf(&html, "<tr class='r%d'><td>%d</td><td><a href='/item/%x'>größer</a></td></tr>\n", i%2, i, random.Uint32())
	}
	words := strings.Fields("Habe nun ach Philosophie Juristerei und Medizin und leider auch Theologie durchaus studiert mit heißem Bemühn")
	for prose.Len() < 200<<10 {
		prose.WriteString(words[random.IntN(len(words))] + " ")
	}
	for i := range 200 << 10 {
		picture.WriteByte(byte(i/4096 + i%512/32 + random.IntN(2)))
		pdf.WriteByte(byte(random.Uint32()))
	}
	return [...]string{json.String(), picture.String(), prose.String(), html.String(), pdf.String()}
}

// echoes sends messages cut from data, and wants them back, those that are
// long enough in less bytes if the data is compressible.
func (w *wire) echoes(data string, binary, compressible bool, size, fragment int) {
	w.h.t.Helper()
	head, kind := byte(fin|0x41), "text "
	if binary {
		head, kind = fin|0x42, "binary "
	}
	for i := range 2 {
		at := i * 1000
		message := "4" + strings.ToValidUTF8(data[at:at+size-1], "?")
		if binary {
			message = data[at : at+size]
		}
		go w.write(cut(head, w.deflater.deflate(message), fragment), 0)
		want := kind + message
		shorter := compressible && len(message) >= 1024
		if shorter {
			want = "deflated " + want
		}
		if got := w.next(); got != want || shorter != (w.length < len(message)) {
			w.h.t.Fatalf("%d bytes: got %.80q in %d, want %.80q", len(message), got, w.length, want)
		}
	}
}

func TestConformanceOfDeflate(t *testing.T) {
	for kind, data := range deflateData() {
		for i, size := range deflateSizes {
			t.Run(fmt.Sprintf("12.%d.%d", kind+1, i+1), func(t *testing.T) {
				run(t, &engine.Options{PerMessageDeflate: &engine.PerMessageDeflate{}}, func(h *harness) {
					w, _ := h.deflateSession("", "permessage-deflate; client_no_context_takeover; client_max_window_bits")
					w.echoes(data, kind != 0 && kind != 3, kind != 4, size.message, size.fragment)
				})
			})
		}
	}
}

func TestConformanceOfDeflateOffers(t *testing.T) {
	const offer = "permessage-deflate; client_no_context_takeover; client_max_window_bits"
	const noContext, bits8, bits15 = "; server_no_context_takeover", "; server_max_window_bits=8", "; server_max_window_bits=15"
	json := deflateData()[0]
	for n, c := range []struct{ offers, answer string }{
		{offer, "; client_no_context_takeover"},
		{offer + noContext, "; server_no_context_takeover; client_no_context_takeover"},
		{offer + bits8, "none"}, // compress/flate has the whole window always
		{offer + bits15, "; client_no_context_takeover; server_max_window_bits=15"},
		{offer + noContext + bits8, "none"},
		{offer + noContext + bits15, "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"},
		{offer + noContext + bits8 + ", " + offer + noContext + ", " + offer, "; server_no_context_takeover; client_no_context_takeover"},
	} {
		o := &engine.Options{PerMessageDeflate: &engine.PerMessageDeflate{ServerContextTakeover: true, ClientContextTakeover: true}}
		if c.answer == "none" {
			t.Run(fmt.Sprintf("13.%d", n+1), func(t *testing.T) {
				run(t, o, func(h *harness) {
					if got, there := h.wire("", "Sec-Websocket-Extensions", c.offers).resp.Header["Sec-Websocket-Extensions"]; there {
						t.Errorf("answered by %q", got)
					}
				})
			})
			continue
		}
		for i, size := range deflateSizes {
			t.Run(fmt.Sprintf("13.%d.%d", n+1, i+1), func(t *testing.T) {
				run(t, o, func(h *harness) {
					w, _ := h.deflateSession("", c.offers)
					if got := w.resp.Header.Get("Sec-Websocket-Extensions"); got != "permessage-deflate"+c.answer {
						t.Fatalf("answered by %q", got)
					}
					w.echoes(json, false, true, size.message, size.fragment)
				})
			})
		}
	}
}
