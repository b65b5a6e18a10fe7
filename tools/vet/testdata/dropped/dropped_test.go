package dropped

import "testing"

func TestATestCallsForTheEffect(t *testing.T) {
	l.TryLock()
	ok := l.TryLock()
	l.Unlock()
	_ = ok
}
