//go:build !unix

package cases

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
