package store

import (
	"cmp"
	"maps"
	"slices"
)

func (a AddFile) rooms() []string { return nil }

func (a AddFile) needs(_ *batch, n *Needs) {
	n.Uploaders = append(n.Uploaders, a.Owner)
	n.Files = append(n.Files, a.ID)
}

func (a AddFile) apply(b *batch, r *Result) error {
	if b.files[a.ID] != nil {
		r.Dup = true
		return nil
	}
	u := b.unused[a.Owner]
	if u.Files+1 > a.MaxFiles || u.Bytes+a.Size > a.MaxBytes {
		return &Error{Code: TooLarge, Text: "too many files are in no message", Field: "unused", Limit: int(a.MaxBytes)}
	}
	b.unused[a.Owner] = Unused{a.Owner, u.Files + 1, u.Bytes + a.Size}
	b.files[a.ID] = &fileRow{File: a.File, dirty: true}
	return nil
}

func (e EndFile) rooms() []string { return nil }

func (e EndFile) needs(_ *batch, n *Needs) { n.Files = append(n.Files, e.ID) }

func (e EndFile) apply(b *batch, r *Result) error {
	f := b.files[e.ID]
	switch {
	case f == nil || f.removed || f.At == 0:
		return noFile()
	case f.SHA256 != "":
		r.Dup = true
		return nil
	}
	f.Type, f.SHA256, f.Size, f.dirty = e.Type, e.SHA256, e.Size, true
	return nil
}

func (d DropFile) rooms() []string { return nil }

func (d DropFile) needs(_ *batch, n *Needs) { n.Files = append(n.Files, d.ID) }

func (d DropFile) apply(b *batch, r *Result) error {
	f := b.files[d.ID]
	switch {
	case f == nil || f.removed:
		return noFile()
	case f.Room != "":
		return inUse()
	}
	r.Dup = f.At == 0
	f.At, f.dirty = 0, f.dirty || !r.Dup
	return nil
}

func (x RemoveFile) rooms() []string { return nil }

func (x RemoveFile) needs(_ *batch, n *Needs) { n.Files = append(n.Files, x.ID) }

func (x RemoveFile) apply(b *batch, r *Result) error {
	f := b.files[x.ID]
	switch {
	case f == nil || f.removed:
		r.Dup = true
		return nil
	case f.At != 0:
		return inUse()
	}
	f.removed = true
	return nil
}

func noFile() error { return &Error{Code: NotFound, Text: "no such file", Field: "files"} }

func inUse() error { return &Error{Code: Conflict, Text: "the file is in use", Field: "files"} }

// free returns an error unless a message may have these files: each was uploaded
// by its author, and is in no message. A foreign file must not be known to the
// user.
func (b *batch) free(ids []string, author string) error {
	for i, id := range ids {
		f := b.files[id]
		switch {
		case slices.Contains(ids[:i], id):
			return badField("files")
		case f == nil || f.removed || f.Owner != author || f.SHA256 == "" || f.Room == "" && f.At == 0:
			return noFile()
		case f.Room != "":
			return inUse()
		}
	}
	return nil
}

// attach gives files to the next message of a room, and returns how the message
// shows them.
func (b *batch) attach(ids []string, room *roomRow) (shown []Attachment) {
	for _, id := range ids {
		f := b.files[id]
		f.Room, f.Seq, f.dirty = room.ID, room.Seq, true
		shown = append(shown, f.Attachment)
	}
	return shown
}

// drop drops the files of a message that ends. Whatever takes files from a
// message must call it.
func (b *batch) drop(files []Attachment) {
	for _, shown := range files {
		if f := b.files[shown.ID]; f != nil {
			f.Room, f.Seq, f.At = "", 0, 0
		}
		b.dropped = append(b.dropped, shown.ID)
	}
}

// writeFiles adds the files that have changed. Wherever a floor has moved, for any
// reason, the files of the messages below it are dropped.
func (b *batch) writeFiles(w *Writes) {
	w.Dropped = b.dropped
	for _, id := range slices.Sorted(maps.Keys(b.files)) {
		switch f := b.files[id]; {
		case f.removed:
			w.Removed = append(w.Removed, id)
		case f.dirty:
			w.Files = append(w.Files, f.File)
		}
	}
	for _, r := range b.rooms {
		if r.Floor > r.floor && !r.isNew {
			w.Below = append(w.Below, BelowKey{r.ID, r.Floor})
		}
	}
	slices.SortFunc(w.Below, func(x, y BelowKey) int { return cmp.Compare(x.Room, y.Room) })
}
