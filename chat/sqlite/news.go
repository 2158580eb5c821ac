package sqlite

import (
	"context"
	"time"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

const (
	newestNews = "SELECT coalesce(max(n), 0) FROM news"
	putNews    = "INSERT INTO news (n, at, user_id, room, blocked) VALUES (?, ?, ?, ?, ?)"
	oldNews    = "DELETE FROM news WHERE at < ?"
)

var newsAfter = dialect.NewsAfter()

// addNews adds news, and returns the number of the transaction.
func (w *writer) addNews(facts []store.Fact) (n int64, err error) {
	if len(facts) == 0 {
		return 0, nil
	}
	newest, err := all(w.query(newestNews), scalar[int64])
	if err != nil {
		return 0, err
	}
	n = newest[0] + 1
	now := time.Now()
	err = writeEach(w, putNews, facts, func(f store.Fact) []any { return []any{n, now.UnixMilli(), f.User, f.Room, f.Blocked} })
	if err != nil {
		return 0, err
	}
	// The newest stay, so the numbers go on.
	return n, w.exec(oldNews, now.Add(-store.NewsTime).UnixMilli())
}

// News implements store.Store.
func (s *db) News(ctx context.Context, after int64, limit int) (news []store.News, last int64, err error) {
	if after < 0 {
		newest, err := one(ctx, s, scalar[int64], newestNews)
		if err != nil {
			return nil, 0, err
		}
		return nil, newest[0], nil
	}
	news, err = one(ctx, s, tables.News, newsAfter, after, limit)
	return news, store.LastNews(news, after), err
}
