package pool

import "context"

// Plain makes a function for Map, IMap or Bind of one that needs no context and cannot fail:
//
//	squares, err := pool.Map(p, pool.Plain(square), numbers)
func Plain[In, Out any](fn func(In) Out) func(context.Context, In) (Out, error) {
	return func(_ context.Context, in In) (Out, error) { return fn(in), nil }
}

// PlainErr makes a function for Map, IMap or Bind of one that needs no context:
//
//	numbers, err := pool.Map(p, pool.PlainErr(strconv.Atoi), words)
func PlainErr[In, Out any](fn func(In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(_ context.Context, in In) (Out, error) { return fn(in) }
}

// Bind makes a function for Apply of one for Map and its argument, Python's args=(in,):
//
//	nine, err := pool.Apply(p, pool.Bind(pool.Plain(square), 3))
func Bind[In, Out any](
	fn func(context.Context, In) (Out, error), in In,
) func(context.Context) (Out, error) {
	return func(ctx context.Context) (Out, error) { return fn(ctx, in) }
}
