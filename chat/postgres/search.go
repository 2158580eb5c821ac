package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/goroomcast/socketio/chat/store"
)

// searchSchema gives each message its words, which the database keeps in step
// with the text. Punctuation separates words, also where PostgreSQL would see a
// host or a number in them. Only the first 100,000 characters of a text are
// indexed, because a tsvector is bounded.
const searchSchema = `
ALTER TABLE chat.messages ADD COLUMN words tsvector GENERATED ALWAYS AS
	(to_tsvector('simple'::regconfig, translate(left(text, 100000), $p$!"#$%&'()*+,-./:;<=>?@[\]^_{|}~$p$ || chr(96), repeat(' ', 32)))) STORED;
CREATE INDEX ON chat.messages USING gin (words);
`

// separatorsSchema gives each message its words anew. Before, only punctuation of
// ASCII separated words: in a database with LC_CTYPE "C", PostgreSQL takes every
// other character for a letter. Now the characters are those of store.Terms. The
// expression, of 17 kB, is in a function, because PostgreSQL reads the expression
// of a generated column in each INSERT, but a function once in a connection: so an
// INSERT takes half the time.
var separatorsSchema = `
CREATE FUNCTION chat.words(text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $f$
BEGIN
	RETURN to_tsvector('simple'::regconfig, regexp_replace(left($1, 100000), $p$` + separators() + `+$p$, ' ', 'g'));
END
$f$;
ALTER TABLE chat.messages DROP COLUMN words;
ALTER TABLE chat.messages ADD COLUMN words tsvector GENERATED ALWAYS AS (chat.words(text)) STORED;
CREATE INDEX ON chat.messages USING gin (words);
`

// separators returns a regular expression for a character that separates words.
func separators() string {
	var b strings.Builder
	b.WriteByte('[')
	for first := rune(1); first <= unicode.MaxRune; first++ {
		last := first - 1
		for last < unicode.MaxRune && !unicode.In(last+1, unicode.L, unicode.N, unicode.M, unicode.Co) {
			last++
		}
		if last >= first {
			fmt.Fprintf(&b, `\U%08x-\U%08x`, first, last)
			first = last
		}
	}
	return b.String() + "]"
}

// home is the id of the room whose members and settings decide on permissions.
// root is the seq of the message, or of the message to which its thread
// belongs.
const (
	home = "CASE WHEN rooms.kind = 'thread' THEN regexp_replace(rooms.id, '~[0-9]+$', '') ELSE rooms.id END"
	root = "CASE WHEN rooms.kind = 'thread' THEN substring(rooms.id FROM '[0-9]+$')::bigint ELSE messages.seq END"
)

// searchHits finds messages. Parameter 1 is the user, 2 the query for the words,
// 3 the rooms that are left out, 4, 5 and 6 the place that the page is after, 7
// how many messages.
var searchHits = messages.Select(`chat.messages
	JOIN chat.rooms ON rooms.id = messages.room AND NOT rooms.deleted AND messages.seq >= rooms.floor
	JOIN chat.rooms AS home ON home.id = ` + home + ` AND NOT home.deleted AND home.id <> ALL ($3)
	LEFT JOIN chat.members ON members.room = home.id AND members.user_id = $1
	WHERE words @@ to_tsquery('simple', $2)
		AND (home.kind = 'open' OR members.role <> '') AND members.banned IS NOT TRUE
		AND ` + root + ` >= CASE WHEN home.visibility = 'joined' THEN greatest(home.floor, members.since) ELSE home.floor END
		AND (messages.at < $4 OR messages.at = $4 AND (messages.room > $6 OR messages.room = $6 AND messages.seq < $5))`)

const (
	inRoom     = ` AND (messages.room = $8 OR messages.room > $8 || '~' AND messages.room < $8 || chr(127))`
	inThread   = ` AND messages.room = $8`
	newestHits = ` ORDER BY messages.at DESC, messages.room, messages.seq DESC LIMIT $7`
)

// Search implements store.Searcher.
func (s *db) Search(ctx context.Context, q store.Search) (*store.Found, error) {
	after, err := store.ParsePlace(q.After)
	if err != nil {
		return nil, err
	}
	if len(q.Terms) == 0 {
		return new(store.Found), nil
	}
	text := searchHits
	args := []any{q.User, match(q.Terms), append([]string{}, q.Except...), after.At, after.Seq, after.Room, q.Limit.Rows + 1}
	if q.Room != "" {
		args = append(args, q.Room)
		if _, _, is := store.Parent(q.Room); is {
			text += inThread
		} else {
			text += inRoom
		}
	}
	found, err := one(ctx, s, messages.Scan, text+newestHits, args...)
	if err != nil {
		return nil, err
	}
	return store.Collect(func(yield func(store.Hit, error) bool) {
		for m := range slices.Values(found) {
			if !yield(store.Hit{Message: m, After: store.PlaceOf(&m).String()}, nil) {
				return
			}
		}
	}, q.Limit)
}

// match returns the query of PostgreSQL for terms. Their words are letters and
// digits, so nothing in them has a meaning in the query.
func match(terms []store.Term) string {
	all := make([]string, len(terms))
	for i, t := range terms {
		all[i] = "'" + strings.Join(t.Words, "' <-> '") + "'"
		if t.Prefix {
			all[i] += ":*"
		}
	}
	return strings.Join(all, " & ")
}
