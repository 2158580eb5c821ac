package socketiotest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// A fakeT stands for the *testing.T of a test: of one that must fail, or of
// one that is shown in an example.
type fakeT struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// fatal is the panic of Fatalf, and its message.
type fatal string

func (t *fakeT) Helper()          {}
func (t *fakeT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *fakeT) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}

func (t *fakeT) Fatalf(format string, args ...any) {
	panic(fatal(fmt.Sprintf(format, args...)))
}

// end is what happens at the end of a test.
func (t *fakeT) end() {
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
}

// expectFailure wants f to fail its test with a message that has these parts.
func expectFailure(t *testing.T, f func(t testing.TB), parts ...string) {
	t.Helper()
	fake := &fakeT{}
	func() {
		defer func() {
			if p := recover(); p != nil {
				message, ok := p.(fatal)
				if !ok {
					panic(p)
				}
				fake.Errorf("%s", string(message))
			}
			fake.end()
		}()
		f(fake)
	}()
	if len(fake.failures) != 1 {
		t.Fatalf("%d failures, want one: %q", len(fake.failures), fake.failures)
	}
	for _, part := range append(parts, "socketiotest: ") {
		if !strings.Contains(fake.failures[0], part) {
			t.Errorf("failed with %q, want %q in it", fake.failures[0], part)
		}
	}
}
