package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/golden"
)

// What npm's adapter wrote is understood, and what this adapter writes for the
// same messages has the same bytes.
func TestGolden(t *testing.T) {
	o := map[string]options{}
	inline, rows := 0, 0
	for _, l := range golden.Read(t, "postgres") {
		if l.Command != "NOTIFY" || l.From == "emitter" {
			continue
		}
		of, known := o[l.File]
		if !known {
			of = recordedOptions(t, l)
			o[l.File] = of
		}
		t.Run(fmt.Sprint(l.File, " line ", l.Number), func(t *testing.T) {
			id, err := attachmentID(string(l.Payload))
			if err != nil || (id != "") != (l.Attachment != nil) {
				t.Fatalf("id %q, %v", id, err)
			}
			m, err := decode(string(l.Payload), l.Attachment)
			if err != nil {
				t.Fatal(err)
			}
			if want := of.ChannelPrefix + "#" + m.Namespace; l.Channel != want {
				t.Errorf("channel %q, want %q", l.Channel, want)
			}
			n, err := of.notification(l.Channel, m)
			if err != nil {
				t.Fatal(err)
			}
			payload := n.payload
			if n.row != nil {
				payload += id + tail
			}
			if n.channel != l.Channel || !bytes.Equal(asSent(l.Payload), []byte(payload)) || !bytes.Equal(asSent(l.Attachment), n.row) {
				t.Errorf("%s:\n%s %q\nwant\n%s %q", l.Operation, payload, n.row, l.Payload, l.Attachment)
			}
		})
		if l.Attachment == nil {
			inline++
		} else {
			rows++
		}
	}
	if inline < 150 || rows < 25 {
		t.Errorf("compared %d messages and %d rows", inline, rows)
	}
}

