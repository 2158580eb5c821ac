package nats

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/goroomcast/socketio/adapter"
)

// The subjects of a namespace, behind the prefix and the namespace's token.
const (
	toAll  = "all"  // every server of the namespace
	toRoom = "room" // then a room's token: the sockets of one room
	toUID  = "to"   // then a server's id: an answer to this server
	toLog  = "log"  // then "event" or "other": with JetStream, what is for all
)

// subjects are those of one namespace.
type subjects struct{ base string }

func (o *Options) subjects(namespace string) subjects {
	return subjects{o.Prefix + "." + token(namespace) + "."}
}

func (s subjects) all() string             { return s.base + toAll }
func (s subjects) room(name string) string { return s.rooms() + token(name) }
func (s subjects) rooms() string           { return s.base + toRoom + "." }
func (s subjects) anyRoom() string         { return s.rooms() + "*" }
func (s subjects) server(uid string) string {
	return s.base + toUID + "." + token(uid)
}

// log returns the subject of a message in the log.
func (s subjects) log(m *adapter.Message) string {
	if m.Type == adapter.Broadcast && m.RequestID == "" {
		return s.base + toLog + ".event"
	}
	return s.base + toLog + ".other"
}

func (s subjects) anyLog() string { return s.base + toLog + ".*" }

// Subject returns the subject that each server of a namespace subscribes to
// once. The number of subscriptions is that of the servers.
func (a *Adapter) Subject(namespace string) string { return a.opts.subjects(namespace).all() }

// of returns the subject of a message. A message that all servers must answer
// goes to all.
func (s subjects) of(m *adapter.Message) string {
	switch {
	case m.To != "":
		return s.server(m.To)
	case len(m.Opts.Rooms) == 1 && m.RequestID == "":
		return s.room(m.Opts.Rooms[0])
	}
	return s.all()
}

// maxToken bounds a token, because a subject must fit into the 4 KiB of a
// protocol line.
const maxToken = 512

// token makes one token of a subject of any name: letters, digits, "-" and "_"
// are themselves, other bytes are "=" and two hexadecimal digits. A long name
// becomes "==" and its hash. The empty name is "=".
func token(name string) string {
	const hex = "0123456789ABCDEF"
	if name == "" {
		return "="
	}
	if len(name) <= maxToken {
		var b strings.Builder
		for i := range len(name) {
			if c := name[i]; plain(c) {
				b.WriteByte(c)
			} else {
				b.Write([]byte{'=', hex[c>>4], hex[c&15]})
			}
		}
		if b.Len() <= maxToken {
			return b.String()
		}
	}
	hash := sha256.Sum256([]byte(name))
	return "==" + base64.RawURLEncoding.EncodeToString(hash[:])
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// validPrefix reports whether subjects may begin with it.
func validPrefix(prefix string) bool {
	for part := range strings.SplitSeq(prefix, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return r <= ' ' || r == '*' || r == '>' || r == 0x7f }) {
			return false
		}
	}
	return len(prefix) <= maxToken
}
