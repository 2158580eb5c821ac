package sqlite

import (
	"context"
	"time"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

const (
	// It steps from room to room, however many posts there are.
	dueRooms = `WITH RECURSIVE waiting (room) AS (
			SELECT min(room) FROM outbox
			UNION ALL SELECT (SELECT min(room) FROM outbox WHERE room > waiting.room) FROM waiting WHERE room IS NOT NULL)
		SELECT waiting.room FROM waiting LEFT JOIN claims ON claims.room = waiting.room
		WHERE waiting.room IS NOT NULL AND coalesce(claims.until, 0) <= ? LIMIT 0+?`
	claimRoom = `INSERT INTO claims (room, owner, until, tries) VALUES (?, ?, ?, 0)
		ON CONFLICT (room) DO UPDATE SET owner = excluded.owner, until = excluded.until RETURNING tries`
	claimOf    = "SELECT tries FROM claims WHERE room = ? AND owner = ?"
	putClaim   = "UPDATE claims SET owner = ?, until = ?, tries = ? WHERE room = ?"
	endClaim   = "DELETE FROM claims WHERE room = ?"
	takeFrom   = "DELETE FROM outbox WHERE room = ? AND seq <= ?"
	waitingFor = "SELECT seq FROM outbox WHERE room = ? AND seq > ? ORDER BY seq LIMIT 0+?"
)

// Claim implements store.Outbox.
func (s *db) Claim(ctx context.Context, owner string, settle []store.Claim, hold time.Duration, limit int) (claims []store.Claim, lost []string, err error) {
	if len(settle) == 0 { // a read is cheaper, and mostly finds nothing
		due, err := one(ctx, s, scalar[string], dueRooms, time.Now().UnixMilli(), 1)
		if err != nil || len(due) == 0 {
			return nil, nil, err
		}
	}
	err = s.write(ctx, func(w *writer) (err error) {
		now := time.Now()
		if lost, err = w.settle(owner, settle, now, hold); err == nil {
			claims, err = w.claim(owner, now, hold, limit)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return claims, lost, nil
}

func (w *writer) settle(owner string, settle []store.Claim, now time.Time, hold time.Duration) (lost []string, err error) {
	for _, c := range settle {
		held, err := all(w.query(claimOf, c.Room, owner), scalar[int])
		if err != nil {
			return nil, err
		}
		if len(held) == 0 {
			lost = append(lost, c.Room)
			continue
		}
		if err := w.exec(takeFrom, c.Room, c.Done); err != nil {
			return nil, err
		}
		switch {
		case !c.Over:
			err = w.exec(putClaim, owner, now.Add(hold).UnixMilli(), c.Tries, c.Room)
		case c.Pause > 0:
			err = w.exec(putClaim, "", now.Add(c.Pause).UnixMilli(), c.Tries, c.Room)
		default:
			err = w.exec(endClaim, c.Room)
		}
		if err != nil {
			return nil, err
		}
	}
	return lost, nil
}

func (w *writer) claim(owner string, now time.Time, hold time.Duration, limit int) (claims []store.Claim, err error) {
	rooms, err := all(w.query(dueRooms, now.UnixMilli(), limit), scalar[string])
	if err != nil {
		return nil, err
	}
	for _, room := range rooms {
		tries, err := all(w.query(claimRoom, room, owner, now.Add(hold).UnixMilli()), scalar[int])
		if err != nil {
			return nil, err
		}
		claims = append(claims, store.Claim{Room: room, Tries: tries[0]})
	}
	return claims, nil
}

// Waiting implements store.Outbox.
func (s *db) Waiting(ctx context.Context, room string, after int64, limit int) (posts []store.Message, now int64, err error) {
	err = s.read(ctx, func(c *connection) error {
		seqs, err := all(c.query(waitingFor, room, after, limit), scalar[int64])
		if err != nil || len(seqs) == 0 {
			return err
		}
		found, err := all(c.query(tables.Rooms.Select("rooms WHERE id = ? AND NOT deleted"), room), tables.Rooms.Scan)
		if err != nil {
			return err
		}
		floor, messages := int64(0), []store.Message(nil)
		for _, row := range found {
			floor = row.Floor
			for m, err := range (roomReader{c, row}).Some(seqs) {
				if err != nil {
					return err
				}
				messages = append(messages, m)
			}
		}
		posts = store.FillPosts(room, floor, seqs, messages)
		return nil
	})
	return posts, time.Now().UnixMilli(), err
}
