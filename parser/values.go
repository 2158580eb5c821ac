package parser

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// EncodePayload appends to dst what [JSON.Encode] writes behind the type,
// namespace and id of a packet: for an Event the array of its name and
// arguments. It returns an error for what [JSON.DecodePayload] would refuse: a
// name longer than MaxEventName, or arguments in more than 511 arrays and
// objects around each other.
func (p JSON) EncodePayload(dst []byte, h *Header, args ...any) (Encoded, error) {
	if len(h.Event) > MaxEventName {
		return Encoded{}, fmt.Errorf("parser: event name longer than %d bytes", MaxEventName)
	}
	e, err := p.encodePayload(dst, h, args)
	if err == nil {
		err = tooDeep(e.Text[len(dst):])
	}
	if err != nil {
		return Encoded{}, err
	}
	return e, nil
}

func (p JSON) encodePayload(dst []byte, h *Header, args []any) (Encoded, error) {
	start := len(dst)
	w := writer{text: dst}
	var err error
	switch {
	case h.Type == Event:
		w.text = appendString(append(w.text, '['), h.Event)
		if len(args) > 0 {
			w.text = append(w.text, ',')
		}
		err = w.args(args)
	case h.Type == Ack:
		w.text = append(w.text, '[')
		err = w.args(args)
	case len(args) == 1 && (h.Type == Connect || h.Type == ConnectError):
		if w.text, err = appendJSON(w.text, args[0]); err != nil {
			err = fmt.Errorf("parser: %w", err)
		}
	case len(args) == 0 && (h.Type == Connect || h.Type == Disconnect):
	default:
		err = fmt.Errorf("parser: no packet of type %v has %d arguments", h.Type, len(args))
	}
	if err == nil {
		err = p.check(&w, start, args)
	}
	if err != nil {
		return Encoded{}, err
	}
	return Encoded{Text: w.text, Attachments: w.attachments}, nil
}

// check returns an error if what has been written from text[start] on may not
// have its attachments.
func (p JSON) check(w *writer, start int, args []any) error {
	switch n := len(w.attachments); {
	case n == 0:
		return nil
	case n > p.maxAttachments():
		return fmt.Errorf("%w: %d", ErrTooManyAttachments, n)
	default:
		return checkPlaceholders(w.text[start:], n, args)
	}
}

// tooDeep returns an error if receivers would refuse JSON for its depth.
func tooDeep(text []byte) error {
	if len(text) <= 2*maxDepth || bytes.Count(text, []byte{'['})+bytes.Count(text, []byte{'{'}) <= maxDepth {
		return nil // nearly always
	}
	if _, err := scanValue(text, 0, 0); err == errDepth {
		return fmt.Errorf("parser: %w", err)
	}
	return nil
}

// DecodePayload is the inverse of [JSON.EncodePayload]. It keeps the
// attachments, but not the text.
func (p JSON) DecodePayload(t Type, payload Encoded) (*Packet, error) {
	d, err := p.payloadDecoder(payload)
	if err != nil {
		return nil, err
	}
	r := new(received)
	r.Type, r.Namespace = t, "/"
	if err := d.payload(r, payload.Text, len(payload.Attachments)); err != nil {
		return nil, err
	}
	r.args.attachments = payload.Attachments
	return &r.Packet, r.Check()
}

// EncodeValue appends the JSON of one value to dst.
func (p JSON) EncodeValue(dst []byte, v any) (Encoded, error) {
	w := writer{text: dst}
	if err := w.arg(v); err != nil {
		return Encoded{}, fmt.Errorf("parser: %w", err)
	}
	if err := p.check(&w, len(dst), []any{v}); err != nil {
		return Encoded{}, err
	}
	return Encoded{Text: w.text, Attachments: w.attachments}, nil
}

// DecodeValue is the inverse of [JSON.EncodeValue]. It keeps the attachments,
// but not the text.
func (p JSON) DecodeValue(value Encoded) (Args, error) {
	d, err := p.payloadDecoder(value)
	if err != nil {
		return nil, err
	}
	r := new(received)
	if err := d.value(r, value.Text, len(value.Attachments)); err != nil {
		return nil, err
	}
	r.args.attachments = value.Attachments
	return r.Args, nil
}

// payloadDecoder returns a decoder for a payload that is within the limits.
func (p JSON) payloadDecoder(payload Encoded) (*decoder, error) {
	switch n := len(payload.Attachments); {
	case n > p.maxAttachments():
		return nil, fmt.Errorf("%w: limit is %d", ErrTooManyAttachments, p.maxAttachments())
	case !utf8.Valid(payload.Text):
		return nil, invalid("not UTF-8")
	}
	return new(decoder), nil
}
