package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// migrations make the tables in the schema chat. Each begins with the state
// that the one before leaves. The table version contains the number of
// migrations that have run.
//
// Ids compare by their bytes, as in every store. JSON is text, because it must
// come back as it was.
var migrations = []string{`
CREATE TABLE chat.rooms (
	id text COLLATE "C" PRIMARY KEY, kind text, epoch text,
	seq bigint, rev bigint, floor bigint, last_at bigint, since bigint, members bigint, owners bigint,
	info bytea, slow_mode bigint, visibility text, archived boolean, pins text, info_rev bigint,
	first_user text, second_user text, -- of a direct room
	deleted boolean
) WITH (fillfactor = 50);

CREATE TABLE chat.members (
	room text COLLATE "C", user_id text COLLATE "C", role text, rev bigint, since bigint, join_rev bigint, banned boolean,
	muted_until bigint, last_post bigint, notify text, hidden boolean, why text,
	PRIMARY KEY (room, user_id)
);
CREATE INDEX ON chat.members (room, rev);
CREATE INDEX ON chat.members (user_id, room);

CREATE TABLE chat.messages (
	room text COLLATE "C", seq bigint, rev bigint, ver bigint, author text COLLATE "C", cid text COLLATE "C", at bigint,
	text text, data bytea, files text, reply_to bigint, mentions text, edited_at bigint,
	deleted text, reactions text, replies bigint, last_reply bigint,
	PRIMARY KEY (room, seq)
);
CREATE UNIQUE INDEX ON chat.messages (room, rev);
CREATE UNIQUE INDEX ON chat.messages (room, author, cid) WHERE cid <> '';

CREATE TABLE chat.reactions (
	room text COLLATE "C", seq bigint, user_id text COLLATE "C", emoji text COLLATE "C",
	PRIMARY KEY (room, seq, user_id, emoji)
);

CREATE TABLE chat.mentions (
	room text COLLATE "C", seq bigint, user_id text COLLATE "C",
	PRIMARY KEY (room, user_id, seq)
);

CREATE TABLE chat.markers (
	room text COLLATE "C", user_id text COLLATE "C", read bigint, delivered bigint, gen bigint,
	PRIMARY KEY (room, user_id)
);

CREATE TABLE chat.blocks (
	user_id text COLLATE "C", blocked text COLLATE "C",
	PRIMARY KEY (user_id, blocked)
);
`, `
ALTER TABLE chat.rooms ADD COLUMN bytes bigint NOT NULL DEFAULT 0;
UPDATE chat.rooms SET bytes = (SELECT coalesce(sum(octet_length(text) + coalesce(octet_length(data), 0)), 0)
	FROM chat.messages WHERE messages.room = rooms.id AND messages.seq >= rooms.floor);
CREATE INDEX ON chat.mentions (room, seq);
`, `
CREATE TABLE chat.erasures (user_id text COLLATE "C" PRIMARY KEY);
CREATE INDEX ON chat.messages (room, author, seq) WHERE cid = '' AND author <> 'deleted';
CREATE INDEX ON chat.messages (room, (deleted::json ->> 'by'), seq) WHERE deleted IS NOT NULL;
CREATE INDEX ON chat.reactions (room, user_id, seq);
CREATE INDEX ON chat.blocks (blocked);
`, `
CREATE TABLE chat.files (
	id text COLLATE "C" PRIMARY KEY, owner text COLLATE "C", name text, type text, size bigint, sha256 text, at bigint,
	room text COLLATE "C", seq bigint -- of the message that has it, or ''
);
CREATE INDEX ON chat.files (room, seq) WHERE room > '';
CREATE INDEX ON chat.files (owner) WHERE room = '';
CREATE INDEX ON chat.files (id) WHERE room = '';
`, `
CREATE TABLE chat.outbox (
	room text COLLATE "C", seq bigint,
	PRIMARY KEY (room, seq)
);

CREATE TABLE chat.claims ( -- of rooms in the outbox
	room text COLLATE "C" PRIMARY KEY,
	owner text, -- empty while nobody may take the room
	until bigint, tries bigint
);
`, `
CREATE TABLE chat.versions (
	room text COLLATE "C", seq bigint, ver bigint, at bigint, text text, data bytea,
	PRIMARY KEY (room, seq, ver)
);
`, searchSchema, separatorsSchema, `
CREATE TABLE chat.news ( -- of the last day
	n bigint, at bigint, user_id text COLLATE "C", room text COLLATE "C", blocked text COLLATE "C"
);
CREATE INDEX ON chat.news (n);
CREATE INDEX ON chat.news (at);
`}

// migrate runs the migrations that the database lacks, in one transaction.
// Servers that start at the same time migrate one after the other.
func (s *db) migrate(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		const prepare = `SELECT pg_advisory_xact_lock(hashtext('roomcast chat')::bigint);
			CREATE SCHEMA IF NOT EXISTS chat;
			CREATE TABLE IF NOT EXISTS chat.version (n bigint);`
		if _, err := tx.Exec(ctx, prepare); err != nil {
			return err
		}
		var version int
		if err := tx.QueryRow(ctx, "SELECT coalesce(max(n), 0) FROM chat.version").Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("the schema has version %d, made by a newer version of this package, which knows %d", version, len(migrations))
		}
		for _, step := range migrations[version:] {
			if _, err := tx.Exec(ctx, step); err != nil {
				return err
			}
		}
		if version == len(migrations) {
			return nil
		}
		_, err := tx.Exec(ctx, "INSERT INTO chat.version VALUES ($1)", len(migrations))
		return err
	})
}
