package store

import "time"

// A Fact is something that the devices of a user are told apart from the changes of
// a room: what the user is in a room, or whether the user blocks another. Without a
// user it is that a room was deleted.
type Fact struct{ User, Room, Blocked string }

// News is a fact that a transaction may have changed.
type News struct {
	N int64 // of the transaction: larger than that of each one that was visible before
	Fact
}

// NewsTime is how long a store keeps news at least.
const NewsTime = 24 * time.Hour

// LastNews returns the number of the last news, or after if there is none.
func LastNews(news []News, after int64) int64 {
	if len(news) == 0 {
		return after
	}
	return news[len(news)-1].N
}

// newsOf returns the facts that operations have changed.
func newsOf(ops []Op, done *Committed) (facts []Fact) {
	known := make(map[Fact]bool)
	add := func(f Fact) {
		if !known[f] {
			known[f] = true
			facts = append(facts, f)
		}
	}
	for i := range done.Results {
		r := &done.Results[i]
		for _, m := range r.Members {
			add(Fact{User: m.User, Room: m.Room})
		}
		if block, is := ops[i].(Block); is && r.Err == nil && !r.Dup {
			add(Fact{User: block.By, Blocked: block.User})
		}
	}
	for i := range done.Changes {
		if r := &done.Changes[i].Room; r.Deleted {
			add(Fact{Room: r.ID})
		}
	}
	return facts
}
