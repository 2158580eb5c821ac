package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/store"
)

const (
	channel = "roomcast_chat"
	// maxPayload is the length of a notification that PostgreSQL takes, less one.
	maxPayload = 7999
	// pause is the time between two tries to connect.
	pause = time.Second
)

// payload returns the notification for changes: the ids of the rooms, or "" if
// there are too many.
func payload(changes []store.Changes) string {
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.Room.ID
	}
	text, err := json.Marshal(ids)
	if err != nil || len(text) > maxPayload {
		return ""
	}
	return string(text)
}

// watched is a db with Options.Watch.
type watched struct{ *db }

// Watch implements store.Watcher. It has a connection of the pool's kind, beside
// the pool. When the connection breaks, Watch makes another one, and then calls
// changed with nil, because notifications may have been lost.
func (s watched) Watch(ctx context.Context, changed func(rooms []string)) error {
	for {
		_ = s.listen(ctx, changed) // a broken connection is made anew
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s watched) listen(ctx context.Context, changed func(rooms []string)) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	changed(nil)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		var rooms []string
		_ = json.Unmarshal([]byte(n.Payload), &rooms) // "" leaves nil, which means any room
		changed(rooms)
	}
}
