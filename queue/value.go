package queue

import "errors"

// ErrValue is what a call panics with whose parameter makes no sense.
var ErrValue = errors.New("queue: bad value")
