package sqlite

import (
	"context"
	"fmt"
)

// migrations make the tables. Each begins with the state that the one before
// leaves. The user_version of a database is the number of migrations that it
// has.
var migrations = []string{`
CREATE TABLE rooms (
	id TEXT PRIMARY KEY, kind TEXT, epoch TEXT,
	seq INTEGER, rev INTEGER, floor INTEGER, last_at INTEGER, since INTEGER, members INTEGER, owners INTEGER,
	info BLOB, slow_mode INTEGER, visibility TEXT, archived INTEGER, pins TEXT, info_rev INTEGER,
	first_user TEXT, second_user TEXT, -- users of a direct room
	deleted INTEGER
) WITHOUT ROWID;

CREATE TABLE members (
	room TEXT, user_id TEXT, role TEXT, rev INTEGER, since INTEGER, join_rev INTEGER, banned INTEGER,
	muted_until INTEGER, last_post INTEGER, notify TEXT, hidden INTEGER, why TEXT,
	PRIMARY KEY (room, user_id)
) WITHOUT ROWID;
CREATE INDEX members_rev ON members (room, rev);
CREATE INDEX members_user ON members (user_id, room);

CREATE TABLE messages (
	room TEXT, seq INTEGER, rev INTEGER, ver INTEGER, author TEXT, cid TEXT, at INTEGER,
	text TEXT, data BLOB, files TEXT, reply_to INTEGER, mentions TEXT, edited_at INTEGER,
	deleted TEXT, reactions TEXT, replies INTEGER, last_reply INTEGER,
	PRIMARY KEY (room, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX messages_rev ON messages (room, rev);
CREATE UNIQUE INDEX messages_cid ON messages (room, author, cid) WHERE cid <> '';

CREATE TABLE reactions (
	room TEXT, seq INTEGER, user_id TEXT, emoji TEXT,
	PRIMARY KEY (room, seq, user_id, emoji)
) WITHOUT ROWID;

CREATE TABLE mentions (
	room TEXT, user_id TEXT, seq INTEGER,
	PRIMARY KEY (room, user_id, seq)
) WITHOUT ROWID;

CREATE TABLE markers (
	room TEXT, user_id TEXT, read INTEGER, delivered INTEGER, gen INTEGER,
	PRIMARY KEY (room, user_id)
) WITHOUT ROWID;

CREATE TABLE blocks (
	user_id TEXT, blocked TEXT,
	PRIMARY KEY (user_id, blocked)
) WITHOUT ROWID;
`, `
ALTER TABLE rooms ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE rooms SET bytes = (SELECT coalesce(sum(octet_length(text) + coalesce(octet_length(data), 0)), 0)
	FROM messages WHERE messages.room = rooms.id AND messages.seq >= rooms.floor);
`, `
CREATE TABLE erasures (user_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX messages_plain ON messages (room, author, seq) WHERE cid = '' AND author <> 'deleted';
CREATE INDEX messages_deleter ON messages (room, deleted ->> 'by', seq) WHERE deleted IS NOT NULL;
CREATE INDEX reactions_user ON reactions (room, user_id, seq);
CREATE INDEX blocks_blocked ON blocks (blocked);
`, `
CREATE TABLE files (
	id TEXT PRIMARY KEY, owner TEXT, name TEXT, type TEXT, size INTEGER, sha256 TEXT, at INTEGER,
	room TEXT, seq INTEGER -- of the message that has it, or ''
) WITHOUT ROWID;
CREATE INDEX files_message ON files (room, seq) WHERE room > '';
CREATE INDEX files_unused ON files (owner) WHERE room = '';
CREATE INDEX files_stray ON files (id) WHERE room = '';
`, `
CREATE TABLE outbox (
	room TEXT, seq INTEGER,
	PRIMARY KEY (room, seq)
) WITHOUT ROWID;

CREATE TABLE claims ( -- of rooms in the outbox
	room TEXT PRIMARY KEY,
	owner TEXT, -- empty while nobody may take the room
	until INTEGER, tries INTEGER
) WITHOUT ROWID;
`, `
CREATE TABLE versions (
	room TEXT, seq INTEGER, ver INTEGER, at INTEGER, text TEXT, data BLOB,
	PRIMARY KEY (room, seq, ver)
) WITHOUT ROWID;
`, searchSchema, unindexedSchema, `
CREATE TABLE news ( -- of the last day
	n INTEGER, at INTEGER, user_id TEXT, room TEXT, blocked TEXT,
	PRIMARY KEY (n, user_id, room, blocked)
) WITHOUT ROWID;
CREATE INDEX news_at ON news (at);
CREATE INDEX news_user ON news (user_id);
CREATE INDEX news_blocked ON news (blocked) WHERE blocked > '';
`}

// migrate runs the migrations that the database lacks, in one transaction. So
// after a crash either all of them have run or not one of them.
func migrate(ctx context.Context, c *connection) error {
	return c.transaction("BEGIN IMMEDIATE", func() error {
		var version int
		if err := c.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("the file has version %d, made by a newer version of this package, which knows %d", version, len(migrations))
		}
		for _, step := range migrations[version:] {
			if _, err := c.conn.ExecContext(ctx, step); err != nil {
				return err
			}
		}
		_, err := c.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
		return err
	})
}
