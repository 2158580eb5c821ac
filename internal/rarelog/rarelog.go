// Package rarelog writes lines that clients, or another server that is down,
// can cause as often as they like.
package rarelog

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// The limits of the lines that have the same text, in a period.
const (
	period   = time.Minute
	maxLines = 10
	maxShown = 200 // bytes of a string in a line
)

// A Logger passes few of the lines on that it is given. In a minute each text
// comes once for each subject (see About), and at most ten times. A text must
// be a constant of the program. Further lines are logged at level Debug, and
// the next line with the text says how many they were, as "omitted". Strings
// are cut to 200 bytes, because they may be a client's; those in an slog.Attr
// are not. Its methods are safe for concurrent use.
type Logger struct {
	to *slog.Logger

	mu    sync.Mutex
	texts map[string]*lines
}

// lines are those of one text.
type lines struct {
	since   time.Time
	about   []string // what the lines since then are about
	omitted int      // since the last line
}

// New returns a Logger that writes to another.
func New(to *slog.Logger) *Logger {
	return &Logger{to: to, texts: make(map[string]*lines)}
}

// Debug writes a line.
func (l *Logger) Debug(text string, args ...any) {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		l.to.Debug(text, clipped(args)...)
	}
}

// Warn writes a line unless there were too many.
func (l *Logger) Warn(text string, args ...any) { l.About("").Warn(text, args...) }

// Error writes a line unless there were too many.
func (l *Logger) Error(text string, args ...any) { l.About("").Error(text, args...) }

// About returns a writer for lines about a subject. A client may have chosen
// it.
func (l *Logger) About(subject string) About { return About{l, clip(subject)} }

// About writes lines about one subject.
type About struct {
	logger  *Logger
	subject string
}

// Warn writes a line unless there were too many.
func (a About) Warn(text string, args ...any) { a.Log(slog.LevelWarn, text, args...) }

// Error writes a line unless there were too many.
func (a About) Error(text string, args ...any) { a.Log(slog.LevelError, text, args...) }

// Log writes a line of any level, above Debug unless there were too many.
func (a About) Log(level slog.Level, text string, args ...any) {
	ctx, l := context.Background(), a.logger
	switch {
	case !l.to.Enabled(ctx, level):
		return
	case level <= slog.LevelDebug:
		l.Debug(text, args...)
		return
	}
	args = clipped(args)
	omitted, may := l.take(text, a.subject)
	switch {
	case !may:
		level = slog.LevelDebug
	case omitted > 0:
		args = append(args, "omitted", omitted)
	}
	l.to.Log(ctx, level, text, args...)
}

// take reports whether a line may be written, and if so how many were omitted
// before.
func (l *Logger) take(text, subject string) (omitted int, may bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	of := l.texts[text]
	if of == nil {
		of = &lines{since: now}
		l.texts[text] = of
	}
	if now.Sub(of.since) >= period {
		of.since, of.about = now, of.about[:0]
	}
	if len(of.about) == maxLines || slices.Contains(of.about, subject) {
		of.omitted++
		return 0, false
	}
	of.about = append(of.about, subject)
	omitted, of.omitted = of.omitted, 0
	return omitted, true
}

// clipped returns arguments with no long string among them.
func clipped(args []any) []any {
	shown := slices.Clone(args)
	for i, arg := range shown {
		if s, is := arg.(string); is {
			shown[i] = clip(s)
		}
	}
	return shown
}

func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}