// recordedOptions returns the options of the servers of a recording.
func recordedOptions(t *testing.T, l golden.Line) options {
	t.Helper()
	text, err := json.Marshal(l.Options["options"])
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		ChannelPrefix, TableName string
		PayloadThreshold         int
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	o, err := (&Options{
		ChannelPrefix: recorded.ChannelPrefix, TableName: recorded.TableName, PayloadThreshold: recorded.PayloadThreshold,
	}).resolve()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// asSent returns a message as our servers write it: without a flag that has no
// meaning between servers, without one that says what is so anyway, and with
// numbers that are rooms as text.
func asSent(message []byte) []byte {
	if message == nil {
		return nil
	}
	return []byte(strings.NewReplacer(
		`"expectSingleResponse":true,`, "", `"expectSingleResponse":true`, "", `"compress":true`, "", `"rooms":[42]`, `"rooms":["42"]`,
		`"r2",42]`, `"r2","42"]`, "\xa2r2\x2a", "\xa2r2\xa242",
	).Replace(string(message)))
}

// emitterOperations are what the recorded emitter did.
var emitterOperations = map[string]func(ctx context.Context, e Emitter) error{
	"e.emit('hi')": func(ctx context.Context, e Emitter) error { return e.Emit(ctx, "hi") },
	"e.emit('ev', 1, '2', {three: [4]})": func(ctx context.Context, e Emitter) error {
		return e.Emit(ctx, "ev", 1, "2", map[string]any{"three": []int{4}})
	},
	"e.emit('date', new Date(0), new Date(1700000000123))": func(ctx context.Context, e Emitter) error {
		return e.Emit(ctx, "date", date(0), date(1700000000123))
	},
	"e.to('r1').emit('ev')":              func(ctx context.Context, e Emitter) error { return e.To("r1").Emit(ctx, "ev") },
	"e.to(['r1','r2']).emit('ev')":       func(ctx context.Context, e Emitter) error { return e.To("r1", "r2").Emit(ctx, "ev") },
	"e.to('r1').except('r2').emit('ev')": func(ctx context.Context, e Emitter) error { return e.To("r1").Except("r2").Emit(ctx, "ev") },
	"e.volatile.emit('ev')":              func(ctx context.Context, e Emitter) error { return e.Volatile().Emit(ctx, "ev") },
	"e.compress(false).emit('ev')":       func(ctx context.Context, e Emitter) error { return e.Compress(false).Emit(ctx, "ev") },
	"e.emit('bin', Buffer.from([1,2,3]), {a: [new Uint8Array([255])]})": func(ctx context.Context, e Emitter) error {
		return e.Emit(ctx, "bin", []byte{1, 2, 3}, map[string]any{"a": [][]byte{{255}}})
	},
	"e.emit('long', 'x'.repeat(20000))": func(ctx context.Context, e Emitter) error {
		return e.Emit(ctx, "long", strings.Repeat("x", 20000))
	},
	"e.of('/chat').emit('ev')":             func(ctx context.Context, e Emitter) error { return e.Of("/chat").Emit(ctx, "ev") },
	"e.of('chat').to('r1').emit('ev')":     func(ctx context.Context, e Emitter) error { return e.Of("chat").To("r1").Emit(ctx, "ev") },
	"e.in('r1').socketsJoin('r9')":         func(ctx context.Context, e Emitter) error { return e.In("r1").SocketsJoin(ctx, "r9") },
	"e.in('r1').socketsLeave(['r9','r8'])": func(ctx context.Context, e Emitter) error { return e.In("r1").SocketsLeave(ctx, "r9", "r8") },
	"e.in('nobody-is-here').disconnectSockets()": func(ctx context.Context, e Emitter) error {
		return e.In("nobody-is-here").DisconnectSockets(ctx, false)
	},
	"e.in('nobody-is-here').disconnectSockets(true)": func(ctx context.Context, e Emitter) error { return e.In("nobody-is-here").DisconnectSockets(ctx, true) },
	"e.serverSideEmit('note', 1, {a: 2})": func(ctx context.Context, e Emitter) error {
		return e.ServerSideEmit(ctx, "note", 1, map[string]int{"a": 2})
	},
	"e.serverSideEmit('note', Buffer.from([1]))": func(ctx context.Context, e Emitter) error { return e.ServerSideEmit(ctx, "note", []byte{1}) },
	"e.of('/chat').serverSideEmit('note', 3)":    func(ctx context.Context, e Emitter) error { return e.Of("/chat").ServerSideEmit(ctx, "note", 3) },
}

// date returns what a Date becomes in JSON.
func date(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// The emitter writes the bytes of npm's emitter, and the namespace, which npm's
// adapter wants and npm's emitter forgets.
func TestGoldenEmitter(t *testing.T) {
	pg := startPostgres(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard, err := pgx.Connect(ctx, pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close(context.Background())
	if _, err := heard.Exec(ctx, `LISTEN "socket.io#/"; LISTEN "socket.io#/chat"`); err != nil {
		t.Fatal(err)
	}
	emitter, err := NewEmitter(open(t, pg.URL), nil)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, l := range golden.Read(t, "postgres-emitter") {
		operation := emitterOperations[l.Operation]
		if l.From != "emitter" || operation == nil {
			continue
		}
		compared++
		if err := operation(ctx, emitter); err != nil {
			t.Fatalf("%s: %v", l.Operation, err)
		}
		n, err := heard.WaitForNotification(ctx)
		if err != nil {
			t.Fatal(err)
		}
		namespace := strings.TrimPrefix(l.Channel, "socket.io#")
		if l.Attachment == nil {
			want := strings.TrimSuffix(string(l.Payload), "}") + `,"nsp":"` + namespace + `"}`
			if n.Channel != l.Channel || n.Payload != want {
				t.Errorf("%s: %s %s\nwant %s %s", l.Operation, n.Channel, n.Payload, l.Channel, want)
			}
			continue
		}
		var row []byte
		if err := heard.QueryRow(ctx, "SELECT payload FROM socket_io_attachments ORDER BY id DESC LIMIT 1").Scan(&row); err != nil {
			t.Fatal(err)
		}
		want := append([]byte{l.Attachment[0] + 1}, l.Attachment[1:]...) // a map with one more key
		want = append(append(want, "\xa3nsp"...), 0xa0|byte(len(namespace)))
		want = append(want, namespace...)
		if n.Channel != l.Channel || n.Payload != string(l.Payload) || !bytes.Equal(row, want) {
			t.Errorf("%s: %s %s %q\nwant %s %s %q", l.Operation, n.Channel, n.Payload, row, l.Channel, l.Payload, want)
		}
	}
	if compared != len(emitterOperations) {
		t.Errorf("compared %d of %d operations", compared, len(emitterOperations))
	}
}

// A message without a namespace is one of the channel's.
func TestMessagesOfNpmsEmitterAreUnderstood(t *testing.T) {
	pg := startPostgres(t)
	o := Options{}
	a := join(t, pg.URL, o)
	main, _ := subscribe(t, a, "/", "a")
	chat, _ := subscribe(t, a, "/chat", "b")
	pool := open(t, pg.URL)
	counted := 0
	for _, l := range golden.Read(t, "postgres-emitter") {
		if l.From != "emitter" {
			continue
		}
		counted++
		payload := string(l.Payload)
		if l.Attachment != nil {
			var id string
			if err := pool.QueryRow(t.Context(), "INSERT INTO socket_io_attachments (payload) VALUES ($1) RETURNING id::text", l.Attachment).Scan(&id); err != nil {
				t.Fatal(err)
			}
			recorded, err := attachmentID(payload)
			if err != nil {
				t.Fatal(err)
			}
			payload = strings.Replace(payload, `"`+recorded+`"`, `"`+id+`"`, 1)
		}
		if _, err := pool.Exec(t.Context(), "SELECT pg_notify($1, $2)", l.Channel, payload); err != nil {
			t.Fatal(err)
		}
		s := main
		if strings.HasSuffix(l.Channel, "/chat") {
			s = chat
		}
		m := s.nextMessage(t)
		if m.UID != emitterUID || m.Namespace != "" || m.Type < adapter.Broadcast || m.Type > adapter.ServerSideEmit {
			t.Errorf("%s: got %+v", l.Operation, m)
		}
	}
	if counted < 20 {
		t.Errorf("only %d messages", counted)
	}
}
