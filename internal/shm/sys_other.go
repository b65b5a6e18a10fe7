//go:build !(linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x))

package shm

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// On other systems no family can be founded, so that no object is ever made and
// nothing of this is called.

const lowHalf = 0

var errHere = fmt.Errorf("%w on %s/%s: shared objects need 64-bit Linux", errUnsupported, runtime.GOOS, runtime.GOARCH)

func futexWake(*atomic.Uint32, int)                    {}
func futexWakePrivate(*atomic.Uint32)                  {}
func hasWaitv() bool                                   { return false }
func sleepOnOne(*atomic.Uint32, uint32, time.Duration) {}
func monotonic() time.Duration                         { return time.Hour }
func newFile(string) (int, error)                      { return -1, errHere }
func reserve(int, int64, int64) error                  { return errHere }
func lengthen(int, int64) error                        { return errHere }
func discard(int, int64, int64)                        {}
func seal(int, bool) error                             { return errHere }
func mapFile(int, int64, int64) ([]byte, error)        { return nil, errHere }
func mapPopulated(int, int64) ([]byte, error)          { return nil, errHere }
func detach([]byte)                                    {}
func unmap([]byte)                                     {}
func closeFile(int)                                    {}
func inspect(int) (id fileID, size int64, err error)   { return id, 0, errHere }
func reopen(int) (int, error)                          { return -1, errHere }
func lockByte(int, int64) (bool, error)                { return false, errHere }
func byteLocked(int, int64) bool                       { return true }
func sleepOn(*atomic.Uint32, uint32, *atomic.Uint32, uint32, *Limit, time.Duration) bool {
	return false
}

func copyFile(int) int { return -1 }
