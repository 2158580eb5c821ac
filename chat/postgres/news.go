package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

const (
	newestNews = "SELECT coalesce(max(n), 0) FROM chat.news"
	// Transactions take the lock last and keep it until they have ended. So the
	// numbers have the order in which transactions become visible, and a
	// transaction that has the lock waits for no other.
	lockNews = "SELECT pg_advisory_xact_lock(hashtext('roomcast chat news')::bigint)"
	putNews  = `INSERT INTO chat.news (n, at, user_id, room, blocked)
		SELECT (` + newestNews + `) + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, *
		FROM unnest($1::text[], $2::text[], $3::text[]) RETURNING n`
	// The newest stay, so the numbers go on.
	oldNews = "DELETE FROM chat.news WHERE at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1::bigint"
)

var newsAfter = dialect.NewsAfter()

// addNews adds news, and returns the number of the transaction.
func (w *writer) addNews(ctx context.Context, facts []store.Fact) (n int64, err error) {
	if len(facts) == 0 {
		return 0, nil
	}
	var b pgx.Batch
	b.Queue(lockNews)
	b.Queue(putNews,
		column(facts, func(f store.Fact) string { return f.User }),
		column(facts, func(f store.Fact) string { return f.Room }),
		column(facts, func(f store.Fact) string { return f.Blocked }),
	).QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	b.Queue(oldNews, store.NewsTime.Milliseconds())
	err = w.tx.SendBatch(ctx, &b).Close()
	return n, err
}

// News implements store.Store.
func (s *db) News(ctx context.Context, after int64, limit int) (news []store.News, last int64, err error) {
	if after < 0 {
		newest, err := one(ctx, s, number, newestNews)
		if err != nil {
			return nil, 0, err
		}
		return nil, newest[0], nil
	}
	news, err = one(ctx, s, tables.News, newsAfter, after, limit)
	return news, store.LastNews(news, after), err
}
