package redis

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A streamID is the place of an entry in a stream.
type streamID struct{ ms, seq uint64 }

// parseStreamID parses an id of the form 1700000000000-0.
func parseStreamID(text string) (id streamID, ok bool) {
	ms, seq, found := strings.Cut(text, "-")
	var err1, err2 error
	id.ms, err1 = parseUint(ms)
	id.seq, err2 = parseUint(seq)
	return id, found && err1 == nil && err2 == nil
}

// parseUint is strconv.ParseUint for digits only.
func parseUint(text string) (uint64, error) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(text, 10, 64)
}

func (id streamID) String() string {
	return strconv.FormatUint(id.ms, 10) + "-" + strconv.FormatUint(id.seq, 10)
}

func (id streamID) compare(other streamID) int {
	return cmp.Or(cmp.Compare(id.ms, other.ms), cmp.Compare(id.seq, other.seq))
}

// An entry is what a stream contains.
type entry struct {
	*adapter.Message
	id streamID
}

// encodeEntry returns the fields of an entry.
func encodeEntry(m *adapter.Message) (fields []string, err error) {
	data, err := m.EncodeData()
	if err != nil {
		return nil, err
	}
	text := rueidis.BinaryString(data.Text)
	if len(data.Attachments) > 0 {
		packed, err := msgpack.FromJSON(nil, data)
		if err != nil {
			return nil, err
		}
		text = base64.StdEncoding.EncodeToString(packed)
	}
	return []string{"uid", m.UID, "nsp", m.Namespace, "type", strconv.Itoa(int(m.Type)), "data", text}, nil
}

var errNoNamespace = errors.New("redis: entry without namespace")

// decodeEntry decodes an entry without its data.
func decodeEntry(raw rueidis.XRangeSlice) (e entry, data string, err error) {
	e.Message = &adapter.Message{Offset: raw.ID}
	id, ok := parseStreamID(raw.ID)
	if !ok {
		return e, "", fmt.Errorf("redis: entry with id %q", raw.ID)
	}
	e.id = id
	typ := 0
	for _, f := range raw.FieldValues {
		switch f.Field {
		case "uid":
			e.UID = f.Value
		case "nsp":
			e.Namespace = f.Value
		case "type":
			if typ, err = strconv.Atoi(f.Value); err != nil {
				return e, "", fmt.Errorf("redis: type of an entry: %w", err)
			}
		case "data":
			data = f.Value
		}
	}
	if e.Namespace == "" {
		return e, "", errNoNamespace
	}
	e.Type = adapter.Type(typ)
	return e, data, nil
}

// decodeData sets the fields of the message from an entry's data.
func (e *entry) decodeData(data string) (err error) {
	if data == "" {
		return nil
	}
	encoded := parser.Encoded{Text: []byte(data)}
	if data[0] != '{' {
		packed, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return fmt.Errorf("redis: data of an entry: %w", err)
		}
		if encoded, err = msgpack.ToJSON(packed); err != nil {
			return err
		}
	}
	return e.DecodeData(encoded)
}

// A request or an answer is MessagePack with the envelope. Servers of this
// package add one key at its end: the last entry of theirs in the stream, which
// others must have read before they take the message. npm's adapter ignores it.

const (
	afterKey  = "\xa5after"
	fixedMap  = 0x80 // the first byte of a map of up to 15 keys
	fixedText = 0xa0 // the first byte of a text of up to 31 bytes
	shortText = 0xd9 // the first byte of one of up to 255, before its length
)

func encodePublished(m *adapter.Message, after streamID) ([]byte, error) {
	message, err := m.EncodeMsgpack()
	if err != nil || after == (streamID{}) {
		return message, err
	}
	text := after.String()
	message[0]++ // one more key
	message = append(message, afterKey...)
	if len(text) < 32 {
		message = append(message, fixedText|byte(len(text)))
	} else {
		message = append(message, shortText, byte(len(text)))
	}
	return append(message, text...), nil
}

func decodePublished(message []byte) (m *adapter.Message, after streamID, err error) {
	m, err = adapter.DecodeMsgpack(message)
	tail := message[max(0, len(message)-56):]
	if _, value, found := strings.Cut(string(tail), afterKey); found && len(value) > 1 && message[0]&0xf0 == fixedMap {
		id := value[1:]
		if value[0] == shortText {
			id = value[2:]
		}
		after, _ = parseStreamID(id)
	}
	return m, after, err
}
