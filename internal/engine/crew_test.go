package engine

import (
	"sync"
	"testing"
	"testing/synctest"
)

type taskFunc func()

func (f taskFunc) Run() { f() }

func TestCrew(t *testing.T) {
	inBubble := func(what string, f func(t *testing.T, c *crew)) {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, NewServer(nil, nil).crew) })
		})
	}
	nothing := errand{task: taskFunc(func() {})}
	inBubble("a task that blocks delays no other", func(t *testing.T, c *crew) {
		c.begin()
		defer c.end()
		var blocked, done sync.WaitGroup
		blocked.Add(1)
		block := taskFunc(blocked.Wait)
		done.Add(1)
		c.add(errand{task: block}, errand{task: block}, errand{task: taskFunc(done.Done)})
		done.Wait()
		blocked.Done()
	})
	inBubble("goroutines wait for the next task while there are sessions, a few of them", func(t *testing.T, c *crew) {
		var gate sync.WaitGroup
		gate.Add(1)
		c.begin()
		for range 2 * maxIdle {
			c.add(errand{task: taskFunc(gate.Wait)})
		}
		synctest.Wait()
		gate.Done()
		synctest.Wait()
		if c.idle != maxIdle {
			t.Errorf("%d goroutines wait, want %d", c.idle, maxIdle)
		}
		c.add(nothing)
		synctest.Wait()
		if c.idle != maxIdle {
			t.Errorf("%d goroutines wait after a task, want %d", c.idle, maxIdle)
		}
		c.end()
		synctest.Wait()
		if c.idle != 0 {
			t.Errorf("%d goroutines wait without a session", c.idle)
		}
	})
	inBubble("tasks that come after the last session are run", func(t *testing.T, c *crew) {
		ran := false
		c.add(errand{task: taskFunc(func() { ran = true })})
		synctest.Wait()
		if !ran || c.idle != 0 {
			t.Errorf("ran: %v; %d goroutines wait", ran, c.idle)
		}
	})
}
