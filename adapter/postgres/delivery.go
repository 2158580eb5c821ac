package postgres

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// maxRows is how many rows are read at a time.
	maxRows = 16

	// readTime is how long reading them may take.
	readTime = 30 * time.Second
)

// deliver delivers what has been heard, in order: a message whose row has to be
// read holds up those behind it. The error says that the connection is lost.
func (l *listener) deliver(ctx context.Context, pg *pgconn.PgConn) error {
	for len(l.inbox) > 0 {
		heard, ids := l.next()
		rows, err := l.a.rows(ctx, pg, ids) // more may be heard meanwhile
		if err != nil {
			return err
		}
		for i, n := range heard {
			row, found := rows[ids[i]]
			if ids[i] != "" && !found {
				l.a.log.Warn("postgres: message lost: its row is gone", "channel", n.Channel, "id", ids[i])
				continue
			}
			l.pass(n, row)
		}
	}
	return nil
}

// next takes notifications that can be delivered together, with the ids of their
// rows, "" for those without. It leaves those of this server out.
func (l *listener) next() (heard []*pgconn.Notification, ids []string) {
	rows := 0
	for len(l.inbox) > 0 && rows < maxRows {
		n := l.inbox[0]
		l.inbox[0] = nil
		l.inbox = l.inbox[1:]
		if l.own(n) {
			continue
		}
		id, err := attachmentID(n.Payload)
		if err != nil {
			l.unreadable(n, err)
			continue
		}
		if id != "" {
			rows++
		}
		heard, ids = append(heard, n), append(ids, id)
	}
	return heard, ids
}

// own reports whether only the sender of a notification would get it. It need not
// find them all, because subscribers ignore their own messages.
func (l *listener) own(n *pgconn.Notification) bool {
	to := l.subscriptions(n.Channel)
	return len(to) == 0 ||
		len(to) == 1 && n.PID == l.a.notifier.pid.Load() && strings.Contains(n.Payload, `"uid":"`+to[0].UID()+`"`)
}

// pass hands a message to its subscribers.
func (l *listener) pass(n *pgconn.Notification, row []byte) {
	for i, s := range l.subscriptions(n.Channel) {
		if i > 0 {
			row = bytes.Clone(row) // a message and its bytes belong to the subscriber
		}
		m, err := decode(n.Payload, row)
		if err != nil {
			l.unreadable(n, err)
			return
		}
		s.Deliver(m)
	}
}

func (l *listener) unreadable(n *pgconn.Notification, err error) {
	l.a.log.About(n.Channel).Warn("postgres: cannot read a message", "channel", n.Channel, "err", err)
}

// rows reads rows of the table. The error says that the connection is lost; rows
// that cannot be read are not in the result.
func (a *Adapter) rows(ctx context.Context, pg *pgconn.PgConn, ids []string) (rows map[string][]byte, err error) {
	var wanted []string
	for _, id := range ids {
		if id != "" {
			wanted = append(wanted, id)
		}
	}
	if wanted == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	sql := "SELECT id::text, payload FROM " + a.o.table + " WHERE id = ANY ($1::bigint[])"
	array := "{" + strings.Join(wanted, ",") + "}"
	result := pg.ExecParams(ctx, sql, [][]byte{[]byte(array)}, nil, nil, []int16{0, 1}).Read()
	if result.Err != nil {
		if pg.IsClosed() {
			return nil, result.Err
		}
		a.log.Error("postgres: cannot read rows", "err", result.Err)
	}
	rows = make(map[string][]byte, len(result.Rows))
	for _, row := range result.Rows {
		rows[string(row[0])] = row[1]
	}
	return rows, nil
}
