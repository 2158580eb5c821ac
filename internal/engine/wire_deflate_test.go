package engine_test

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
)

// A deflater is a wire's side of permessage-deflate.
type deflater struct {
	serverContext bool
	window        []byte // of what the server has sent
	clientContext bool
	w             *flate.Writer
	out           bytes.Buffer
}

// flushMark is what every flushed block ends in, and no message does.
const flushMark = "\x00\x00\xff\xff"

// deflateWire opens a WebSocket with an offer of permessage-deflate.
func (h *harness) deflateWire(query, offer string) *wire {
	h.t.Helper()
	w := h.wire(query, "Sec-Websocket-Extensions", offer)
	answer := w.resp.Header.Get("Sec-Websocket-Extensions")
	if !strings.HasPrefix(answer, "permessage-deflate") {
		h.t.Fatalf("the offer %q is answered by %q", offer, answer)
	}
	w.deflater = &deflater{
		serverContext: !strings.Contains(answer, "server_no_context_takeover"),
		clientContext: !strings.Contains(answer, "client_no_context_takeover"),
	}
	return w
}

// deflateSession is wireSession with compression.
func (h *harness) deflateSession(query, offer string) (*wire, *recorder) {
	h.t.Helper()
	w := h.deflateWire(query, offer)
	if got := w.next(); !strings.HasPrefix(got, "text 0") {
		h.t.Fatalf("the first frame is %q", got)
	}
	return w, <-h.sessions
}

// deflate compresses a message.
func (d *deflater) deflate(message string) string {
	if d.w == nil {
		d.w, _ = flate.NewWriter(&d.out, 3) // BestSpeed would forget the context at short messages
	}
	if !d.clientContext {
		d.w.Reset(&d.out)
	}
	d.out.Reset()
	_, _ = io.WriteString(d.w, message)
	_ = d.w.Flush()
	return strings.TrimSuffix(d.out.String(), flushMark)
}

func (d *deflater) inflate(payload []byte) (string, error) {
	stream := io.MultiReader(bytes.NewReader(payload), strings.NewReader(flushMark+"\x01\x00\x00\xff\xff"))
	message, err := io.ReadAll(flate.NewReaderDict(stream, d.window))
	if d.serverContext {
		d.window = append(d.window, message...)
		d.window = d.window[max(0, len(d.window)-32<<10):]
	}
	return string(message), err
}

func (d *deflater) text(message string) []byte { return frame(fin|0x41, d.deflate(message)) }

// cut is a frame of a whole message in frames of up to size bytes.
func cut(head byte, payload string, size int) (data []byte) {
	if size == 0 {
		size = len(payload)
	}
	for len(payload) > size {
		data = append(data, frame(head&^fin, payload[:size])...)
		head, payload = fin, payload[size:]
	}
	return append(data, frame(head, payload)...)
}
