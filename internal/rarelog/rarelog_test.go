package rarelog_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/rarelog"
)

// lines returns the lines of a level, without their time.
func lines(log *bytes.Buffer, level slog.Level) (found []string) {
	for line := range strings.Lines(log.String()) {
		if rest, is := strings.CutPrefix(line, "level="+level.String()+" "); is {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

func newLogger(level slog.Level) (*rarelog.Logger, *bytes.Buffer) {
	var log bytes.Buffer
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return rarelog.New(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime}))), &log
}

func expect(t *testing.T, log *bytes.Buffer, level slog.Level, want ...string) {
	t.Helper()
	if got := lines(log, level); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s lines:\n%s\nwant\n%s", level, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEachTextComesOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := newLogger(slog.LevelInfo)
		for i := range 20_000 {
			l.Warn("refused", "n", i)
			l.Error("failed", "n", i)
		}
		<-time.After(time.Minute)
		l.Warn("refused", "n", "last")
		l.Warn("refused", "n", "omitted")
		<-time.After(time.Hour)
		l.Warn("refused", "n", "an hour later")
		expect(t, log, slog.LevelWarn, `msg=refused n=0`, `msg=refused n=last omitted=19999`, `msg=refused n="an hour later" omitted=1`)
		expect(t, log, slog.LevelError, `msg=failed n=0`)
	})
}

func TestEachSubjectComesOnceAMinuteButNoMoreThanTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := newLogger(slog.LevelInfo)
		var want []string
		for i := range 1_000 {
			l.About("same").Warn("refused", "n", i)
			l.About(fmt.Sprint(i)).Warn("refused", "n", i)
			switch {
			case i == 0:
				want = append(want, "msg=refused n=0", "msg=refused n=0")
			case i < 9:
				want = append(want, fmt.Sprintf("msg=refused n=%d omitted=1", i))
			}
		}
		expect(t, log, slog.LevelWarn, want...)
	})
}

func TestWhatIsOmittedComesAtLevelDebug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := newLogger(slog.LevelDebug)
		l.Warn("refused", "n", 1)
		l.Warn("refused", "n", 2)
		l.Debug("tried", "n", 3)
		l.Debug("tried", "n", 4)
		expect(t, log, slog.LevelWarn, "msg=refused n=1")
		expect(t, log, slog.LevelDebug, "msg=refused n=2", "msg=tried n=3", "msg=tried n=4")
	})
}

func TestStringsAreCut(t *testing.T) {
	l, log := newLogger(slog.LevelDebug)
	long := strings.Repeat("ä", 200)
	l.About(long).Warn("refused", "event", long)
	l.Debug("tried", "event", long)
	expect(t, log, slog.LevelWarn, "msg=refused event="+strings.Repeat("ä", 100)+"…")
	expect(t, log, slog.LevelDebug, "msg=tried event="+strings.Repeat("ä", 100)+"…")

	log.Reset()
	l.Error("panic", slog.String("stack", long))
	expect(t, log, slog.LevelError, "msg=panic stack="+long)
}
