//go:build threadingdebug

package watch

// owned reports whether only its holder can release it.
func (w What) owned() bool { return w == RLock || w == Thread || w == Task }

// shared reports whether several goroutines may hold it at once.
func (w What) shared() bool { return w == Reader || w == Task }
