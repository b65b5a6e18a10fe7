// Package explore finds interleavings of goroutines that break a primitive, and
// replays them.
//
// A race that needs a switch of goroutines between two certain instructions may
// never be met by a test that only starts many goroutines. So the code under
// test names the places where a switch matters ([Point]), and its guards are
// [Mutex]es of this package. In an ordinary build a Point is nothing and a
// Mutex is a sync.Mutex. With the build tag threadingexplore, a goroutine that
// comes to a Point, or to a guard, stops there, and a scheduler lets one
// goroutine go on at a time. Which one that is, is a decision, and the list of
// all decisions is the schedule. It is made at random, from a seed, or by going
// through all schedules in order up to a bound.
//
// Everything runs in a testing/synctest bubble, which tells when all goroutines
// have stopped or are waiting, and in which time passes only if the scheduler
// decides that it does. So a schedule also says when a deadline meets a grant,
// and it can be replayed exactly.
//
// When a schedule breaks something, the test prints its steps and the command
// that runs it again. The environment says how many schedules are tried for
// each [Case]: EXPLORE_SCHEDULES of each kind (default 2000), at random from
// EXPLORE_SEED on (default 1); EXPLORE_REPLAY runs one only. Of cases that are
// made at random, see Programs, there are a tenth as many, from the same seed
// on, with a hundred schedules of each kind; EXPLORE_PROGRAM makes one only.
//
// It is what loom and shuttle are to Rust. Unlike them it sees only the points
// that are named, and it sees the memory of one processor: what a missing
// barrier would do is for the race detector to find.
package explore

// A Case is what is explored.
type Case struct {
	Name string
	// Start makes what is tested and starts the goroutines that use it, all by
	// calls of start. It returns what checks the result when all of them have
	// returned. Nothing may wait forever: where the test expects an end, the
	// wait has the limit LastResort, and to reach that is a failure.
	Start func(start func(name string, f func())) (check func() error)
}
