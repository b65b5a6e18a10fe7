package socketserver

import "time"

// SetPatience sets how long a handler in a child may take after Terminate, and returns what sets it back.
func SetPatience(d time.Duration) (restore func()) {
	before := patience
	patience = d
	return func() { patience = before }
}
