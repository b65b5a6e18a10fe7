// Command thumbnails makes small pictures of large ones in a pool, in the five ways that Python's pools offer.
// It is a port of these Python idioms:
//
//	with ThreadPool(4) as pool:
//	    small = pool.map(shrink, pictures, chunksize=3)               # all, in order
//	    for s in tqdm(pool.imap(shrink, pictures)): ...               # one after the other, in order, with a bar
//	    for s in pool.imap_unordered(shrink, pictures): ...           # as they are made
//
//	with ThreadPoolExecutor(4) as ex:
//	    futures = [ex.submit(shrink, p) for p in pictures]
//	    for f in as_completed(futures): print(f.result())             # as they are made, with their future
//	    done, rest = wait(futures, return_when=FIRST_COMPLETED)       # the first will do
//
// The differences that matter:
//
//   - map() raises the first error to arrive, without saying whose it is, and drops what succeeded. Map returns all
//     values, and a *MapError with every error and its index.
//   - An error in a chunk of map() skips the rest of that chunk. Here an item concerns nobody but itself.
//   - imap() reads its whole input at once: one without an end fills the memory, and leaving the loop does not stop the
//     tasks. IMap reads no further ahead than Buffer says, and a break ends the run.
//   - Progress needs no other package, and works for Map too.
//   - Python cannot cancel a future that is running. Cancel ends the context of the task, which can look at it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

// The options are what the flags say.
type options struct{ pictures, workers int }

var program = demo.Program{
	Name: "thumbnails",
	Does: "Makes small pictures of large ones, in the five ways that Python's pools offer.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.pictures, "pictures", 12, "how many `pictures` there are")
		f.IntVar(&o.workers, "workers", 4, "how many `workers` the pool has")
		return o.run
	},
}

func main() { program.Main() }

const (
	side   = 64           // pixels of a picture
	small  = 8            // characters of a thumbnail
	broken = 7            // the picture that cannot be read
	shades = " .:-=+*#%@" // from dark to bright
)

var errBroken = errors.New("not a picture")

// shrink makes a line of characters of picture n, a bright disk on dark ground: how bright each strip is.
func shrink(n int) string {
	const strip = side / small
	radius := 8 + 4*(n%6)
	var b strings.Builder
	for column := range small {
		bright := 0
		for i := range strip * side {
			x, y := column*strip+i%strip-side/2, i/strip-side/2
			if x*x+y*y < radius*radius {
				bright++
			}
		}
		b.WriteByte(shades[bright*(len(shades)-1)/(strip*side)])
	}
	return b.String()
}

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.pictures < 1 || o.workers < 1 {
		return demo.BadInput("-pictures %d -workers %d: want at least one of each", o.pictures, o.workers)
	}
	// thumbnail takes a tenth of a second for the disk, two for every third picture, unless ctx ends.
	thumbnail := func(ctx context.Context, n int) (string, error) {
		disk := second / 10
		if n%3 == 0 {
			disk *= 2
		}
		select {
		case <-time.After(disk):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		if n == broken {
			return "", errBroken
		}
		return shrink(n), nil
	}
	numbers := make([]int, o.pictures)
	for i := range numbers {
		numbers[i] = i
	}
	p := pool.New(o.workers, pool.Name("painter"))
	defer p.Shutdown()

	// All at once, in order.
	bar := func(done, total int) {
		fmt.Fprintf(out, "[%s%s] %d of %d\n", strings.Repeat("#", done), strings.Repeat(".", total-done), done, total)
	}
	thumbs, err := pool.Map(p, thumbnail, numbers, pool.ChunkSize(3), pool.Progress(bar))
	made := 0
	for i, t := range thumbs {
		if t != "" {
			made++
			fmt.Fprintf(out, "%2d |%s|\n", i, t)
		}
	}
	fmt.Fprintf(out, "map: %d of %d, %v\n", made, o.pictures, err)

	// In order, from a camera that never stops, no more than four pictures ahead.
	taken, shown := 0, 0
	camera := func(yield func(int) bool) {
		for yield(taken) {
			taken++
		}
	}
	for _, err := range pool.IMap(p, thumbnail, camera, pool.Buffer(4)) {
		if err == nil {
			shown++
		}
		if shown == 5 {
			break // ends what is running, and the camera
		}
	}
	fmt.Fprintf(out, "imap: %d shown, at most 4 more were read: %t\n", shown, taken <= shown+4)

	// As they are made. Every item is there once, the broken one with its error.
	shown, failed := 0, 0
	for _, err := range pool.IMapUnordered(p, thumbnail, slices.Values(numbers)) {
		shown++
		if err != nil {
			failed++
		}
	}
	fmt.Fprintf(out, "imap_unordered: %d, of them %d failed\n", shown, failed)

	// As they are made, one Result each.
	submit := func() (results []*pool.Result[string]) {
		for _, n := range numbers {
			results = append(results, pool.ApplyAsync(p, pool.Bind(thumbnail, n)))
		}
		return results
	}
	successful := 0
	for r := range pool.AsCompleted(submit()...) {
		if r.Successful() {
			successful++
		}
	}
	fmt.Fprintf(out, "as_completed: %d successful\n", successful)

	// The first will do, and the others are called off.
	results := submit()
	for range pool.AsCompleted(results...) {
		break
	}
	cancelled := 0
	for _, r := range results {
		r.Cancel()
		if _, err := r.Get(); errors.Is(err, pool.ErrCancelled) {
			cancelled++ // it was not started, or it was running and looked at its context
		}
	}
	fmt.Fprintf(out, "first completed: %d called off, all resolved\n", cancelled)
	return nil
}
