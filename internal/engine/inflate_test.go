package engine

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// deflated is a message as a sender without a context compresses it.
func deflated(message []byte) []byte {
	frame := newCompressor(flate.BestSpeed).message(NewMessage(nil, message), 0, 0).frame
	_, payload := cutOwnFrame(frame)
	return payload
}

func TestInflate(t *testing.T) {
	for name, test := range map[string]struct {
		compressed, message string
		err                 error
	}{
		// The examples of RFC 7692, section 7.2.3.
		"one block":                   {"\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello", nil},
		"referring to the one before": {"\xf2\x00\x11\x00\x00", "Hello", nil},
		"without compression":         {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello", nil},
		"a last block":                {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello", nil},
		"two blocks":                  {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello", nil},
		"nothing":                     {"\x00", "", nil},

		"a last block and nothing else":         {"\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello", nil},
		"more after a last block":               {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00", "", errDeflate},
		"a byte other than 0 after it":          {"\xf3\x48\xcd\xc9\xc9\x07\x00\x01", "", errDeflate},
		"a block type that does not exist":      {"\xff", "", errDeflate},
		"a distance beyond the window":          {"\x62\x20\x00\x00", "", errDeflate},
		"no more than the limit":                {string(deflated(bytes.Repeat([]byte("x"), 1000))), strings.Repeat("x", 1000), nil},
		"one byte more":                         {string(deflated(bytes.Repeat([]byte("x"), 1001))), "", errMessageTooBig},
		"broken behind the limit, so unnoticed": {string(deflated(bytes.Repeat([]byte("x"), 20_000))[:30]) + "\xff\xff", "", errMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			d := &deflate{}
			if strings.HasPrefix(name, "referring") {
				d.window = []byte("Hello")
			}
			buf := new([]byte)
			err := d.inflate(buf, []byte(test.compressed), 1000)
			if !errors.Is(err, test.err) || err == nil && string(*buf) != test.message {
				t.Errorf("%q, %v, want %q, %v", *buf, err, test.message, test.err)
			}
		})
	}
}

// 1,000 times its size is what DEFLATE can make of a message.
func TestInflateBomb(t *testing.T) {
	const limit = 1_000_000
	bomb := deflated(make([]byte, 1000*limit/10))
	if len(bomb) > limit {
		t.Fatalf("%d bytes are refused anyway", len(bomb))
	}
	var before, after runtime.MemStats
	buf := new([]byte)
	runtime.ReadMemStats(&before)
	err := new(deflate).inflate(buf, bomb, limit)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, errMessageTooBig) {
		t.Errorf("error %v", err)
	}
	// The buffer has been doubled until it had the limit's size.
	if allocated := after.TotalAlloc - before.TotalAlloc; cap(*buf) > limit+1 || allocated > 5*limit/2 {
		t.Errorf("%d bytes have been allocated, of which %d are the buffer", allocated, cap(*buf))
	}
}

func TestInflateWindow(t *testing.T) {
	d := &deflate{clientContext: true}
	var sent []byte
	for i, n := range []int{10, 0, 20_000, 20_000, 32 << 10, 5, 100_000, 1} {
		message := bytes.Repeat([]byte{byte('a' + i)}, n)
		sent = append(sent, message...)
		if err := d.inflate(new([]byte), deflated(message), 1<<20); err != nil {
			t.Fatal(err)
		}
		if want := sent[max(0, len(sent)-windowSize):]; !bytes.Equal(d.window, want) {
			t.Fatalf("after message %d the window has %d bytes, want the last %d", i, len(d.window), len(want))
		}
	}
}

func FuzzInflate(f *testing.F) {
	for _, message := range []string{"", "4", "Hello", strings.Repeat("ab", 600)} {
		f.Add(deflated([]byte(message)), []byte(message))
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []byte("\xf2\x00\x11\x00\x00"))
	f.Fuzz(func(t *testing.T, data, window []byte) {
		const limit = 1000
		window = window[max(0, len(window)-windowSize):]
		d := &deflate{window: window}
		buf := new([]byte)
		err := d.inflate(buf, bytes.Clone(data), limit)

		stream := flate.NewReaderDict(strings.NewReader(string(data)+ending), window)
		want, streamErr := io.ReadAll(io.LimitReader(stream, limit+1))
		switch {
		case len(want) > limit && !errors.Is(err, errMessageTooBig):
			t.Errorf("%d bytes and more, but %v", len(want), err)
		case streamErr != nil && !errors.Is(err, errDeflate):
			t.Errorf("%v, but the stream ends with %v", err, streamErr)
		case err == nil && !bytes.Equal(*buf, want):
			t.Errorf("%q, want %q", *buf, want)
		}
		if len(data) <= limit {
			if err := new(deflate).inflate(buf, deflated(data), limit); err != nil || !bytes.Equal(*buf, data) {
				t.Errorf("%q has become %q, %v", data, *buf, err)
			}
		}
	})
}

// Compressed once, however many clients get it.
func TestDeflatedForm(t *testing.T) {
	m := NewMessage(bytes.Repeat([]byte("ab"), 1000), bytes.Repeat([]byte{1}, 2000))
	one, other := &deflate{threshold: 1024}, &deflate{threshold: 1024}
	seen := make(map[*Message]bool)
	for as := range dialect(dialects) {
		if form := one.message(m, as); form == m || seen[form] || form != other.message(m, as) || form.Size() > 200 {
			t.Errorf("dialect %d: %d bytes at %p, then at %p", as, form.Size(), form, other.message(m, as))
		}
		seen[one.message(m, as)] = true
	}
	allocations := testing.AllocsPerRun(100, func() { one.message(m, 0) })
	if allocations != 0 {
		t.Errorf("%v allocations for one more client", allocations)
	}
	noise := NewMessage([]byte(NewID()))
	if form := (&deflate{threshold: 1}).message(noise, 0); form != noise {
		t.Errorf("%d bytes have become %d", noise.Size(), form.Size())
	}
	pong := &Message{frame: append(appendFrameHeader(nil, opPong, 100), make([]byte, 100)...)}
	for _, context := range []bool{false, true} {
		if form := (&deflate{threshold: 1, serverContext: context}).message(pong, 0); !bytes.Equal(form.frame, pong.frame) {
			t.Errorf("a control frame has become % x", form.frame)
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	compressed := deflated([]byte(strings.Repeat(`{"id":1,"name":"a name","tags":["a","b"]},`, 50)))
	d, buf := &deflate{}, new([]byte)
	*buf = make([]byte, 0, readSize)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.inflate(buf, compressed, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}
