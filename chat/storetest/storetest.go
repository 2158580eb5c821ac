// Package storetest tests an implementation of store.Store.
package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/goroomcast/socketio/chat/store"
)

// A Fresh makes an empty database, and returns a function that opens a store on
// it. Each call of open returns another handle, as another process would get.
// For a store that allows only one handle, open returns the same handle each
// time. The test closes the handles.
type Fresh func(t *testing.T) (open func() store.Store)

var groups = [][]testCase{
	postCases, editCases, reactionCases, memberCases, threadCases, roomCases, readCases, markerCases, unreadCases, outboxCases, batchCases, handleCases,
	retentionCases, searchCases, erasureCases, fileCases, newsCases,
}

// Run tests a store. Each case is a subtest with a database of its own.
func Run(t *testing.T, fresh Fresh) {
	for _, group := range groups {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				open := fresh(t)
				f := &fixture{T: t, open: open, Store: open()}
				t.Cleanup(func() { f.Store.Close() })
				c.run(f)
			})
		}
	}
}

// Cases returns the number of cases of Run.
func Cases() (n int) {
	for _, group := range groups {
		n += len(group)
	}
	return n
}

type testCase struct {
	name string
	run  func(f *fixture)
}

// A fixture is a store under test.
type fixture struct {
	*testing.T
	store.Store
	open func() store.Store
}

var ctx = context.Background()

// another opens a further handle.
func (f *fixture) another() *fixture {
	other := &fixture{T: f.T, open: f.open, Store: f.open()}
	f.Cleanup(func() { other.Store.Close() })
	return other
}

// commit runs operations in one transaction.
func (f *fixture) commit(ops ...store.Op) *store.Committed {
	f.Helper()
	done, err := f.Commit(ctx, ops)
	if err != nil {
		f.Fatalf("commit %+v: %v", ops, err)
	}
	if len(done.Results) != len(ops) {
		f.Fatalf("%d results of %d operations", len(done.Results), len(ops))
	}
	return done
}

// do runs an operation that must not be refused.
func (f *fixture) do(op store.Op) store.Result {
	f.Helper()
	r := f.commit(op).Results[0]
	if r.Err != nil {
		f.Fatalf("%T %+v: %v", op, op, r.Err)
	}
	return r
}

// refused runs an operation that must be refused, and leave no trace.
func (f *fixture) refused(code store.Code, room string, op store.Op) *store.Error {
	f.Helper()
	before := f.heads(room)
	done := f.commit(op)
	err := done.Results[0].Err
	if store.CodeOf(err) != code {
		f.Fatalf("%T %+v: %v, want %s", op, op, err, code)
	}
	if after := f.heads(room); !reflect.DeepEqual(after, before) || len(done.Changes) > 0 {
		f.Fatalf("%T %+v was refused, but %+v became %+v with changes %+v", op, op, before, after, done.Changes)
	}
	var e *store.Error
	if !errors.As(err, &e) {
		f.Fatalf("%T was refused with a %T", op, err)
	}
	return e
}

func (f *fixture) heads(rooms ...string) []store.Head {
	f.Helper()
	heads, err := f.Heads(ctx, rooms)
	if err != nil {
		f.Fatal(err)
	}
	return heads
}

// create makes a room with an owner olga, a moderator mo, members ann, bob and
// cy, and a reader rita.
func (f *fixture) create(room string, kind store.Kind) {
	f.Helper()
	f.createWith(room, kind, store.Settings{})
}

func (f *fixture) createWith(room string, kind store.Kind, s store.Settings) {
	f.Helper()
	f.do(store.Create{Room: room, By: "olga", Kind: kind, Settings: s})
	for user, role := range map[string]store.Role{
		"mo": store.RoleModerator, "ann": store.RoleMember, "bob": store.RoleMember, "cy": store.RoleMember, "rita": store.RoleReader,
	} {
		f.do(store.SetMember{Room: room, User: user, Do: store.Add, Role: role})
	}
}

// direct makes the direct room of ann and bob.
func (f *fixture) direct() (room string) {
	f.Helper()
	room = store.Direct("ann", "bob")
	f.do(store.Create{Room: room, By: "ann", Kind: store.KindDirect, Pair: [2]string{"ann", "bob"}})
	return room
}

func (f *fixture) post(room, by, cid, text string) store.Result {
	f.Helper()
	return f.do(store.Post{Room: room, By: by, Author: by, CID: cid, Text: text})
}

var large = store.Limit{Rows: 1000, Bytes: 1 << 30}

// changes returns the changes of a room after a rev.
func (f *fixture) changes(room string, after int64) *store.Changes {
	f.Helper()
	c, err := f.Changes(ctx, room, after, large)
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// history returns a page of messages.
func (f *fixture) history(room string, q store.Query) *store.Page {
	f.Helper()
	if q.Limit == (store.Limit{}) {
		q.Limit = large
	}
	p, err := f.History(ctx, room, q)
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// message returns a message of a room.
func (f *fixture) message(room string, seq int64) store.Message {
	f.Helper()
	p := f.history(room, store.Query{Seqs: []int64{seq}})
	if len(p.Messages) != 1 {
		f.Fatalf("%d messages of seq %d", len(p.Messages), seq)
	}
	return p.Messages[0]
}

// look returns what a user is in a room.
func (f *fixture) look(user, room string) store.Membership {
	f.Helper()
	all, err := f.Look(ctx, user, []string{room})
	if err != nil || len(all) != 1 {
		f.Fatalf("%d memberships: %v", len(all), err)
	}
	return all[0]
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func (f *fixture) check(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// seqs returns the seqs of messages.
func seqs(messages []store.Message) (all []int64) {
	for _, m := range messages {
		all = append(all, m.Seq)
	}
	return all
}
