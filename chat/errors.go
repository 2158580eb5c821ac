package chat

import (
	"errors"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// An Error says why a command was refused. Clients get its Code, and the fields
// that belong to this code, as the data of the error. A Code never changes.
type (
	Error = store.Error
	Code  = store.Code
)

// Errors that methods return, to be compared by errors.Is. store.Code lists all
// codes.
var (
	ErrNotFound    = &Error{Code: store.NotFound, Text: "not found"}
	ErrForbidden   = &Error{Code: store.Forbidden, Text: "forbidden"}
	ErrConflict    = &Error{Code: store.Conflict, Text: "conflict"}
	ErrGone        = &Error{Code: store.Gone, Text: "gone"}
	ErrUnavailable = &Error{Code: store.Unavailable, Text: "try again later", After: 1000}
)

// Refuse returns an error whose text the client gets. The functions of Options
// and Policy may return such errors.
func Refuse(text string) error { return &Error{Code: store.Refused, Text: text} }

// A refusal is the reply of a command that was refused.
type refusal struct {
	Error string `json:"error"`
	Data  *Error `json:"data"`
}

func refusalOf(e *Error) refusal {
	text := e.Text
	if text == "" {
		text = string(e.Code)
	}
	return refusal{Error: text, Data: e}
}

// connectError returns the error of a client that is not let in. Only the text
// of Refuse is for the client to see.
func connectError(err error) error {
	text := string(store.Unauthenticated)
	var e *Error
	if errors.As(err, &e) && e.Code == store.Refused {
		text = e.Text
	}
	return &socketio.Error{Message: text, Data: &Error{Code: store.Unauthenticated}}
}

// nothing is the reply of a command that has nothing to say.
type nothing struct{}
