package sqlite

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// searchSchema is the index of words. A row of searched stands for a message with
// a text. Its id grows with the time of the message, so that the index yields
// the newest messages first. Its scope is words that say where the message is:
// the room, or the parent of a thread, and whether that is open to all. With
// secure-delete, a word that no message contains any longer is not in the index
// either. The triggers are those of unindexedSchema now.
const searchSchema = `
CREATE TABLE searched (id INTEGER PRIMARY KEY, room TEXT, seq INTEGER, scope TEXT);
CREATE UNIQUE INDEX searched_message ON searched (room, seq);
CREATE TABLE unindexed (id INTEGER PRIMARY KEY);
CREATE VIEW searchable AS SELECT searched.id AS id, scope, text
	FROM searched CROSS JOIN messages ON messages.room = searched.room AND messages.seq = searched.seq;
CREATE VIEW scopes AS SELECT rooms.id AS room, 'x' || hex(home.id) || iif(home.kind = 'open', ' o', '') AS scope
	FROM rooms CROSS JOIN rooms AS home ON home.id = ` + home + `;

INSERT INTO searched SELECT (at << 20) + row_number() OVER (PARTITION BY at ORDER BY messages.room, seq) - 1, messages.room, seq, scope
	FROM messages JOIN scopes ON scopes.room = messages.room WHERE text <> '';
CREATE VIRTUAL TABLE search USING fts5 (scope, text, content = 'searchable', content_rowid = 'id', columnsize = 0,
	tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co M*'");
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
INSERT INTO search (search) VALUES ('rebuild');

CREATE TRIGGER searched_in AFTER INSERT ON searched BEGIN
	INSERT INTO unindexed VALUES (new.id);
END;
CREATE TRIGGER searched_out BEFORE DELETE ON searched BEGIN
	INSERT INTO search (search, rowid, scope, text) SELECT 'delete', id, scope, text FROM searchable
		WHERE id = old.id AND NOT EXISTS (SELECT 1 FROM unindexed WHERE id = old.id);
	DELETE FROM unindexed WHERE id = old.id;
END;
CREATE TRIGGER text_in AFTER INSERT ON messages WHEN new.text <> '' BEGIN` + searchNew + `END;
CREATE TRIGGER text_old BEFORE UPDATE OF text ON messages WHEN old.text <> new.text AND old.text <> '' BEGIN` + searchOld + `END;
CREATE TRIGGER text_new AFTER UPDATE OF text ON messages WHEN old.text <> new.text AND new.text <> '' BEGIN` + searchNew + `END;
CREATE TRIGGER text_out BEFORE DELETE ON messages WHEN old.text <> '' BEGIN` + searchOld + `END;
`

const (
	searchNew = `
	INSERT INTO searched SELECT coalesce((SELECT max(id) + 1 FROM searched WHERE id >= new.at << 20 AND id < (new.at + 1) << 20), new.at << 20),
		room, new.seq, scope FROM scopes WHERE room = new.room;
`
	searchOld = `
	DELETE FROM searched WHERE room = old.room AND seq = old.seq;
`
	// home is the id of the room that decides about permissions.
	home = "iif(rooms.kind = 'thread', rtrim(rtrim(rooms.id, '0123456789'), '~'), rooms.id)"
)

// unindexedSchema is the triggers that keep the index. A message with a text is
// either in unindexed, or in searched and in the index. Many go into the index
// at a time, because FTS5 writes each time about as many pages as a post.
const unindexedSchema = `
DROP TRIGGER searched_in;
DROP TRIGGER searched_out;
DROP TRIGGER text_in;
DROP TRIGGER text_old;
DROP TRIGGER text_new;
DROP TRIGGER text_out;
DROP TABLE unindexed;
CREATE TABLE unindexed (
	at INTEGER, room TEXT, seq INTEGER,
	PRIMARY KEY (at, room, seq)
) WITHOUT ROWID;

CREATE TRIGGER searched_out BEFORE DELETE ON searched BEGIN
	INSERT INTO search (search, rowid, scope, text) SELECT 'delete', id, scope, text FROM searchable WHERE id = old.id;
END;
CREATE TRIGGER text_in AFTER INSERT ON messages WHEN new.text <> '' BEGIN` + textIn + `END;
CREATE TRIGGER text_old BEFORE UPDATE OF text ON messages WHEN old.text <> new.text AND old.text <> '' BEGIN` + textOut + `END;
CREATE TRIGGER text_new AFTER UPDATE OF text ON messages WHEN old.text <> new.text AND new.text <> '' BEGIN` + textIn + `END;
CREATE TRIGGER text_out BEFORE DELETE ON messages WHEN old.text <> '' BEGIN` + textOut + `END;
`

const (
	textIn = `
	INSERT INTO unindexed VALUES (new.at, new.room, new.seq);
`
	textOut = `
	DELETE FROM unindexed WHERE at = old.at AND room = old.room AND seq = old.seq;
	DELETE FROM searched WHERE room = old.room AND seq = old.seq;
`
)

