package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/goroomcast/socketio/chat/store"
)

// A model is a chat of one open room as one would write it down: lists and maps,
// and a log of all that has happened. It shares no code with the store.
type model struct {
	rev, seq int64
	messages []modelMessage
	roles    map[string]string
	banned   map[string]bool
	since    map[string]int64
	read     map[string]int64
	log      []modelChange // rev i+1
}

type modelMessage struct {
	author, cid, text string
	ver               int64
	deleted           bool
	reactions         map[string]map[string]bool // users by emoji
	mentions          []string
}

// A modelChange says which row a rev belongs to.
type modelChange struct {
	seq  int64
	user string
}

var rank = map[string]int{"owner": 4, "moderator": 3, "member": 2, "reader": 1}

func newModel() *model {
	m := &model{roles: make(map[string]string), banned: make(map[string]bool), since: make(map[string]int64), read: make(map[string]int64)}
	m.change(0, "") // the room
	m.roles["u0"] = "owner"
	m.since["u0"] = 1
	m.change(0, "u0")
	return m
}

func (m *model) change(seq int64, user string) int64 {
	m.log = append(m.log, modelChange{seq, user})
	m.rev++
	return m.rev
}

func (m *model) may(user string, least int) string {
	switch {
	case m.banned[user]:
		return "banned"
	case m.roles[user] == "":
		return "not_member"
	case rank[m.roles[user]] < least:
		return "forbidden"
	}
	return ""
}

// at returns a message, or nil.
func (m *model) at(seq int64) *modelMessage {
	if seq < 1 || seq > m.seq {
		return nil
	}
	return &m.messages[seq-1]
}

// act does at random what a user could do, and returns the operation and the code
// that the model expects.
func (m *model) act(random *rand.Rand) (store.Op, string) {
	user, other := fmt.Sprint("u", random.IntN(6)), fmt.Sprint("u", random.IntN(6))
	seq := random.Int64N(m.seq + 2)
	switch random.IntN(10) {
	case 0, 1, 2:
		return m.post(random, user)
	case 3, 4:
		return m.edit(random, user, seq)
	case 5:
		return m.delete(user, seq)
	case 6, 7:
		return m.react(random, user, seq)
	case 8:
		return m.join(user)
	}
	return m.moderate(random, user, other)
}

func (m *model) post(random *rand.Rand, user string) (store.Op, string) {
	p := store.Post{Room: "r", By: user, Author: user, CID: fmt.Sprint("c", random.IntN(40)), Text: fmt.Sprint("text ", random.IntN(9))}
	if random.IntN(4) == 0 {
		p.Mentions = []string{fmt.Sprint("u", random.IntN(6))}
	}
	if slices.ContainsFunc(m.messages, func(old modelMessage) bool { return old.author == user && old.cid == p.CID }) {
		return p, ""
	}
	if code := m.may(user, 2); code != "" {
		return p, code
	}
	m.seq++
	message := modelMessage{author: user, cid: p.CID, text: p.Text, ver: m.change(m.seq, ""), reactions: make(map[string]map[string]bool)}
	for _, u := range p.Mentions {
		if m.roles[u] != "" {
			message.mentions = append(message.mentions, u)
		}
	}
	m.messages = append(m.messages, message)
	return p, ""
}

func (m *model) edit(random *rand.Rand, user string, seq int64) (store.Op, string) {
	e := store.Edit{Room: "r", By: user, Seq: seq, Ver: random.Int64N(m.rev + 1), Text: fmt.Sprint("text ", random.IntN(9))}
	x := m.at(seq)
	if x != nil && random.IntN(2) == 0 {
		e.Ver = x.ver
	}
	switch {
	case m.banned[user]:
		return e, "banned"
	case x == nil:
		return e, "not_found"
	case x.author != user:
		return e, "forbidden"
	case x.deleted:
		return e, "gone"
	case x.text == e.Text && len(x.mentions) == 0:
		return e, ""
	}
	if code := m.may(user, 2); code != "" {
		return e, code
	}
	if e.Ver != 0 && e.Ver != x.ver {
		return e, "conflict"
	}
	x.text, x.mentions, x.ver = e.Text, nil, m.change(seq, "")
	return e, ""
}

