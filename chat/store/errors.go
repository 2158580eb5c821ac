package store

import "errors"

// A Code says why an operation was refused. Codes never change; texts may.
type Code string

// The codes.
const (
	BadRequest      Code = "bad_request"
	TooLarge        Code = "too_large"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	NotMember       Code = "not_member"
	Muted           Code = "muted"
	Banned          Code = "banned"
	Blocked         Code = "blocked"
	Conflict        Code = "conflict"
	Gone            Code = "gone"
	Refused         Code = "refused"
	RateLimited     Code = "rate_limited"
	SlowMode        Code = "slow_mode"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Errors that stores return, to be compared by errors.Is.
var (
	ErrNotFound    = &Error{Code: NotFound, Text: "no such room"}
	ErrUnavailable = &Error{Code: Unavailable, Text: "the store cannot be reached"}
)

// An Error says why an operation was refused. By errors.Is, two Errors with the
// same Code are equal.
type Error struct {
	Code    Code     `json:"code"`
	Text    string   `json:"-"`
	Field   string   `json:"field,omitempty"`   // of BadRequest and TooLarge: the argument; of NotFound and Conflict: "files", if the files are the reason
	Limit   int      `json:"limit,omitempty"`   // of TooLarge
	Until   int64    `json:"until,omitempty"`   // of Muted, ms
	After   int64    `json:"after,omitempty"`   // of RateLimited, SlowMode and Unavailable: ms until the next try
	Message *Message `json:"message,omitempty"` // of Conflict: the message as it is
}

func (e *Error) Error() string {
	if e.Text == "" {
		return "chat: " + string(e.Code)
	}
	return "chat: " + e.Text
}

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, is := target.(*Error)
	return is && t.Code == e.Code
}

// CodeOf returns the code of an error. It returns Internal for an error that is
// not an *Error, and "" for nil.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return Internal
}

func refuse(code Code, text string) *Error { return &Error{Code: code, Text: text} }

func badField(field string) *Error {
	return &Error{Code: BadRequest, Text: "invalid " + field, Field: field}
}
