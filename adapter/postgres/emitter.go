package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A DB runs SQL: a *pgxpool.Pool, a *pgx.Conn or a pgx.Tx.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// An Emitter sends to the sockets of a cluster from a program that is no server.
// It works with servers that use an [Adapter] or @socket.io/postgres-adapter.
//
// An Emitter selects sockets of a namespace, all of them at first. It is a value:
// To, Except and the other modifiers return a modified copy. It is safe for
// concurrent use if its DB is.
//
// Its methods return when PostgreSQL has taken the message, which does not mean
// that a server listens. On a transaction, servers get the message when the
// transaction commits, and never if it does not. PostgreSQL then sends equal
// messages of the transaction only once.
type Emitter struct {
	db        DB
	o         *options
	namespace string
	rooms     []string
	except    []string
	volatile  bool
	compress  *bool
}

// NewEmitter returns an Emitter that sends to all sockets of the main namespace.
// Of the options it uses ChannelPrefix, TableName and PayloadThreshold. The error
// is about the options.
func NewEmitter(db DB, o *Options) (Emitter, error) {
	resolved, err := o.resolve()
	return Emitter{db: db, o: &resolved, namespace: "/"}, err
}

// With returns an Emitter that sends by another DB, such as a transaction.
func (e Emitter) With(db DB) Emitter {
	e.db = db
	return e
}

// Of returns an Emitter that sends to all sockets of a namespace. A slash at the
// beginning of its name may be left out.
func (e Emitter) Of(namespace string) Emitter {
	if !strings.HasPrefix(namespace, "/") {
		namespace = "/" + namespace
	}
	return Emitter{db: e.db, o: e.o, namespace: namespace}
}

// To adds rooms to the selection, which then contains the sockets in at least
// one of its rooms, each once. A selection without rooms contains the whole
// namespace. The id of a socket is the name of a room with only this socket.
func (e Emitter) To(rooms ...string) Emitter {
	e.rooms = append(slices.Clip(e.rooms), rooms...)
	return e
}

// In is another name for To.
func (e Emitter) In(rooms ...string) Emitter { return e.To(rooms...) }

// Except removes the sockets in any of the rooms from the selection.
func (e Emitter) Except(rooms ...string) Emitter {
	e.except = append(slices.Clip(e.except), rooms...)
	return e
}

// Volatile makes Emit skip the sockets that are not ready.
func (e Emitter) Volatile() Emitter {
	e.volatile = true
	return e
}

// Compress decides whether the servers may compress the event. Defaults to true.
func (e Emitter) Compress(compress bool) Emitter {
	e.compress = &compress
	return e
}

// Emit sends an event to the selected sockets. The arguments are encoded as those
// of a server's Emit.
func (e Emitter) Emit(ctx context.Context, event string, args ...any) error {
	packet, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	var data broadcastData
	data.Packet.Type, data.Packet.Data, data.Packet.Namespace = parser.Event, packet.Text, e.namespace
	data.Opts.Rooms, data.Opts.Except = names(e.rooms), names(e.except)
	data.Opts.Flags.Volatile, data.Opts.Flags.Compress = e.volatile, e.compress
	return e.publish(ctx, adapter.Broadcast, data, packet.Attachments)
}

// SocketsJoin adds the selected sockets to rooms.
func (e Emitter) SocketsJoin(ctx context.Context, rooms ...string) error {
	return e.publish(ctx, adapter.SocketsJoin, roomsData{e.selection(), names(rooms)}, nil)
}

// SocketsLeave removes the selected sockets from rooms.
func (e Emitter) SocketsLeave(ctx context.Context, rooms ...string) error {
	return e.publish(ctx, adapter.SocketsLeave, roomsData{e.selection(), names(rooms)}, nil)
}

// DisconnectSockets disconnects the selected sockets. With close set, the servers
// also close the connections.
func (e Emitter) DisconnectSockets(ctx context.Context, close bool) error {
	return e.publish(ctx, adapter.DisconnectSockets, disconnectData{e.selection(), close}, nil)
}

// ServerSideEmit sends an event to the namespace's OnServerSide handlers on all
// servers. It does not use the selection.
func (e Emitter) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	packet, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	return e.publish(ctx, adapter.ServerSideEmit, serverSideData{packet.Text}, packet.Attachments)
}

func (e Emitter) selection() selection { return selection{names(e.rooms), names(e.except)} }

// The data of npm's emitter. Its keys are in another order than those of servers.
type (
	broadcastData struct {
		Packet struct {
			Type      parser.Type     `json:"type"`
			Data      json.RawMessage `json:"data"`
			Namespace string          `json:"nsp"`
		} `json:"packet"`
		Opts struct {
			Rooms []string `json:"rooms"`
			Flags struct {
				Compress *bool `json:"compress,omitempty"`
				Volatile bool  `json:"volatile,omitempty"`
			} `json:"flags"`
			Except []string `json:"except"`
		} `json:"opts"`
	}
	selection struct {
		Rooms  []string `json:"rooms"`
		Except []string `json:"except"`
	}
	roomsData struct {
		Opts  selection `json:"opts"`
		Rooms []string  `json:"rooms"`
	}
	disconnectData struct {
		Opts  selection `json:"opts"`
		Close bool      `json:"close"`
	}
	serverSideData struct {
		Packet json.RawMessage `json:"packet"`
	}
)

// names returns rooms as a slice that is an array in JSON even if it is empty.
func names(rooms []string) []string { return append([]string{}, rooms...) }

// emitterUID is the sender of all emitters' messages.
const emitterUID = "emitter"

// publish sends a message. npm's emitter leaves its namespace out; npm's adapter
// 0.5 then drops the message.
func (e Emitter) publish(ctx context.Context, t adapter.Type, data any, attachments [][]byte) error {
	channel, err := e.o.channel(e.namespace)
	if err != nil {
		return err
	}
	text, err := encodeJSON(struct {
		Type      adapter.Type `json:"type"`
		Data      any          `json:"data"`
		UID       string       `json:"uid"`
		Namespace string       `json:"nsp"`
	}{t, data, emitterUID, e.namespace})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	encoded := parser.Encoded{Text: text, Attachments: attachments}
	row := func() ([]byte, error) { return msgpack.FromJSON(nil, encoded) }
	n, err := e.o.notificationOf(channel, emitterUID, t, encoded, row)
	if err != nil {
		return err
	}
	if n.row == nil {
		_, err = e.db.Exec(ctx, notifySQL, n.channel, n.payload)
	} else {
		_, err = e.db.Exec(ctx, e.o.attachSQL(), n.channel, n.payload, n.row)
	}
	return err
}

// encodeEvent encodes an event's name and arguments.
func encodeEvent(event string, args []any) (parser.Encoded, error) {
	if parser.ReservedEvent(event) {
		return parser.Encoded{}, fmt.Errorf("postgres: the name of the event %q is reserved", event)
	}
	coder := parser.JSON{MaxAttachments: 1 << 16} // as servers among themselves
	packet, err := coder.EncodePayload(nil, &parser.Header{Type: parser.Event, Event: event}, args...)
	if err != nil {
		return packet, fmt.Errorf("postgres: cannot encode the event %q: %w", event, err)
	}
	return packet, nil
}

// encodeJSON is json.Marshal without its escaping of HTML.
func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}