func (m *model) delete(user string, seq int64) (store.Op, string) {
	d := store.Delete{Room: "r", By: user, Seq: seq}
	x := m.at(seq)
	switch {
	case m.banned[user]:
		return d, "banned"
	case x == nil:
		return d, "not_found"
	case x.deleted:
		return d, ""
	case m.roles[user] == "":
		return d, "not_member"
	case x.author != user && (rank[m.roles[user]] < 3 || rank[m.roles[x.author]] >= rank[m.roles[user]]):
		return d, "forbidden"
	}
	*x = modelMessage{author: x.author, cid: x.cid, deleted: true, ver: m.change(seq, "")}
	return d, ""
}

func (m *model) react(random *rand.Rand, user string, seq int64) (store.Op, string) {
	r := store.React{Room: "r", By: user, Seq: seq, Emoji: []string{"a", "b"}[random.IntN(2)], On: random.IntN(3) > 0}
	x := m.at(seq)
	switch {
	case m.banned[user]:
		return r, "banned"
	case x == nil:
		return r, "not_found"
	case x.deleted:
		return r, "gone"
	case x.reactions[r.Emoji][user] == r.On:
		return r, ""
	}
	if code := m.may(user, 2); code != "" {
		return r, code
	}
	if x.reactions[r.Emoji] == nil {
		x.reactions[r.Emoji] = make(map[string]bool)
	}
	x.reactions[r.Emoji][user] = r.On
	m.change(seq, "")
	return r, ""
}

func (m *model) join(user string) (store.Op, string) {
	j := store.SetMember{Room: "r", By: user, User: user, Do: store.Join, Role: store.RoleMember}
	switch {
	case m.banned[user]:
		return j, "banned"
	case m.roles[user] == "":
		m.roles[user], m.since[user], m.read[user] = "member", m.seq+1, m.seq
		m.change(0, user)
	}
	return j, ""
}

func (m *model) moderate(random *rand.Rand, user, other string) (store.Op, string) {
	do := []store.Do{store.Kick, store.Ban, store.Unban, store.SetRole, store.Leave}[random.IntN(5)]
	s := store.SetMember{Room: "r", By: user, User: other, Do: do, Role: []store.Role{store.RoleReader, store.RoleMember, store.RoleModerator}[random.IntN(3)]}
	mine, its := rank[m.roles[user]], rank[m.roles[other]]
	if do == store.Leave {
		s.User = user
		switch {
		case m.banned[user]:
			return s, "banned"
		case mine == 4 && len(m.members()) > 1:
			return s, "conflict"
		case mine == 4:
			s.User, s.Do = "u5", store.Unban // the only owner stays
			m.banned["u5"] = false
			return s, ""
		case mine > 0:
			m.roles[user] = ""
			m.change(0, user)
		}
		return s, ""
	}
	own := user == other && do == store.SetRole
	switch code := m.may(user, 3); {
	case code != "" && !(own && code == "forbidden"):
		return s, code
	case own && rank[string(s.Role)] > mine:
		return s, "forbidden"
	case !own && (its >= mine || do == store.SetRole && rank[string(s.Role)] >= mine && mine < 4):
		return s, "forbidden"
	case do == store.SetRole && its == 0:
		return s, "not_found"
	case do == store.SetRole && m.roles[other] == string(s.Role):
		return s, ""
	case own && mine == 4:
		return s, "conflict"
	}
	switch do {
	case store.SetRole:
		m.roles[other] = string(s.Role)
		m.change(0, other)
	case store.Unban:
		m.banned[other] = false
	case store.Ban:
		if m.banned[other] {
			return s, ""
		}
		m.banned[other] = true
		m.roles[other] = ""
		m.change(0, other)
	case store.Kick:
		if its > 0 {
			m.roles[other] = ""
			m.change(0, other)
		}
	}
	return s, ""
}

func (m *model) members() (all []string) {
	for user, role := range m.roles {
		if role != "" {
			all = append(all, user)
		}
	}
	slices.Sort(all)
	return all
}

