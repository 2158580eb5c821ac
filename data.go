package socketio

import (
	"bytes"
	"encoding/json"
)

// A data is what SetData has set. Other servers and the adapter's sessions get
// it as text, because the program may change the value at any time.
type data struct {
	value any
	text  json.RawMessage
	err   error // for which there is no text
}

// Data returns the value that SetData has set, nil at first. It is the
// program's own value, also if the client has come back to this server. If the
// client has come back from another server, it is the value's JSON, a
// json.RawMessage; the typed [Data] decodes that.
func (s *Socket) Data() any {
	if d := s.sharedData(); d != nil {
		return d.value
	}
	return nil
}

// Data returns [Socket.Data] as a T. It is false if the value is no T. The JSON
// of a client that comes back to another server is decoded into a T, each time
// anew: SetData keeps the T, for instance in OnConnect.
func Data[T any](s *Socket) (T, bool) {
	value := s.Data()
	if v, is := value.(T); is {
		return v, true
	}
	var v T
	text, is := value.(json.RawMessage)
	if !is {
		return v, false
	}
	if err := s.namespace.server.guard.unmarshal(text, &v); err != nil {
		var none T
		return none, false
	}
	return v, true
}

// SetData keeps a value with the socket, such as the user that middleware has
// identified. It encodes the value as JSON before it returns; FetchSockets, and
// another server that the client comes back to, get that JSON. After a change
// that they should see, SetData must be called again, and not while another
// goroutine changes the value. Only Data returns a value that cannot be
// encoded.
func (s *Socket) SetData(v any) {
	d := newData(s.namespace.server.guard, v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = d
}

func (s *Socket) sharedData() *data {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

func newData(g guard, v any) *data {
	if v == nil {
		return nil
	}
	d := &data{value: v}
	d.text, d.err = g.marshal(v)
	return d
}

func (g guard) marshal(v any) (text []byte, err error) {
	defer g.recovered("encoding SetData's value", "", &err)
	text, err = json.Marshal(v)
	return bytes.ToValidUTF8(text, []byte("\uFFFD")), err
}

func (g guard) unmarshal(text []byte, into any) (err error) {
	defer g.recovered("decoding", "", &err)
	return json.Unmarshal(text, into)
}

// encoded returns the value's JSON, nil if nothing is set.
func (d *data) encoded() (json.RawMessage, error) {
	if d == nil {
		return nil, nil
	}
	return d.text, d.err
}
