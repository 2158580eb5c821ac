package chat

import (
	"context"
	"errors"
	"slices"
	"time"
)

// filterTimeout is how long CanPost and BeforePost together may take.
const filterTimeout = 3 * time.Second

// filter asks the program about a draft.
func (d *device) filter(ctx context.Context, draft *Draft) error {
	ctx, cancel := context.WithTimeout(ctx, filterTimeout)
	defer cancel()
	if can := d.c.opts.Policy.CanPost; can != nil {
		m, err := d.readable(ctx, draft.Room)
		if err == nil {
			err = inTime(ctx, func() error { return can(ctx, d.user, infoOf(&m.Room), draft) })
		}
		if err != nil {
			return err
		}
	}
	if d.c.opts.BeforePost == nil {
		return nil
	}
	mine := *draft // a function that is late may go on with its own
	mine.Files, mine.Mentions, mine.Data = slices.Clone(draft.Files), slices.Clone(draft.Mentions), slices.Clone(draft.Data)
	err := inTime(ctx, func() error { return d.c.opts.BeforePost(ctx, &mine) })
	switch {
	case err == nil:
		mine.Room, mine.Author, mine.Key = draft.Room, draft.Author, draft.Key
		*draft = mine
		var k check
		d.c.checkDraft(&k, draft)
		return k.result()
	case ctx.Err() == nil || !errors.Is(err, ctx.Err()):
		return err
	case d.c.opts.AllowUnfiltered && errors.Is(err, context.DeadlineExceeded):
		return nil
	}
	return ErrUnavailable
}
