package store

import (
	"cmp"
	"context"
	"slices"
)

// writeFiles writes the files of a transaction.
func (s *memory) writeFiles(w *Writes) {
	for _, f := range w.Files {
		s.files[f.ID] = f
	}
	drop := func(id string) {
		if f, is := s.files[id]; is {
			f.Room, f.Seq, f.At = "", 0, 0
			s.files[id] = f
		}
	}
	for _, id := range w.Dropped {
		drop(id)
	}
	for _, k := range w.Below {
		for id, f := range s.files {
			parent, seq, is := Parent(f.Room)
			if f.Room == k.Room && f.Seq < k.Seq || is && parent == k.Room && seq < k.Seq {
				drop(id)
			}
		}
	}
	for _, user := range w.Erased {
		for id, f := range s.files {
			if f.Room == "" && f.Owner == user {
				s.files[id] = File{Attachment: Attachment{ID: id}}
			}
		}
	}
	for _, id := range w.Removed {
		delete(s.files, id)
	}
}

// loadFiles adds the files that are needed to rows.
func (tx *memoryTx) loadFiles(n *Needs, rows *Rows) {
	for _, id := range n.Files {
		if f, is := tx.files[id]; is {
			rows.Files = append(rows.Files, f)
		}
	}
	for _, owner := range n.Uploaders {
		u := Unused{Owner: owner}
		for _, f := range tx.files {
			if f.Owner == owner && f.Room == "" && f.At > 0 {
				u.Files++
				u.Bytes += f.Size
			}
		}
		rows.Unused = append(rows.Unused, u)
	}
}

func (s *memory) File(ctx context.Context, id string) (*File, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	f, is := s.files[id]
	if !is {
		return nil, noFile()
	}
	return &f, nil
}

func (s *memory) Strays(ctx context.Context, before int64, after string, limit int) (strays []File, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for _, f := range s.files {
		if f.Room == "" && f.At < before && f.ID > after {
			strays = append(strays, f)
		}
	}
	slices.SortFunc(strays, func(a, b File) int { return cmp.Compare(a.ID, b.ID) })
	return strays[:min(len(strays), limit)], nil
}
