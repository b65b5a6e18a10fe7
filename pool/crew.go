package pool

import (
	"context"

	"github.com/gothreading/threading/internal/crew"
)

func init() {
	crew.Of = func(p any) crew.Pool { return crewOf{p.(*Pool).core} }
	crew.Least = func(f func() int) any { return MapOption{func(c *mapChoices) { c.least = f }} }
}

// A crewOf shows the core of a pool to package process.
type crewOf struct{ core *core }

func (o crewOf) Current() (worker any, part crew.Part) {
	w := here()
	if w == nil || w.core != o.core || w.unit == nil {
		return nil, nil
	}
	part, _ = w.unit.(crew.Part)
	return w, part
}

func (o crewOf) OnLeave(f func(worker any)) { o.core.onLeave = f }

func (o crewOf) End(err error) { o.core.terminate(err, context.Canceled) }
