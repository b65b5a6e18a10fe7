package embedded_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

// Those who come to a queue and leave it look at it together with whoever serves them and sleeps.
func TestGettersAndPuttersComeAndGo(t *testing.T) {
	defer proof.Watch(t)()
	m, err := manager.Open(background, served(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	empty := manager.NewQueue[int](m, "empty", 0)
	full := manager.NewQueue[int](m, "full", 1)
	if err := full.Put(0); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range proof.Rounds(3000, 10, 5) {
				if _, err := empty.GetTimeout(50 * time.Microsecond); !errors.Is(err, queue.ErrEmpty) {
					t.Error(err)
				}
				if err := full.PutTimeout(1, 50*time.Microsecond); !errors.Is(err, queue.ErrFull) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
