package chat

import (
	"context"
	"slices"

	"github.com/goroomcast/socketio/chat/store"
)

// report passes a message to the program.
func (d *device) report(ctx context.Context, a deleteArgs) (nothing, error) {
	var k check
	k.room(a.Room)
	k.seq("seq", a.Seq)
	k.optional("reason", a.Reason, maxReason)
	if err := k.result(); err != nil {
		return nothing{}, err
	}
	message, err := d.message(ctx, a.Room, a.Seq)
	switch {
	case err != nil:
		return nothing{}, err
	case message.Deleted != nil:
		return nothing{}, &Error{Code: store.Gone, Text: "the message is deleted"}
	case d.c.opts.OnReport == nil:
		return nothing{}, &Error{Code: store.Forbidden, Text: "this chat takes no reports"}
	}
	return nothing{}, inTime(ctx, func() error { return d.c.opts.OnReport(ctx, d.user, *message, a.Reason) })
}

type versionsArgs struct {
	Room string `json:"room"`
	Seq  int64  `json:"seq"`
}

// A versionsList is the reply to versions.
type versionsList struct {
	Versions []store.Version `json:"versions"`
}

// versions lists what a message said before, for moderators.
func (d *device) versions(ctx context.Context, a versionsArgs) (*versionsList, error) {
	var k check
	k.room(a.Room)
	k.seq("seq", a.Seq)
	if err := k.result(); err != nil {
		return nil, err
	}
	m, err := d.readable(ctx, a.Room)
	switch {
	case err != nil:
		return nil, err
	case m.Member.Role == "":
		return nil, &Error{Code: store.NotMember, Text: "you are not a member of the room"}
	case m.Member.Role.Rank() < Moderator.Rank():
		return nil, ErrForbidden
	}
	if err := d.mayModerate(ctx, a.Room, "versions", ""); err != nil {
		return nil, err
	}
	if _, err := d.message(ctx, a.Room, a.Seq); err != nil {
		return nil, err
	}
	all, err := d.c.store.Versions(ctx, store.MessageKey{Room: a.Room, Seq: a.Seq})
	if err != nil {
		return nil, err
	}
	return &versionsList{append([]store.Version{}, all...)}, nil
}

// maxBlocks is how many users a user blocks at most.
const maxBlocks = 1000

// mayBlock returns an error if the user blocks too many others. The check is not
// exact, because another device may block a user at the same time.
func (d *device) mayBlock(ctx context.Context) error {
	blocked, err := d.c.store.Blocks(ctx, d.user.ID)
	if err == nil && len(blocked) >= maxBlocks {
		err = &Error{Code: store.TooLarge, Text: "you block too many users", Field: "user", Limit: maxBlocks}
	}
	return err
}

// A blocksList is the reply to blocks.
type blocksList struct {
	Users []string `json:"users"`
}

// blocks lists the users that the user blocks.
func (d *device) blocks(ctx context.Context, _ nothing, reply func(result any) error) error {
	d.c.showings.read(d.user.ID)
	defer d.c.showings.done(d.user.ID)
	blocked, err := d.c.store.Blocks(ctx, d.user.ID)
	if err != nil {
		return err
	}
	err = reply(&blocksList{append([]string{}, blocked...)})
	d.c.showMissed(d.user.ID, nil)
	return err
}

// A usersList is the reply to users.
type usersList struct {
	Users []User `json:"users"`
}

// users returns the names and data of users that the user may see.
func (d *device) users(ctx context.Context, a watchArgs) (*usersList, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := d.limit("users", watchRate); err != nil {
		return nil, err
	}
	visible, err := d.visible(ctx, a.Users)
	if err != nil {
		return nil, err
	}
	list := &usersList{Users: []User{}}
	if d.c.opts.Users == nil {
		for _, id := range visible {
			if devices := d.c.devicesOf(id); len(devices) > 0 {
				list.Users = append(list.Users, devices[len(devices)-1].user)
			}
		}
		return list, nil
	}
	if len(visible) == 0 {
		return list, nil
	}
	var known []User
	err = inTime(ctx, func() (err error) {
		known, err = d.c.opts.Users(ctx, visible)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, u := range known {
		if slices.Contains(visible, u.ID) {
			list.Users = append(list.Users, u)
		}
	}
	return list, nil
}
