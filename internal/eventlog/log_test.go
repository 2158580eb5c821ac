package eventlog

import (
	"slices"
	"testing"
	"time"
)

type message int

func (m message) Size() int { return int(m) }

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		limits Limits
		kept   int // of 5 events, one each second, with 22 bytes
	}{
		"all fit":           {Limits{5, 5 * 150, 5 * time.Second}, 5},
		"by number":         {Limits{3, 1 << 20, time.Hour}, 3},
		"by bytes":          {Limits{100, 3*150 - 1, time.Hour}, 2},
		"by age":            {Limits{100, 1 << 20, 2 * time.Second}, 2},
		"one is too large":  {Limits{100, 149, time.Hour}, 0},
		"nothing is wanted": {Limits{0, 1 << 20, time.Hour}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := New[message](test.limits)
			for i := range 5 {
				l.Add(&Event[message]{Offset: l.NewOffset(), At: start.Add(time.Duration(i) * time.Second), Message: 22})
			}
			if l.Len() != test.kept || l.End() != 5 || l.First() != uint64(5-test.kept) {
				t.Errorf("%d kept, from %d to %d; want %d", l.Len(), l.First(), l.End(), test.kept)
			}
			if due, any := l.Due(); any != (test.kept > 0) || any && !due.Equal(l.entries[0].At.Add(test.limits.Age)) {
				t.Errorf("due at %v, %t", due, any)
			}
			l.Clear()
			if _, any := l.Due(); any || l.Len() != 0 || l.First() != 5 || l.End() != 5 || l.bytes != 0 {
				t.Errorf("after Clear: %+v", l)
			}
		})
	}
}

