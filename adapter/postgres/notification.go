package postgres

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// A notification is a message as PostgreSQL carries it: JSON as the payload, or
// MessagePack as a row of the table and the row's id in the payload.
type notification struct {
	channel string
	payload string
	row     []byte // nil if the payload is the message; else the payload lacks the row's id and tail
}

// tail ends the payload behind the id of a row.
const tail = `"}`

// notification returns a message in the form that its content asks for.
func (o *options) notification(channel string, m *adapter.Message) (*notification, error) {
	encoded, err := m.Encode()
	if err != nil {
		return nil, err
	}
	row := func() ([]byte, error) { return m.EncodeMsgpack() }
	return o.notificationOf(channel, m.UID, m.Type, encoded, row)
}

// notificationOf is notification for a message that is encoded; row encodes the
// message as a row.
func (o *options) notificationOf(channel, uid string, t adapter.Type, encoded parser.Encoded, row func() ([]byte, error)) (*notification, error) {
	if len(encoded.Attachments) == 0 && len(encoded.Text) <= o.PayloadThreshold {
		return &notification{channel: channel, payload: string(encoded.Text)}, nil
	}
	packed, err := row()
	if err != nil {
		return nil, err
	}
	sender, err := json.Marshal(uid)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf(`{"uid":%s,"type":%d,"attachmentId":"`, sender, t)
	return &notification{channel: channel, payload: head, row: packed}, nil
}

// attachmentID returns the id of the row that a payload points to, or "". The
// JavaScript adapter writes a number if the column is an integer.
func attachmentID(payload string) (id string, err error) {
	if !strings.Contains(payload, `"attachmentId"`) {
		return "", nil
	}
	var head struct {
		ID json.RawMessage `json:"attachmentId"`
	}
	if err := json.Unmarshal([]byte(payload), &head); err != nil || head.ID == nil {
		return "", err
	}
	n, err := strconv.ParseInt(strings.Trim(string(head.ID), `"`), 10, 64)
	if err != nil {
		return "", fmt.Errorf("attachmentId: %w", err)
	}
	return strconv.FormatInt(n, 10), nil
}

// decode returns the message of a notification: of its payload, or of the row if
// there is one.
func decode(payload string, row []byte) (*adapter.Message, error) {
	if row != nil {
		return adapter.DecodeMsgpack(row)
	}
	return adapter.Decode(parser.Encoded{Text: []byte(payload)})
}
