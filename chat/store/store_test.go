package store_test

import (
	"testing"

	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/chat/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		s := store.Memory()
		return func() store.Store { return s }
	})
}

func TestStoretestHasEightyCases(t *testing.T) {
	if n := storetest.Cases(); n < 80 {
		t.Errorf("%d cases, want 80 at least", n)
	}
}
