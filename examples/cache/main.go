// Command cache has many readers of a table whose entries are fetched once each, and written by one at a time.
// It is a port of a Python program of this well-known shape:
//
//	class Cache:
//	    def __init__(self):
//	        self.entries = {}
//	        self.rw = ReadWriteLock()        # a Condition and a count of readers
//	        self.locks = NameRegistry()      # a dict of locks, under a lock, with counts
//
//	    def get(self, key):
//	        with self.rw.reading():
//	            if key in self.entries:
//	                return self.entries[key]
//	        with self.locks.get(key):        # one fetches, the others wait for it
//	            with self.rw.reading():
//	                if key in self.entries:
//	                    return self.entries[key]
//	            value = fetch(key)
//	            with self.rw.writing():
//	                self.entries[key] = value
//	            return value
//
// The differences that matter:
//
//   - Neither class is needed: they are an RWLock and a Map of locks, and whoever waits for them can give up.
//   - Readers of the usual ReadWriteLock keep writers out as long as there are any. Here a waiting writer holds up new
//     readers, and those that waited meanwhile go before the next writer.
//   - The lock of a key takes memory only while somebody holds it or waits for it.
//   - A WaitGroup waits for all, but at most for so long.
package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/waitgroup"
)

var program = demo.Program{
	Name: "cache",
	Does: "Has twelve readers ask for three pages, each of which is fetched once.",
	Run:  run,
}

func main() { program.Main() }

// A cache fetches each page once, however many ask for it meanwhile.
type cache struct {
	fetch   func(key string) string
	guard   rwlock.RWLock
	entries map[string]string // under guard
	fetches lock.Map[string]
}

// get returns the page of a key, or the cause of ctx if it ends before.
func (c *cache) get(ctx context.Context, key string) (string, error) {
	if page, ok, err := c.look(ctx, key); ok || err != nil {
		return page, err
	}
	if err := c.fetches.LockContext(ctx, key); err != nil {
		return "", err
	}
	defer c.fetches.Unlock(key)
	if page, ok, err := c.look(ctx, key); ok || err != nil {
		return page, err // it was fetched while we waited
	}
	page := c.fetch(key)
	c.guard.Lock()
	c.entries[key] = page
	c.guard.Unlock()
	return page, nil
}

func (c *cache) look(ctx context.Context, key string) (page string, ok bool, err error) {
	if err := c.guard.RLockContext(ctx); err != nil {
		return "", false, err
	}
	defer c.guard.RUnlock()
	page, ok = c.entries[key]
	return page, ok, nil
}

func run(out io.Writer, second time.Duration) error {
	var fetched, served, gaveUp atomic.Int32
	c := &cache{entries: map[string]string{}, fetch: func(key string) string {
		fetched.Add(1)
		time.Sleep(second) // a slow server
		return "the page " + key
	}}
	patient := context.Background()
	hurried, cancel := context.WithTimeout(patient, second/2)
	defer cancel()

	var readers waitgroup.WaitGroup
	for i := range 12 {
		key, ctx := string(rune('a'+i%3)), patient
		if i == 11 {
			time.Sleep(second / 4) // it comes when its page is being fetched
			ctx = hurried
		}
		readers.Go(func() {
			switch page, err := c.get(ctx, key); {
			case err != nil:
				gaveUp.Add(1)
			case page == "the page "+key:
				served.Add(1)
			}
		})
	}
	if !readers.WaitTimeout(second / 2) {
		fmt.Fprintf(out, "%d readers still wait, %d gave up\n", readers.Count(), gaveUp.Load())
	}
	readers.Wait()
	fmt.Fprintf(out, "%d pages were fetched for %d readers; %d keys are locked\n", fetched.Load(), served.Load(), c.fetches.Len())
	return nil
}
