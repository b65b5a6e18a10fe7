package rlock_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/rlock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLock() locktest.Locker { return new(rlock.RLock) }
