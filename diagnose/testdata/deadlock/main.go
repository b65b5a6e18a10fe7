// The program deadlocks, and does not use package diagnose.
package main

import (
	"sync"
	"time"

	"github.com/gothreading/threading/rlock"
)

func main() {
	var a, b rlock.RLock
	var both sync.WaitGroup
	both.Add(2)
	go transfer(&a, &b, &both)
	go transfer(&b, &a, &both)
	time.Sleep(time.Second)
}

func transfer(from, to *rlock.RLock, both *sync.WaitGroup) {
	from.Lock()
	both.Done()
	both.Wait()
	to.Lock()
}
