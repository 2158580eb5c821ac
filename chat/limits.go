package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// Limits bound what users may do. The zero value of each field means its
// default.
type Limits struct {
	Text     int // bytes of a message's text; defaults to 8 KiB
	Data     int // bytes of a message's data, as JSON; defaults to 16 KiB
	Mentions int // in a message; defaults to 50
	Files    int // in a message; defaults to 10
	File     int // bytes of a file; defaults to 25 MiB
	Unused   int // bytes of a user's files that are in no message yet; defaults to 200 MiB
	Info     int // bytes of a room's info, as JSON; defaults to 4 KiB
	Pins     int // in a room; defaults to 50

	Follows     int // rooms that a socket follows; defaults to 200
	Members     int // of a room; defaults to 100,000
	Memberships int // of a user; defaults to 2,000
	Devices     int // of a user on one server; one more disconnects the oldest; defaults to 20
	CatchUp     int // changed rows that a client may catch up with; if there are more, it loads the room anew; defaults to 1,000

	// Rates of a user on one server.
	Posts     Rate // defaults to 5 per second, burst 20
	RoomPosts Rate // in one room; defaults to 2 per second, burst 10
	Edits     Rate // edits, deletions and reactions; defaults to 10 per second, burst 20
	Reads     Rate // open, history and lists; defaults to 20 per second, burst 200
	Searches  Rate // defaults to 1 per second, burst 5
	Changes   Rate // of rooms and members; uploads of files have the same rate, counted separately; defaults to 5 per second, burst 20
	Directs   Rate // new direct rooms; defaults to 20 a day, burst 20
	Reports   Rate // defaults to one in 10 seconds, burst 10
}

// A Rate is a token bucket.
type Rate struct {
	PerSecond float64
	Burst     int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		v         *int
		otherwise int
	}{
		{&l.Text, 8 << 10}, {&l.Data, 16 << 10}, {&l.Mentions, 50}, {&l.Files, 10}, {&l.File, 25 << 20}, {&l.Unused, 200 << 20}, {&l.Info, 4 << 10}, {&l.Pins, 50},
		{&l.Follows, 200}, {&l.Members, 100_000}, {&l.Memberships, 2000}, {&l.Devices, 20}, {&l.CatchUp, 1000},
	} {
		*f.v = orDefault(*f.v, f.otherwise)
	}
	for _, f := range []struct {
		v         *Rate
		otherwise Rate
	}{
		{&l.Posts, Rate{5, 20}}, {&l.RoomPosts, Rate{2, 10}}, {&l.Edits, Rate{10, 20}}, {&l.Reads, Rate{20, 200}},
		{&l.Changes, Rate{5, 20}}, {&l.Directs, Rate{20.0 / 86400, 20}}, {&l.Reports, Rate{0.1, 10}}, {&l.Searches, Rate{1, 5}},
	} {
		if !(f.v.PerSecond > 0) { // NaN, too
			*f.v = f.otherwise
		}
	}
	return l
}

func orDefault[T int | time.Duration | int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

const (
	maxCID    = 64
	maxUser   = 128
	maxEmoji  = 32
	maxReason = 500
	maxPage   = 100 // messages of history
	maxList   = 200 // members, rooms
)

// A check finds the first invalid argument of a command.
type check struct{ err *store.Error }

func (k *check) bad(field string) {
	if k.err == nil {
		k.err = &store.Error{Code: store.BadRequest, Text: "invalid " + field, Field: field}
	}
}

func (k *check) tooLarge(field string, limit int) {
	if k.err == nil {
		k.err = &store.Error{Code: store.TooLarge, Text: field + " is too large", Field: field, Limit: limit}
	}
}

// result returns the first error as an error.
func (k *check) result() error {
	if k.err == nil {
		return nil
	}
	return k.err
}

// argument decodes the argument of a command.
func argument(e *socketio.Event, into any) error {
	var k check
	var wrong *json.UnmarshalTypeError
	switch err := e.Decode(into); {
	case err == nil:
	case errors.As(err, &wrong) && wrong.Field != "":
		k.bad(wrong.Field)
	default:
		k.bad("argument")
	}
	return k.result()
}

func (k *check) room(id string) {
	if !store.KnownForm(id) {
		k.bad("room")
	}
}

// plain checks a string that must have 1 to limit bytes. Databases may fail for
// bytes that are no text, and JSON would change them.
func (k *check) plain(field, s string, limit int) {
	switch {
	case s == "" || strings.ContainsRune(s, 0) || !utf8.ValidString(s):
		k.bad(field)
	case len(s) > limit:
		k.tooLarge(field, limit)
	}
}

// optional checks a string that may be empty.
func (k *check) optional(field, s string, limit int) {
	if s != "" {
		k.plain(field, s, limit)
	}
}

func (k *check) user(id string) { k.plain("user", id, maxUser) }

// seq checks the number of a message.
func (k *check) seq(field string, seq int64) {
	if seq < 1 || seq > maxInt {
		k.bad(field)
	}
}

// maxInt is the largest integer that JavaScript represents exactly.
const maxInt = 1<<53 - 1

// json returns a value in its compact form, nil for null.
func (k *check) json(field string, v json.RawMessage, limit int) json.RawMessage {
	var b bytes.Buffer
	switch {
	case len(v) == 0 || string(v) == "null":
		return nil
	case json.Compact(&b, v) != nil:
		k.bad(field)
	case b.Len() > limit:
		k.tooLarge(field, limit)
	}
	return b.Bytes()
}

func (k *check) list(field string, list []string, count, limit int) {
	if len(list) > count {
		k.tooLarge(field, count)
	}
	for _, s := range list {
		k.plain(field, s, limit)
	}
}
