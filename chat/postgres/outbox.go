package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/store"
)

const (
	clock = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint" // ms
	none  = "9223372036854775807"                                    // a floor above all messages

	// It steps from room to room, however many posts there are. A claim that
	// another server has made meanwhile is left to it.
	claimRooms = `INSERT INTO chat.claims AS c (room, owner, until, tries)
		WITH RECURSIVE waiting AS (
			(SELECT room FROM chat.outbox ORDER BY room LIMIT 1)
			UNION ALL SELECT (SELECT room FROM chat.outbox WHERE room > waiting.room ORDER BY room LIMIT 1) FROM waiting WHERE room IS NOT NULL)
		SELECT waiting.room, $1, ` + clock + ` + $2::bigint, 0 FROM waiting LEFT JOIN chat.claims USING (room)
		WHERE room IS NOT NULL AND coalesce(until, 0) <= ` + clock + ` LIMIT $3
		ON CONFLICT (room) DO UPDATE SET owner = excluded.owner, until = excluded.until WHERE c.until <= ` + clock + `
		RETURNING room, tries`
	heldClaims = "SELECT room FROM chat.claims WHERE room = ANY ($1) AND owner = $2 ORDER BY room FOR UPDATE"
	putClaim   = "UPDATE chat.claims SET owner = $2, until = " + clock + " + $3::bigint, tries = $4 WHERE room = $1"
)

// Claim implements store.Outbox.
func (s *db) Claim(ctx context.Context, owner string, settle []store.Claim, hold time.Duration, limit int) (claims []store.Claim, lost []string, err error) {
	if s.closed.Load() {
		return nil, nil, unavailable(errClosed)
	}
	for range tries {
		claims, lost = nil, nil
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
			if lost, err = settleClaims(ctx, tx, owner, settle, hold); err != nil {
				return err
			}
			rows, err := tx.Query(ctx, claimRooms, owner, hold.Milliseconds(), limit)
			if err != nil {
				return err
			}
			claims, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c store.Claim, err error) { return c, row.Scan(&c.Room, &c.Tries) })
			return err
		})
		if !again(err) {
			break
		}
	}
	if err != nil || len(claims) == 0 {
		return nil, lost, unavailable(err)
	}
	return claims, lost, nil
}

func settleClaims(ctx context.Context, tx pgx.Tx, owner string, settle []store.Claim, hold time.Duration) (lost []string, err error) {
	if len(settle) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, heldClaims, column(settle, func(c store.Claim) string { return c.Room }), owner)
	if err != nil {
		return nil, err
	}
	held := make(map[string]bool)
	rooms, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, room := range rooms {
		held[room] = true
	}
	if err != nil {
		return nil, err
	}
	var b pgx.Batch
	for _, c := range settle {
		if !held[c.Room] {
			lost = append(lost, c.Room)
			continue
		}
		b.Queue("DELETE FROM chat.outbox WHERE room = $1 AND seq <= $2", c.Room, c.Done)
		switch {
		case !c.Over:
			b.Queue(putClaim, c.Room, owner, hold.Milliseconds(), c.Tries)
		case c.Pause > 0:
			b.Queue(putClaim, c.Room, "", c.Pause.Milliseconds(), c.Tries)
		default:
			b.Queue("DELETE FROM chat.claims WHERE room = $1", c.Room)
		}
	}
	return lost, tx.SendBatch(ctx, &b).Close()
}

// Waiting implements store.Outbox.
func (s *db) Waiting(ctx context.Context, room string, after int64, limit int) (posts []store.Message, at int64, err error) {
	if s.closed.Load() {
		return nil, 0, unavailable(errClosed)
	}
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var floor int64
		var seqs []int64
		err := tx.QueryRow(ctx, `SELECT `+clock+`, coalesce((SELECT floor FROM chat.rooms WHERE id = $1 AND NOT deleted), `+none+`),
			array(SELECT seq FROM chat.outbox WHERE room = $1 AND seq > $2 ORDER BY seq LIMIT $3)`, room, after, limit).Scan(&at, &floor, &seqs)
		if err != nil || len(seqs) == 0 {
			return err
		}
		found, err := all(ctx, tx, messages.Scan, messages.Where("room = $1 AND seq = ANY ($2)"), room, seqs)
		posts = store.FillPosts(room, floor, seqs, found)
		return err
	})
	return posts, at, unavailable(err)
}
