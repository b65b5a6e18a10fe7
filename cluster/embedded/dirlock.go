package embedded

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
)

// A dirLock keeps other processes out of a directory; its end or its process's opens it.
type dirLock struct{ file *fileutil.LockedFile }

func lockDir(ctx context.Context, dir string) (*dirLock, error) {
	path := filepath.Join(dir, "lock")
	for end := time.Now().Add(busyTime * 3 / 4); ; {
		f, err := fileutil.TryLockFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		switch {
		case err == nil:
			return &dirLock{f}, nil
		case err != fileutil.ErrLocked:
			return nil, err
		case time.Now().After(end):
			return nil, backend.Errorf(manager.ErrBusy, "another process serves %s: open the Addr of its Manager", dir)
		}
		select {
		case <-ctx.Done():
			return nil, backend.Cause(ctx)
		case <-time.After(20 * time.Millisecond): //nolint: a file lock has nothing to wait on
		}
	}
}

func (l *dirLock) release() { _ = l.file.Close() }
