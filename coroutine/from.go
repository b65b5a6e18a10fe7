package coroutine

import "errors"

// From yields what g yields, until g has ended, and returns the error of its
// body: Python's yield from g. What yield is sent or thrown, g is. If g has not
// started, its body runs here, on this goroutine, with a yield of its own that
// calls yield: one more call for each value. If g is suspended, it is resumed
// for each value, as in PEP 380.
//
// Where there is no Generator yet, call the body instead: err := body(yield), or
// r, err := body(yield) if it has a result. That costs nothing for each value,
// however deep, and is the same but for one thing: if yield last returned
// [ErrClosed] and the body then returns nil, From returns ErrClosed, so that the
// caller ends as well.
//
// Meanwhile g is Running for all other goroutines, and afterwards it has
// ended. If g has ended before, From returns nil; if it is running, From
// panics with [ErrRunning]. If g yields again after ErrClosed, the Close of
// the caller panics with [ErrIgnoredClose], and all go on.
func From[In, Out any](yield Yield[In, Out], g *Generator[In, Out]) error {
	switch g.control.enter(Running) {
	case Created:
		return g.inline(yield)
	case Suspended:
		return g.delegate(yield)
	}
	return nil
}

// inline runs the body of g, which has not started, on the calling goroutine.
func (g *Generator[In, Out]) inline(yield Yield[In, Out]) (err error) {
	body := g.body
	g.body = nil
	defer g.control.set(Ended)
	var closed error // what yield returned last, if that closed g
	err = notDone(body(func(v Out) (In, error) {
		if g.State() == Ended {
			panic(ErrOutside)
		}
		in, err := yield(v)
		closed = closing(err)
		return in, err
	}))
	if err == nil {
		err = closed
	}
	return err
}

// delegate resumes g, which was suspended, for each value. That g is Running it does not give up in between.
func (g *Generator[In, Out]) delegate(yield Yield[In, Out]) (err error) {
	defer func() {
		if g.State() != Ended { // yield has panicked or exited
			g.err = nil
			g.control.suspend()
		}
	}()
	var closed error
	for {
		out, paused, err := g.resume()
		if !paused {
			if err == nil {
				err = closed
			}
			return err
		}
		in, err := yield(out)
		if err := g.control.Lead(); err != nil { // others may have resumed the caller meanwhile
			panic(err)
		}
		g.in, g.err, closed = in, err, closing(err)
	}
}

// closing returns err if it is ErrClosed, else nil.
func closing(err error) error {
	if err != nil && errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}
