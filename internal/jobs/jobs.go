// Package jobs runs functions in order, one at a time.
package jobs

import "sync"

// A Queue runs jobs in the order of Put. It has a goroutine only
// while there are some. The zero value is ready to use.
type Queue struct {
	Limit int // how many bytes may wait, 0 for any number; one job of any size may wait alone

	mu      sync.Mutex
	waiting []job
	bytes   int // of those that wait
	busy    bool
	stopped bool
}

type job struct {
	size int
	run  func()
}

// Put adds a job that counts as so many bytes. It reports false if the job is
// one too many, or the queue has stopped.
func (q *Queue) Put(size int, run func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped || q.Limit > 0 && q.bytes > 0 && q.bytes+size > q.Limit {
		return false
	}
	q.waiting = append(q.waiting, job{size, run})
	q.bytes += size
	if !q.busy {
		q.busy = true
		go q.work()
	}
	return true
}

// Stop drops the jobs that wait. A job that runs goes on.
func (q *Queue) Stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped, q.waiting, q.bytes = true, nil, 0
}

// take returns the next job. If the queue is empty, ok is false.
func (q *Queue) take() (j job, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting = nil // and the array behind it
		q.busy = false
		return job{}, false
	}
	j = q.waiting[0]
	q.waiting[0] = job{}
	q.waiting = q.waiting[1:]
	q.bytes -= j.size
	return j, true
}

// work runs jobs until the queue is empty. A job may end the goroutine, as
// t.FailNow does; then another goes on.
func (q *Queue) work() {
	finished := false
	defer func() {
		if !finished {
			go q.work()
		}
	}()
	for j, ok := q.take(); ok; j, ok = q.take() {
		j.run()
	}
	finished = true
}
