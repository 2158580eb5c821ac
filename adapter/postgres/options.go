package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// Options configure an [Adapter] or an [Emitter]. The zero value of each field
// means its default. All servers of a cluster must have the same ChannelPrefix
// and TableName.
type Options struct {
	// ChannelPrefix begins the names of the channels; it is npm's channelPrefix.
	// A channel's name is the prefix, "#" and the namespace. PostgreSQL limits it
	// to 63 bytes, so a longer prefix leaves less for the names of namespaces.
	// Defaults to "socket.io", which leaves 53 bytes.
	ChannelPrefix string

	// TableName is the table of long and binary messages, as one writes it in SQL:
	// it may contain the schema, and names in quotes keep their capital letters.
	// It is npm's tableName. Defaults to "socket_io_attachments".
	TableName string

	// PayloadThreshold is how many bytes a message may have that does not go
	// through the table; it is npm's payloadThreshold. Defaults to 7999, the most
	// that PostgreSQL admits; more counts as 7999.
	PayloadThreshold int

	// HeartbeatInterval is the pause between two heartbeats of a server, and
	// HeartbeatTimeout the time after which a silent server counts as dead; they
	// are npm's heartbeatInterval and heartbeatTimeout. They default to 5 s and
	// 10 s.
	HeartbeatInterval time.Duration
	HeartbeatTimeout  time.Duration

	// CleanupInterval is the pause between two deletions of old rows, and how old
	// these must be; it is npm's cleanupInterval. An Emitter deletes nothing.
	// Defaults to 30 s.
	CleanupInterval time.Duration

	// Logger gets a line when the listening connection is lost and one when it is
	// back, and lines about messages that cannot be read and rows that cannot be
	// deleted. The server has a line of its own when it cannot publish. Defaults
	// to a logger that discards all lines.
	Logger *slog.Logger
}

const (
	maxChannel = 63   // bytes of the name of a channel
	maxPayload = 7999 // bytes of a notification
)

// options are Options with defaults, ready for use.
type options struct {
	Options
	table string // quoted
}

func (o *Options) resolve() (options, error) {
	var r options
	if o != nil {
		r.Options = *o
	}
	r.ChannelPrefix = cmp.Or(r.ChannelPrefix, "socket.io")
	r.TableName = cmp.Or(r.TableName, "socket_io_attachments")
	r.PayloadThreshold = min(cmp.Or(r.PayloadThreshold, maxPayload), maxPayload)
	r.CleanupInterval = cmp.Or(r.CleanupInterval, 30*time.Second)
	switch {
	case r.PayloadThreshold < 0:
		return r, errors.New("postgres: PayloadThreshold is negative")
	case r.CleanupInterval < 0 || r.HeartbeatInterval < 0 || r.HeartbeatTimeout < 0:
		return r, errors.New("postgres: negative interval or timeout")
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	if _, err := r.channel("/"); err != nil {
		return r, fmt.Errorf("postgres: ChannelPrefix %.100q cannot begin the name of a channel", r.ChannelPrefix)
	}
	var err error
	r.table, err = quoteTable(r.TableName)
	return r, err
}

// channel returns the channel of a namespace.
func (o *options) channel(namespace string) (string, error) {
	c := o.ChannelPrefix + "#" + namespace
	switch {
	case len(c) > maxChannel:
		return "", fmt.Errorf("postgres: the namespace %.100q has %d bytes; with the prefix %q of the channels at most %d are possible",
			namespace, len(namespace), o.ChannelPrefix, maxChannel-len(o.ChannelPrefix)-1)
	case strings.ContainsRune(c, 0) || !utf8.ValidString(c):
		return "", fmt.Errorf("postgres: the namespace %q contains bytes that the name of a channel cannot contain", namespace)
	}
	return c, nil
}

// quoteTable returns the name of a table so that SQL takes every name as it
// would take this one, and no name as more than that.
func quoteTable(name string) (string, error) {
	var parts pgx.Identifier
	for rest, more := name, true; more; {
		var part string
		if strings.HasPrefix(rest, `"`) {
			part, rest = cutQuoted(rest[1:])
		} else {
			n := strings.IndexByte(rest+".", '.')
			part, rest = strings.Map(lower, rest[:n]), rest[n:]
		}
		if part == "" || rest != "" && rest[0] != '.' {
			return "", fmt.Errorf("postgres: TableName %.100q is no name of a table", name)
		}
		parts = append(parts, part)
		rest, more = strings.CutPrefix(rest, ".")
	}
	return parts.Sanitize(), nil
}

// lower changes a letter as SQL does outside of quotes.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// cutQuoted returns a name up to its closing quote, and the rest after the
// quote.
func cutQuoted(s string) (name, rest string) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '"':
		case strings.HasPrefix(s[i:], `""`):
			i++
		default:
			return strings.ReplaceAll(s[:i], `""`, `"`), s[i+1:]
		}
	}
	return "", s
}