// The statements that put messages into the index.
const (
	anyUnindexed = "SELECT 1 FROM unindexed LIMIT 1"
	giveIDs      = `INSERT INTO searched
		SELECT coalesce((SELECT max(id) + 1 FROM searched WHERE id >= at << 20 AND id < (at + 1) << 20), at << 20)
			+ row_number() OVER (PARTITION BY at ORDER BY room, seq) - 1, room, seq, scope
		FROM unindexed CROSS JOIN scopes USING (room)`
	indexWords = `INSERT INTO search (rowid, scope, text) SELECT id, scope, text
		FROM unindexed CROSS JOIN searched USING (room, seq) CROSS JOIN messages USING (room, seq)`
	noneUnindexed = "DELETE FROM unindexed"
)

// maxUnindexed is how many new messages wait about at most for the index: a
// search waits until they are in it, and so does the post that is one too many.
const maxUnindexed = 256

// index puts the messages that wait into the index.
func (w *writer) index() error {
	w.unindexed = 0
	return errors.Join(w.exec(giveIDs), w.exec(indexWords), w.exec(noneUnindexed))
}

// indexAll puts the messages that wait into the index, if there are any, so that
// a search finds all that was committed before it.
func (s *db) indexAll(ctx context.Context) error {
	waiting, err := one(ctx, s, scalar[int64], anyUnindexed)
	if err != nil || len(waiting) == 0 {
		return err
	}
	return s.write(ctx, (*writer).index)
}

// searchHits finds messages. Parameter 1 is the user, 2 the query for the index,
// 3 the id that the page is after, 4 the room or ”, 5 the rooms that are left
// out.
var searchHits = "SELECT searched.id, " + tables.Messages.List() + ` FROM search
	CROSS JOIN searched ON searched.id = search.rowid
	CROSS JOIN rooms ON rooms.id = searched.room AND NOT rooms.deleted AND searched.seq >= rooms.floor
	CROSS JOIN rooms AS home ON home.id = ` + home + ` AND NOT home.deleted
	LEFT JOIN members ON members.room = home.id AND members.user_id = ?1
	CROSS JOIN messages ON messages.room = searched.room AND messages.seq = searched.seq
	WHERE search MATCH ?2 AND search.rowid < ?3 AND ?4 IN ('', rooms.id, home.id)
		AND home.id NOT IN (SELECT value FROM json_each(?5))
		AND (home.kind = 'open' OR coalesce(members.role, '') <> '') AND NOT coalesce(members.banned, 0)
		AND ` + root + ` >= iif(home.visibility = 'joined', max(home.floor, coalesce(members.since, 0)), home.floor)
	ORDER BY search.rowid DESC LIMIT 0+?6`

// root is the seq of the message, or of the message to which its thread
// belongs.
const root = "iif(rooms.kind = 'thread', CAST(substr(rooms.id, length(home.id) + 2) AS INTEGER), searched.seq)"

// Search implements store.Searcher.
func (s *db) Search(ctx context.Context, q store.Search) (f *store.Found, err error) {
	before := int64(math.MaxInt64)
	if q.After != "" {
		if before, err = strconv.ParseInt(q.After, 10, 64); err != nil {
			return nil, &store.Error{Code: store.BadRequest, Text: "invalid after", Field: "after"}
		}
	}
	if len(q.Terms) == 0 {
		return new(store.Found), nil
	}
	except, err := json.Marshal(append([]string{}, q.Except...)) // null would be a row
	if err != nil {
		return nil, err
	}
	if err := s.indexAll(ctx); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c *connection) error {
		scope, err := c.scope(q)
		if err != nil {
			return err
		}
		hits := each(c.queryUntil(ctx, searchHits, q.User, scope+" AND text : ("+match(q.Terms)+")", before, q.Room, string(except), q.Limit.Rows+1), scanHit)
		f, err = store.Collect(hits, q.Limit)
		return err
	})
	return f, err
}

func scanHit(row tables.Scanner) (h store.Hit, err error) {
	var id int64
	err = row(append([]any{&id}, tables.Messages.Fields(&h.Message)...)...)
	h.After = strconv.FormatInt(id, 10)
	return h, err
}

// scope returns a query for the messages in rooms that the user may read. It
// only makes the search faster: the statement decides what the user may read.
func (c *connection) scope(q store.Search) (string, error) {
	if q.Room != "" {
		return "scope : " + scopeOf(store.Home(q.Room)), nil
	}
	ids, err := all(c.query("SELECT room FROM members WHERE user_id = ? AND role <> ''", q.User), scalar[string])
	any := []string{"o"}
	for _, id := range ids {
		if _, _, is := store.Parent(id); !is {
			any = append(any, scopeOf(id))
		}
	}
	return "scope : (" + strings.Join(any, " OR ") + ")", err
}

func scopeOf(id string) string { return "x" + hex.EncodeToString([]byte(id)) }

// match returns the query of the index for terms. Their words are letters and
// digits, so nothing in them has a meaning in the query.
func match(terms []store.Term) string {
	phrases := make([]string, len(terms))
	for i, t := range terms {
		phrases[i] = `"` + strings.Join(t.Words, " ") + `"`
		if t.Prefix {
			phrases[i] += " *"
		}
	}
	return strings.Join(phrases, " AND ")
}