func TestConcerns(t *testing.T) {
	for name, test := range map[string]struct {
		rooms, except, in, had []string
		want                   bool
	}{
		"all":                        {want: true},
		"one of its rooms":           {rooms: []string{"x", "a"}, in: []string{"a"}, had: []string{"a"}, want: true},
		"another room":               {rooms: []string{"x"}, in: []string{"a"}, had: []string{"a"}},
		"except one of its rooms":    {except: []string{"a"}, in: []string{"a"}, had: []string{"a"}},
		"a room that it has lost":    {rooms: []string{"b"}, in: []string{"a"}, had: []string{"a", "b"}},
		"except a room that is lost": {rooms: []string{"a"}, except: []string{"b"}, in: []string{"a"}, had: []string{"a", "b"}},
	} {
		e := &Event[message]{Rooms: test.rooms, Except: test.except}
		if got := e.Concerns(NewRoomSet(test.in), NewRoomSet(test.had)); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestOffsetsThatNoEventHas(t *testing.T) {
	l, other := New[message](Limits{2, 1 << 20, time.Hour}), New[message](Limits{})
	for range 4 {
		l.Add(&Event[message]{Offset: l.NewOffset(), At: start})
	}
	unused := l.NewOffset()
	for name, test := range map[string]struct {
		offset string
		start  uint64
		heard  time.Time
		want   uint64
		known  bool
	}{
		"none":                                   {"", 2, start, 2, true},
		"none, of a client that began later":     {"", 3, start, 3, true},
		"none, of one that may have missed some": {"", 1, start, 2, false},
		"none, of one that had all from before":  {"", 1, start.Add(1), 2, true},
		"of an event that was not sent":          {unused, 2, start, 2, true},
		"that has not been made":                 {l.epoch + "zz", 2, start, 0, false},
		"of a server before":                     {other.NewOffset(), 2, start, 2, true},
		"no offset":                              {"Ann", 2, start, 0, false},
		"nearly one":                             {l.epoch + "-1", 2, start, 0, false},
	} {
		if got, known := l.After(test.offset, test.start, test.heard); known != test.known || known && got != test.want {
			t.Errorf("%s: %d, %t", name, got, known)
		}
	}
}

func TestOffsetBefore(t *testing.T) {
	l := New[message](Limits{2, 1 << 20, time.Hour})
	began := l.Begin(start)
	origin := began
	origin.Origin = "origin"
	var offsets []string
	expect := func(name string, p Place, heard int, want string) {
		t.Helper()
		if got := l.OffsetBefore(p, start.Add(time.Duration(heard)*time.Second)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	expect("an empty log", origin, 1, "origin")
	for i := range 4 {
		offsets = append(offsets, l.NewOffset())
		l.Add(&Event[message]{Offset: offsets[i], At: start.Add(time.Duration(i) * time.Second)})
	}
	if began != (Place{Since: start}) {
		t.Errorf("began at %+v", began)
	}
	if p := l.Begin(start); p != (Place{4, offsets[3], start}) {
		t.Errorf("begins at %+v", p)
	}
	expect("heard after all", origin, 5, offsets[3])
	expect("heard in between", origin, 3, offsets[2])
	expect("heard before all that is there", origin, 2, offsets[1])
	expect("heard before what is lost", origin, 1, "")
	expect("connected after it was heard", origin, 0, "origin")
}

// FuzzLog has a client connect, lose its connection unnoticed and come back,
// between events of which some are for it. If the log says that it knows what
// the client has missed, that is so.
func FuzzLog(f *testing.F) {
	f.Add([]byte{3, 0, 0, 3, 0, 1, 3})
	f.Add([]byte{0, 3, 0, 1, 0, 0, 7, 0, 0, 0, 0, 0, 0, 3})
	f.Add([]byte{3, 0, 2, 42, 15, 0, 82, 1, 3, 0, 11, 1, 0, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		w := &logWorld{T: t, log: New[message](Limits{8, 8 * (overhead + 16), time.Minute}), now: start, rooms: NewRoomSet([]string{"a"})}
		for _, step := range steps {
			n := int(step >> 2)
			switch step & 3 {
			case 0:
				w.add(n, "a")
			case 1:
				w.add(n, "b")
			case 2:
				w.now = w.now.Add(time.Duration(n) * time.Second)
				w.log.Prune(w.now)
			case 3:
				w.client(n)
			}
			w.check()
		}
	})
}

type logWorld struct {
	*testing.T
	log   *Log[message]
	now   time.Time
	all   []*Event[message] // that have ever been sent
	rooms RoomSet

	// The client:
	began, away bool
	place       Place
	got         int // of all, what it has been sent and has got ends here
	heard       time.Time
}

func (w *logWorld) add(size int, room string) {
	e := &Event[message]{Offset: w.log.NewOffset(), At: w.now, Message: message(size), Rooms: []string{room}}
	w.all = append(w.all, e)
	w.log.Add(e)
}

// client has the client connect, be lost with the last events unread, or come
// back.
func (w *logWorld) client(unread int) {
	switch {
	case !w.began:
		w.began = true
		w.place = w.log.Begin(w.now)
	case !w.away:
		w.away = true
		w.got = max(int(w.place.Start), w.got, len(w.all)-unread)
		w.heard = w.now
		if w.got < len(w.all) {
			w.heard = w.all[w.got].At
		}
	default:
		w.comeBack()
	}
}

func (w *logWorld) comeBack() {
	offset := ""
	for _, e := range w.all[w.place.Start:max(int(w.place.Start), w.got)] {
		if e.Concerns(w.rooms, w.rooms) {
			offset = e.Offset
		}
	}
	position, known := w.log.After(offset, w.place.Start, w.heard)
	if _, found := w.log.position(offset); found && !known {
		w.Fatalf("the client has %q, which is there, and is not known", offset)
	}
	if !known {
		return
	}
	concerns := func(e *Event[message]) bool { return e.Concerns(w.rooms, w.rooms) }
	var missed, sent []string
	for _, e := range w.all[w.got:] {
		if concerns(e) {
			missed = append(missed, e.Offset)
		}
	}
	for e := range w.log.From(position) {
		if concerns(e) {
			sent = append(sent, e.Offset)
		}
	}
	if !slices.Equal(sent, missed) {
		w.Fatalf("sent %q, missed %q", sent, missed)
	}
	w.got, w.away = len(w.all), false
}

// check compares the log with the end of all that was sent.
func (w *logWorld) check() {
	if int(w.log.End()) != len(w.all) {
		w.Fatalf("the log ends at %d, want %d", w.log.End(), len(w.all))
	}
	kept := slices.Collect(w.log.From(w.log.First()))
	if !slices.Equal(kept, w.all[w.log.First():]) {
		w.Fatal("the log is not the end of what was sent")
	}
	bytes := 0
	for _, e := range kept {
		bytes += e.size()
	}
	if bytes != w.log.bytes || bytes > w.log.limits.Bytes || len(kept) > w.log.limits.Events {
		w.Fatalf("%d events, %d bytes, counted %d", len(kept), bytes, w.log.bytes)
	}
}
