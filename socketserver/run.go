package socketserver

import (
	"context"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// enter makes t a job, unless the server is closed.
func (s *service) enter(t task, base context.Context) bool {
	j := t.job()
	j.base = base
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.closed {
		return false
	}
	j.place = s.jobs.PushBack(t)
	if !t.needsLook() {
		s.admit(j)
	}
	return true
}

// admit counts a job as accepted, under the guard.
func (s *service) admit(j *job) {
	j.admitted = true
	s.stats.Accepted++
	s.stats.Open++
}

// admitVerified does that for one that was looked at.
func (s *service) admitVerified(j *job) {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.admit(j)
}

// run runs the handler of a task, and ends the task whatever becomes of it.
func (s *service) run(t task) {
	j := t.job()
	s.guard.Lock()
	j.goroutine = goid.Get()
	s.guard.Unlock()
	err := thread.ErrGoexit // until serve has returned or panicked
	defer func() { s.end(t, err) }()
	if panicked := thread.Try(func() { err = t.serve() }); panicked != nil {
		err = panicked
	}
}

// end is the exit of every task. The error, OnError and the connection are not ours, and may panic or exit.
func (s *service) end(t task, err error) {
	j, failed := t.job(), false
	defer func() { s.leave(j, failed) }()
	defer t.close()
	j.end(nil)
	if err, failed = j.judge(err); failed {
		t.tell(err)
	}
}

func (s *service) leave(j *job, failed bool) {
	s.guard.Lock()
	s.jobs.Remove(j.place)
	switch {
	case !j.admitted:
		s.stats.Rejected++
	default:
		s.stats.Open--
		s.stats.Served++
		if failed {
			s.stats.Failed++
		}
	}
	w := s.freePlace()
	last := s.isLast()
	s.guard.Unlock()
	if w != nil {
		w.Wake(park.Retry)
	}
	if last {
		s.finish()
	}
}

// isLast reports, under the guard, whether nothing is left to wait for.
func (s *service) isLast() bool {
	if !s.closed || s.finished || s.busy > 0 || s.jobs.Len() > 0 {
		return false
	}
	s.finished = true
	return true
}

func (s *service) finish() {
	defer s.over.Open()
	s.input.finish()
}

// begin makes Join wait for something that is not a job, unless the server is closed.
func (s *service) begin() bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.closed {
		return false
	}
	s.busy++
	return true
}

// hold makes Join wait for something that a job has begun, also if the server is closed.
func (s *service) hold() {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.busy++
}

// done is the end of either.
func (s *service) done() {
	s.guard.Lock()
	s.busy--
	last := s.isLast()
	s.guard.Unlock()
	if last {
		s.finish()
	}
}
