package pool

import "context"

// Plain adapts a function that needs no context and cannot fail to Map, IMap and
// [Bind]:
//
//	squares, err := pool.Map(p, pool.Plain(square), numbers)
func Plain[In, Out any](fn func(In) Out) func(context.Context, In) (Out, error) {
	needed(fn != nil, "func", "Plain")
	return func(_ context.Context, in In) (Out, error) { return fn(in), nil }
}

// PlainErr adapts a function that needs no context to Map, IMap and [Bind]:
//
//	numbers, err := pool.Map(p, pool.PlainErr(strconv.Atoi), words)
func PlainErr[In, Out any](fn func(In) (Out, error)) func(context.Context, In) (Out, error) {
	needed(fn != nil, "func", "PlainErr")
	return func(_ context.Context, in In) (Out, error) { return fn(in) }
}

// Func adapts a function without arguments to Apply, ApplyAsync and Spawn:
//
//	r := pool.ApplyAsync(p, pool.Func(answer))
func Func[T any](fn func() T) func(context.Context) (T, error) {
	needed(fn != nil, "func", "Func")
	return func(context.Context) (T, error) { return fn(), nil }
}

// FuncErr is like [Func] for a function that can fail.
func FuncErr[T any](fn func() (T, error)) func(context.Context) (T, error) {
	needed(fn != nil, "func", "FuncErr")
	return func(context.Context) (T, error) { return fn() }
}

// Do adapts a function without a value to Apply, ApplyAsync and Spawn. Its Result
// tells when it has ended, and its error:
//
//	saved := pool.ApplyAsync(p, pool.Do(save))
//	_, err := saved.Get()
//
// [Pool.Go] takes such a function as it is, and has no Result.
func Do(fn func(context.Context) error) func(context.Context) (struct{}, error) {
	needed(fn != nil, "func", "Do")
	return func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) }
}

// Unit adapts a function without a value to Map, IMap and [Bind]. ForEach takes
// such a function as it is.
func Unit[In any](fn func(context.Context, In) error) func(context.Context, In) (struct{}, error) {
	needed(fn != nil, "func", "Unit")
	return func(ctx context.Context, in In) (struct{}, error) { return struct{}{}, fn(ctx, in) }
}

// Each adapts a function that needs no context and cannot fail to ForEach:
//
//	err := pool.ForEach(p, pool.Each(show), names)
func Each[In any](fn func(In)) func(context.Context, In) error {
	needed(fn != nil, "func", "Each")
	return func(_ context.Context, in In) error {
		fn(in)
		return nil
	}
}

// EachErr adapts a function that needs no context to ForEach:
//
//	err := pool.ForEach(p, pool.EachErr(os.Remove), names)
func EachErr[In any](fn func(In) error) func(context.Context, In) error {
	needed(fn != nil, "func", "EachErr")
	return func(_ context.Context, in In) error { return fn(in) }
}

// Bind adapts a function of one argument to Apply, ApplyAsync and Spawn. It is
// Python's args=(in,):
//
//	nine, err := pool.Apply(p, pool.Bind(pool.Plain(square), 3))
func Bind[In, Out any](fn func(context.Context, In) (Out, error), in In) func(context.Context) (Out, error) {
	needed(fn != nil, "func", "Bind")
	return func(ctx context.Context) (Out, error) { return fn(ctx, in) }
}
