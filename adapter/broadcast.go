package adapter

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/goroomcast/socketio/parser"
)

// Most messages are plain broadcasts: events without flags that want no
// acknowledgement, to rooms with simple names. The functions in this file write
// and read them without reflection, in the one form that all servers send.
// Everything else, also a text that is only a little different, goes through
// encoding/json.

// The fixed parts of a plain broadcast, in their order.
const (
	envelopeOpens = `{"type":3,"data":`
	packetOpens   = `{"packet":{"type":2,"data":`
	roomsOpen     = `},"opts":{"rooms":[`
	exceptOpens   = `],"except":[`
	dataCloses    = `],"flags":{}}}`
	uidOpens      = `,"uid":"`
	nspOpens      = `","nsp":"`
	envelopeEnds  = `"}`
)

// isSimple reports whether the JSON of a name is the name itself in quotes.
func isSimple[T string | []byte](name T) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// plain returns the text of a plain broadcast, with or without the envelope, or
// nil if the message is not one.
func (m *Message) plain(enveloped bool) []byte {
	if m.Type != Broadcast || m.RequestID != "" || m.Opts.Volatile || m.Opts.Plain || m.Opts.Timeout != 0 ||
		!utf8.Valid(m.Packet.Text) || !isSimple(m.UID) || !isSimple(m.Namespace) {
		return nil
	}
	buf := bytes.NewBuffer(make([]byte, 0, len(m.Packet.Text)+192))
	if enveloped {
		buf.WriteString(envelopeOpens)
	}
	buf.WriteString(packetOpens)
	if json.Compact(buf, m.Packet.Text) != nil {
		return nil
	}
	buf.WriteString(roomsOpen)
	simple := writeNames(buf, m.Opts.Rooms)
	buf.WriteString(exceptOpens)
	if !writeNames(buf, m.Opts.Except) || !simple {
		return nil
	}
	buf.WriteString(dataCloses)
	if enveloped {
		for _, part := range []string{uidOpens, m.UID, nspOpens, m.Namespace, envelopeEnds} {
			buf.WriteString(part)
		}
	}
	return buf.Bytes()
}

// writeNames writes the elements of an array, and reports whether they all are
// simple.
func writeNames(buf *bytes.Buffer, names []string) bool {
	for i, name := range names {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteByte('"')
		buf.WriteString(name)
		buf.WriteByte('"')
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !isSimple(name) })
}

// setPlain fills m from the text of a plain broadcast, with or without the
// envelope. If the text is not a plain broadcast, it reports false and does
// nothing.
func (m *Message) setPlain(encoded parser.Encoded, enveloped bool) bool {
	c := cutter{text: encoded.Text, fits: true}
	if enveloped {
		c.skip(envelopeOpens)
	}
	c.skip(packetOpens)
	packet := c.array()
	c.skip(roomsOpen)
	rooms := c.names()
	c.skip(exceptOpens)
	except := c.names()
	c.skip(dataCloses)
	uid, namespace := m.UID, m.Namespace
	if enveloped {
		c.skip(uidOpens)
		uid = c.name()
		c.skip(nspOpens)
		namespace = c.name()
		c.skip(envelopeEnds)
	}
	if !c.fits || len(c.text) > 0 || !json.Valid(packet) {
		return false
	}
	m.Type, m.UID, m.Namespace = Broadcast, uid, namespace
	m.Opts = Selection{Rooms: rooms, Except: except}
	m.Packet = parser.Encoded{Text: bytes.Clone(packet), Attachments: encoded.Attachments}
	return true
}

// A cutter cuts parts off a text, as long as the text fits.
type cutter struct {
	text []byte
	fits bool
}

func (c *cutter) optional(part string) (found bool) {
	found = len(c.text) >= len(part) && string(c.text[:len(part)]) == part
	if found {
		c.text = c.text[len(part):]
	}
	return found
}

func (c *cutter) skip(part string) { c.fits = c.optional(part) && c.fits }

// name cuts a simple name off, up to the quote behind it.
func (c *cutter) name() string {
	end := bytes.IndexByte(c.text, '"')
	if end < 0 || !isSimple(c.text[:end]) {
		c.fits = false
		return ""
	}
	name := string(c.text[:end])
	c.text = c.text[end:]
	return name
}

// names cuts the elements of an array off.
func (c *cutter) names() []string {
	names := []string{}
	for c.fits && c.optional(`"`) {
		names = append(names, c.name())
		c.skip(`"`)
		if !c.optional(`,`) {
			break
		}
		c.fits = c.fits && len(c.text) > 0 && c.text[0] == '"'
	}
	return names
}

// array cuts an array off. It does not check the elements.
func (c *cutter) array() []byte {
	depth, quoted := 0, false
	for i := 0; i < len(c.text) && (depth > 0 || i == 0 && c.text[0] == '['); i++ {
		switch b := c.text[i]; {
		case b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '[', b == '{':
			depth++
		case b == ']', b == '}':
			depth--
			if depth == 0 {
				array := c.text[:i+1]
				c.text = c.text[i+1:]
				return array
			}
		}
	}
	c.fits = false
	return nil
}