// rows returns the rows that changed after a rev, in the order of revs.
func (m *model) rows(after int64) (rows []modelChange) {
	for i := after; i < int64(len(m.log)); i++ {
		last := true
		for _, later := range m.log[i+1:] {
			last = last && later != m.log[i]
		}
		if last {
			rows = append(rows, m.log[i])
		}
	}
	return rows
}

// check compares the store with the model.
func (m *model) check(t *testing.T, s store.Store, random *rand.Rand) {
	t.Helper()
	ctx := context.Background()
	after := random.Int64N(m.rev + 1)
	limit := store.Limit{Rows: 1 + random.IntN(8), Bytes: 1 << 20}
	var rows []modelChange
	for cursor, more := after, true; more; {
		ch, err := s.Changes(ctx, "r", cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if ch.From != cursor || ch.Room.Rev != m.rev || ch.Room.Seq != m.seq {
			t.Fatalf("changes %+v, model at %d, %d", ch, m.rev, m.seq)
		}
		byRev := make(map[int64]modelChange)
		for _, x := range ch.Messages {
			byRev[x.Rev] = modelChange{x.Seq, ""}
			m.same(t, &x)
		}
		for _, x := range ch.Members {
			byRev[x.Rev] = modelChange{0, x.User}
			if string(x.Role) != m.roles[x.User] {
				t.Fatalf("%s is %q, want %q", x.User, x.Role, m.roles[x.User])
			}
		}
		if ch.Settings {
			byRev[ch.Room.InfoRev] = modelChange{}
		}
		for rev := ch.From + 1; rev <= ch.To; rev++ {
			if row, is := byRev[rev]; is {
				rows = append(rows, row)
			}
		}
		cursor, more = ch.To, ch.More
	}
	if want := m.rows(after); !slices.Equal(rows, want) {
		t.Fatalf("rows after %d: %v, want %v", after, rows, want)
	}
	for user, role := range m.roles {
		all, err := s.Look(ctx, user, []string{"r"})
		if err != nil {
			t.Fatal(err)
		}
		mentions := 0
		for i, x := range m.messages {
			if slices.Contains(x.mentions, user) && int64(i) >= m.read[user] {
				mentions++
			}
		}
		if role != "" && (string(all[0].Member.Role) != role || all[0].Marker.Read != m.read[user] || all[0].Mentions != mentions || all[0].Member.Banned != m.banned[user]) {
			t.Fatalf("%s: %+v, want role %s, read %d, %d mentions", user, all[0], role, m.read[user], mentions)
		}
	}
}

func (m *model) same(t *testing.T, x *store.Message) {
	t.Helper()
	want := m.at(x.Seq)
	if x.Author != want.author || x.CID != want.cid || x.Text != want.text || x.Ver != want.ver || (x.Deleted != nil) != want.deleted || !slices.Equal(x.Mentions, want.mentions) {
		t.Fatalf("message %+v, want %+v", x, want)
	}
	for _, r := range x.Reactions {
		n := 0
		for _, on := range want.reactions[r.Emoji] {
			if on {
				n++
			}
		}
		if r.N != n || len(r.By) != n {
			t.Fatalf("reactions %+v, want %+v", x.Reactions, want.reactions)
		}
	}
}

// TestModel lets users act at random, and compares the store with the model.
func TestModel(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		s, m := store.Memory(), newModel()
		ctx := context.Background()
		if _, err := s.Commit(ctx, []store.Op{store.Create{Room: "r", By: "u0", Kind: store.KindOpen}}); err != nil {
			t.Fatal(err)
		}
		for range 150 {
			op, code := m.act(random)
			done, err := s.Commit(ctx, []store.Op{op})
			if err != nil {
				t.Fatal(err)
			}
			if got := store.CodeOf(done.Results[0].Err); string(got) != code {
				t.Fatalf("seed %d: %T %+v: code %q, want %q", seed, op, op, got, code)
			}
			if random.IntN(5) == 0 {
				user := fmt.Sprint("u", random.IntN(6))
				if m.roles[user] != "" {
					read := random.Int64N(m.seq + 3)
					if _, err := s.Mark(ctx, []store.Marker{{Room: "r", User: user, Read: read}}); err != nil {
						t.Fatal(err)
					}
					m.read[user] = max(m.read[user], min(read, m.seq))
				}
			}
			m.check(t, s, random)
		}
	}
}
