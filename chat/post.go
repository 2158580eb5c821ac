package chat

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

type postArgs struct {
	Room     string          `json:"room"`
	CID      string          `json:"cid"`
	Text     string          `json:"text"`
	Data     json.RawMessage `json:"data"`
	Files    []string        `json:"files"`
	ReplyTo  int64           `json:"replyTo"`
	Mentions []string        `json:"mentions"`
}

// A posted is the reply to post.
type posted struct {
	Seq int64 `json:"seq"`
	Rev int64 `json:"rev"`
	At  int64 `json:"at"`
	Dup bool  `json:"dup,omitempty"`
}

func (d *device) post(ctx context.Context, a postArgs) (*posted, error) {
	var k check
	k.room(a.Room)
	if k.plain("cid", a.CID, maxCID); strings.HasPrefix(a.CID, keyMark) {
		k.bad("cid")
	}
	draft := &Draft{Room: a.Room, Author: d.user.ID, Text: a.Text, Data: a.Data, Files: a.Files, ReplyTo: a.ReplyTo, Mentions: a.Mentions}
	d.c.checkDraft(&k, draft)
	k.content(draft)
	if err := k.result(); err != nil {
		return nil, err
	}
	op := func() store.Post {
		return store.Post{Room: a.Room, By: d.user.ID, Author: d.user.ID, CID: a.CID, Text: draft.Text, Data: draft.Data, Files: draft.Files, ReplyTo: draft.ReplyTo, Mentions: draft.Mentions}
	}
	if err := d.mayPost(ctx, draft); err != nil {
		if d.limit("read", d.c.limits.Reads) != nil {
			return nil, err
		}
		if r, unknown := d.repeated(ctx, op()); unknown == nil {
			return r, nil
		}
		return nil, err
	}
	r, err := d.c.do(ctx, a.Room, op())
	if err != nil {
		return nil, err
	}
	if !r.Dup {
		d.posted(a.Room, r.Seq)
	}
	return &posted{r.Seq, r.Rev, r.At, r.Dup}, nil
}

// mayPost waits until a draft is due, and asks the program about it.
func (d *device) mayPost(ctx context.Context, draft *Draft) error {
	if err := d.pace(ctx, draft.Room); err != nil {
		return err
	}
	if err := d.filter(ctx, draft); err != nil {
		return err
	}
	var k check
	k.content(draft)
	return k.result()
}

// repeated answers a post that was committed before, whatever forbids it now. The
// lookup counts as a read: posts that are refused would be a way to ask the store
// as often as one likes.
func (d *device) repeated(ctx context.Context, op store.Post) (*posted, error) {
	op.Repeat = true
	r, err := d.c.do(ctx, op.Room, op)
	if err != nil {
		return nil, err
	}
	return &posted{r.Seq, r.Rev, r.At, r.Dup}, nil
}

// checkDraft checks what a draft says.
func (c *Chat) checkDraft(k *check, d *Draft) {
	k.optional("text", d.Text, c.limits.Text)
	d.Data = k.json("data", d.Data, c.limits.Data)
	k.list("files", d.Files, c.limits.Files, maxCID)
	k.list("mentions", d.Mentions, c.limits.Mentions, maxUser)
	if d.ReplyTo != 0 {
		k.seq("replyTo", d.ReplyTo)
	}
}

// content checks that a draft has some. An edit may leave a message with files
// alone, which the store knows.
func (k *check) content(d *Draft) {
	if d.Text == "" && d.Data == nil && len(d.Files) == 0 {
		k.bad("text")
	}
}

type editArgs struct {
	Room     string          `json:"room"`
	Seq      int64           `json:"seq"`
	Ver      int64           `json:"ver"`
	Text     string          `json:"text"`
	Data     json.RawMessage `json:"data"`
	Mentions []string        `json:"mentions"`
}

// changed is the reply of a command that changes a room.
type changed struct {
	Rev int64 `json:"rev"`
}

// change commits an operation of the device.
func (d *device) change(ctx context.Context, room string, op store.Op) (changed, error) {
	r, err := d.c.do(ctx, room, op)
	return changed{r.Rev}, err
}

func (d *device) edit(ctx context.Context, a editArgs) (changed, error) {
	var k check
	k.room(a.Room)
	k.seq("seq", a.Seq)
	k.seq("ver", a.Ver)
	draft := &Draft{Room: a.Room, Author: d.user.ID, Text: a.Text, Data: a.Data, Mentions: a.Mentions}
	d.c.checkDraft(&k, draft)
	if err := k.result(); err != nil {
		return changed{}, err
	}
	if err := d.filter(ctx, draft); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, store.Edit{Room: a.Room, By: d.user.ID, Seq: a.Seq, Ver: a.Ver, Text: draft.Text, Data: draft.Data, Mentions: draft.Mentions,
		Keep: d.c.opts.KeepVersions})
}

type deleteArgs struct {
	Room   string `json:"room"`
	Seq    int64  `json:"seq"`
	Reason string `json:"reason"`
}

func (d *device) delete(ctx context.Context, a deleteArgs) (changed, error) {
	var k check
	k.room(a.Room)
	k.seq("seq", a.Seq)
	k.optional("reason", a.Reason, maxReason)
	if err := k.result(); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, store.Delete{Room: a.Room, By: d.user.ID, Seq: a.Seq, Reason: a.Reason, Keep: d.c.opts.KeepVersions})
}

type reactArgs struct {
	Room  string `json:"room"`
	Seq   int64  `json:"seq"`
	Emoji string `json:"emoji"`
	On    *bool  `json:"on"`
}

func (d *device) react(ctx context.Context, a reactArgs) (changed, error) {
	var k check
	k.room(a.Room)
	k.seq("seq", a.Seq)
	k.plain("emoji", a.Emoji, maxEmoji)
	if a.On == nil {
		k.bad("on")
	}
	if err := k.result(); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, store.React{Room: a.Room, By: d.user.ID, Seq: a.Seq, Emoji: a.Emoji, On: *a.On})
}

// postPatience is how long a post waits for its turn, because a client does not
// send a refused one again.
const postPatience = 2 * time.Second

// pace waits until a post is due, or returns an error.
func (d *device) pace(ctx context.Context, room string) error {
	limits := &d.c.limits
	wait, taken := d.c.rates.take(rateKey{d.user.ID, "post", ""}, limits.Posts, postPatience)
	if taken {
		var more time.Duration
		more, taken = d.c.rates.take(rateKey{d.user.ID, "post", room}, limits.RoomPosts, postPatience)
		if !taken {
			wait = more
		}
		wait = max(wait, more)
	}
	if !taken {
		return rateLimited(wait)
	}
	if wait > 0 && !pause(ctx, wait) {
		return ErrUnavailable
	}
	return nil
}
