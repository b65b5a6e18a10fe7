package pool

import "context"

// A goBlock is an entry for many functions that were given to Go, one after the
// other, in one domain. As nobody holds a Result of theirs, a function is all there
// is to each: nothing is allocated for it before it starts, and a long backlog is
// no burden for the garbage collector.
type goBlock struct {
	entry
	core *core
	from int
	fns  []func(context.Context) error // those from from on are left
}

const (
	blockSize   = 128
	fewFuncs    = 8 // that there is room for at first
	spareBlocks = 8 // that are kept for the next functions
)

// acceptGo queues fn: in the block that was queued last, if that is one of d.
func (c *core) acceptGo(fn func(context.Context) error, d *domain, priority int) {
	l := c.levels.of(priority)
	var b *goBlock
	if e := l.newest(c.lifo); e != nil {
		b, _ = e.job.(*goBlock)
	}
	if b == nil || len(b.fns) == blockSize || b.domain(c) != d {
		b = c.block(d)
		c.levels.push(l, &b.entry, c.lifo)
		if b.tie != nil {
			d.add(&b.entry)
		}
	}
	b.fns = append(b.fns, fn)
	b.units++
	c.places++
	c.units++
	c.queued++
	c.submitted++
}

// block returns an empty block for functions of d.
func (c *core) block(d *domain) (b *goBlock) {
	if c.spare > 0 {
		c.spare--
		b, c.spares[c.spare] = c.spares[c.spare], nil
	} else {
		b = &goBlock{core: c, fns: make([]func(context.Context) error, 0, fewFuncs)}
		b.job, b.kind = b, block
	}
	b.tie = d.newTie()
	return b
}

func (b *goBlock) start(w *worker) unit {
	c := b.core
	i := b.from
	if c.lifo {
		i = len(b.fns) - 1
	}
	w.plain.take(b.fns[i], b.domain(c))
	b.fns[i] = nil
	if c.lifo {
		b.fns = b.fns[:i]
	} else {
		b.from++
	}
	b.units--
	c.places--
	c.units--
	c.queued--
	if b.from == len(b.fns) {
		c.remove(&b.entry)
		b.tie = nil
		b.from, b.fns = 0, b.fns[:0]
		if c.spare < spareBlocks {
			c.spares[c.spare] = b
			c.spare++
		}
	}
	return &w.plain
}

func (b *goBlock) drop(_ error, d *drops) {
	b.fns = nil
	if b.tie == nil {
		return
	}
	for range b.units {
		b.tie.left()
	}
	d.opens = append(d.opens, b)
}

// open lets go of the domain, for each function that was dropped.
func (b *goBlock) open() {
	for range b.units {
		b.tie.domain.leave()
	}
}

func (b *goBlock) interrupt(error) (*taskContext, bool) { return nil, false }
