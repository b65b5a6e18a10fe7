package pool

import (
	"strconv"
	"time"

	"github.com/gothreading/threading/internal/roster"
)

// hire starts a worker.
func (c *core) hire() {
	if !c.daemon && !c.listed {
		c.listed = true
		c.entry.Add(c, time.Now())
	}
	c.waking++
	c.workers++
	c.threads++
	go c.begin(nil)
}

// begin makes the calling goroutine, one of those counted as threads, the thread of
// w, or of a worker that was hired.
func (c *core) begin(w *worker) {
	defer c.gone()
	if w == nil {
		w = &worker{core: c, comes: true}
		w.plain.core = c
	}
	roster.Adopt(c.threadName(), w.main)
}

// gone is the last that a goroutine of the pool does.
func (c *core) gone() {
	c.guard.Lock()
	c.threads--
	c.unlock()
}

// name returns the prefix of the names of the workers.
func (c *core) name() string {
	if c.given != "" {
		return c.given
	}
	return "Pool-" + strconv.FormatUint(c.number, 10)
}

func (c *core) threadName() string {
	name := append(make([]byte, 0, 32), c.given...)
	if c.given == "" {
		name = strconv.AppendUint(append(name, "Pool-"...), c.number, 10)
	}
	return string(strconv.AppendUint(append(name, '-'), c.hired.Add(1), 10))
}
