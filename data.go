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

// Data returns the value that SetData has set, nil at first: the program's own,
// also if the client has come back to this server. A client that comes back to
// another server has its JSON there, a json.RawMessage.
func (s *Socket) Data() any {
	if d := s.sharedData(); d != nil {
		return d.value
	}
	return nil
}

// SetData keeps a value with the socket, such as the user that middleware has
// found out. It encodes the value as JSON before it returns: that is what
// FetchSockets and another server, to which the client comes back, get. So call
// SetData again after a change that they are to see, and not while the value is
// being changed. A value that cannot be encoded is for Data alone.
func (s *Socket) SetData(v any) {
	d := s.namespace.server.newData(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = d
}

func (s *Socket) sharedData() *data {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

func (s *Server) newData(v any) *data {
	if v == nil {
		return nil
	}
	d := &data{value: v}
	d.text, d.err = s.marshal(v)
	return d
}

func (s *Server) marshal(v any) (text []byte, err error) {
	defer s.recovered("encoding SetData's value", "", &err)
	text, err = json.Marshal(v)
	return bytes.ToValidUTF8(text, []byte("\uFFFD")), err
}

// encoded returns the value's JSON, nil if nothing is set.
func (d *data) encoded() (json.RawMessage, error) {
	if d == nil {
		return nil, nil
	}
	return d.text, d.err
}
