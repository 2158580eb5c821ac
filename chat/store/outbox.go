package store

import (
	"context"
	"time"
)

// An Outbox is a Store that keeps a list of the posts that a hook must be called
// for. A post with Post.Outbox is put there by the transaction that adds it. A
// server claims the rooms that it calls the hook for, so that the posts of a room
// are taken in their order, by one server at a time.
type Outbox interface {
	Store

	// Claim settles claims of an owner, and then gives the owner further rooms
	// with posts in the outbox, at most limit, without those that are claimed
	// or pause. No other owner gets them until hold has passed. Claim returns
	// the new claims, and the rooms of claims to settle that the owner had
	// lost. All of it is one transaction, which need not be durable.
	Claim(ctx context.Context, owner string, settle []Claim, hold time.Duration, limit int) (claims []Claim, lost []string, err error)

	// Waiting returns the posts of a room in the outbox with a seq above
	// after, in the order of seqs, and the store's time in ms. A message that
	// no longer exists has only Room and Seq.
	Waiting(ctx context.Context, room string, after int64, limit int) (posts []Message, now int64, err error)
}

// A Claim is the right to take the posts of a room from the outbox. To settle it
// removes those up to Done, and lets the claim last for another hold.
type Claim struct {
	Room  string
	Done  int64         // posts up to this seq leave the outbox
	Tries int           // how often the hook has failed for the next one
	Over  bool          // the claim ends
	Pause time.Duration // if it ends: how long no owner gets the room; the next one gets Tries, too
}

// Fill returns the posts with these seqs: those of messages at or above the
// floor, and of the others only Room and Seq. It is for implementations of
// Waiting.
func Fill(room string, floor int64, seqs []int64, messages []Message) []Message {
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
