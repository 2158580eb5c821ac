package chat

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// Recipients yields the members that should get a push about the message. It
// waits until Options.PushDelay after the post. Then it leaves out
//   - the author, and members that block the author,
//   - members that have switched notifications of the room off, or want only
//     mentions and are not mentioned,
//   - members that have read the message,
//   - members that look at the room: a device on any server follows the room,
//     was active within five minutes, and shows no other room in front.
//
// Policy.CanRead is not asked.
//
// If the message was deleted meanwhile, Recipients yields no member.
//
// An error ends the sequence. While this server shuts down, the error is
// ErrUnavailable, because its devices have disconnected already.
func (p *Posted) Recipients(ctx context.Context) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(p.c.serving, cancel)()
		for page, err := range p.pages(ctx) {
			if p.c.serving.Err() != nil {
				err = ErrUnavailable
			}
			if err != nil {
				yield(Member{}, err)
				return
			}
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

// pages yields the recipients in pages.
func (p *Posted) pages(ctx context.Context) iter.Seq2[[]Member, error] {
	return func(yield func([]Member, error) bool) {
		if !pause(ctx, time.Until(p.at.Add(p.c.opts.PushDelay))) {
			yield(nil, ctx.Err())
			return
		}
		if there, err := p.there(ctx); !there || err != nil {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		k := store.MessageKey{Room: p.Room, Seq: p.Message.Seq}
		for after, more := "", true; more; {
			page, err := p.c.store.Unread(ctx, k, p.Message.Author, after, maxList)
			if more = len(page) == maxList; more {
				after = page[maxList-1].User
			}
			if err == nil {
				page = p.c.inattentive(ctx, p.Room, slices.DeleteFunc(slices.Clone(page), p.leavesOut))
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// there reports whether the message still exists.
func (p *Posted) there(ctx context.Context) (bool, error) {
	page, err := p.c.store.History(ctx, p.Room, store.Query{Seqs: []int64{p.Message.Seq}, Limit: pageLimit})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && len(page.Messages) == 1 && page.Messages[0].Deleted == nil, err
}

// leavesOut reports whether a member does not want to be told, or has read the
// message on this server a moment ago.
func (p *Posted) leavesOut(m Member) bool {
	mentioned := slices.Contains(p.Message.Mentions, m.User) || slices.Contains(p.Message.Mentions, "*")
	switch {
	case m.Notify == store.NotifyNone:
		return true
	case m.Notify == store.NotifyMentions && !mentioned:
		return true
	}
	k := &p.c.markers
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.known[store.MemberKey{Room: p.Room, User: m.User}]
	return known != nil && known.Read >= p.Message.Seq
}
