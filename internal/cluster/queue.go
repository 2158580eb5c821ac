package cluster

import "sync"

// MaxQueue is how many bytes of other servers' events may wait in a namespace
// for their handlers; one event of any size may wait alone.
const MaxQueue = 16 << 20

// Queue has an event of another server handled after the earlier ones. It
// reports false if the event, of so many bytes, is one too many.
func (c *Member) Queue(size int, handle func()) bool { return c.queue.put(job{size, handle}) }

type job struct {
	size int
	run  func()
}

// A queue runs jobs in order, one at a time. It has a goroutine only while
// there are some.
type queue struct {
	mu      sync.Mutex
	waiting []job
	bytes   int // of those that wait
	busy    bool
}

func (q *queue) put(j job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes > 0 && q.bytes+j.size > MaxQueue {
		return false
	}
	q.waiting = append(q.waiting, j)
	q.bytes += j.size
	if !q.busy {
		q.busy = true
		go q.work()
	}
	return true
}

// take returns the next job. If the queue is empty, ok is false.
func (q *queue) take() (j job, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
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
// t.FailNow does; then another goroutine goes on.
func (q *queue) work() {
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
