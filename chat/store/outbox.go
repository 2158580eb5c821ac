package store

import (
	"context"
	"time"
)

// An Outbox is a Store that keeps a list of the posts for which a hook must be
// called. The transaction that adds a post with Post.Outbox also adds it to
// this list. A server claims a room before it calls the hook for the room's
// posts. So one server at a time takes the posts of a room, in their order.
type Outbox interface {
	Store

	// Claim settles claims of an owner, and then gives the owner claims to at
	// most limit further rooms with posts in the outbox. It leaves out rooms
	// that are claimed or that pause. No other owner gets these rooms until
	// hold has passed. Claim returns the new claims, and the rooms in settle
	// whose claims the owner had lost. Claim is one transaction, which need not
	// be durable.
	Claim(ctx context.Context, owner string, settle []Claim, hold time.Duration, limit int) (claims []Claim, lost []string, err error)

	// Waiting returns the posts of a room in the outbox with a seq above
	// after, in the order of seqs, and the store's time in ms. A message that
	// no longer exists has only Room and Seq.
	Waiting(ctx context.Context, room string, after int64, limit int) (posts []Message, now int64, err error)
}

// A Claim is the right to take the posts of a room from the outbox. Settling it
// removes the posts up to Done, and prolongs the claim by another hold unless
// it is Over.
type Claim struct {
	Room  string
	Done  int64         // posts up to this seq leave the outbox
	Tries int           // how often the hook has failed for the next post
	Over  bool          // the claim ends
	Pause time.Duration // of a claim that ends: how long no owner gets the room; the next owner gets Tries
}

// FillPosts returns a post for each of these seqs: the message, if it is in messages
// and not below the floor, and otherwise a Message with only Room and Seq.
// Implementations of Waiting use it.
func FillPosts(room string, floor int64, seqs []int64, messages []Message) []Message {
	found := make(map[int64]Message, len(messages))
	for _, m := range messages {
		if m.Seq >= floor {
			found[m.Seq] = m
		}
	}
	posts := make([]Message, len(seqs))
	for i, seq := range seqs {
		if m, is := found[seq]; is {
			posts[i] = m
		} else {
			posts[i] = Message{Room: room, Seq: seq}
		}
	}
	return posts
}
