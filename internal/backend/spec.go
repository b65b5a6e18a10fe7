package backend

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/semaphore"
)

// A Kind is a kind of object. A name belongs to its kind.
type Kind string

// The kinds. Their numbers are part of the protocol of package wire: see Kinds.
const (
	KindLock             Kind = "lock"
	KindRLock            Kind = "rlock"
	KindSemaphore        Kind = "semaphore"
	KindBoundedSemaphore Kind = "bounded semaphore"
	KindEvent            Kind = "event"
	KindCondition        Kind = "condition"
	KindBarrier          Kind = "barrier"
	KindElection         Kind = "election"
	KindOnce             Kind = "once"
	KindDict             Kind = "dict"
	KindValue            Kind = "value"
	KindCounter          Kind = "counter"
	KindList             Kind = "list"
	KindArray            Kind = "array"
	KindQueue            Kind = "queue"
	KindObject           Kind = "object"
)

// Kinds are all of them.
var Kinds = [...]Kind{
	KindLock, KindRLock, KindSemaphore, KindBoundedSemaphore, KindEvent, KindCondition, KindBarrier, KindElection,
	KindOnce, KindDict, KindValue, KindCounter, KindList, KindArray, KindQueue, KindObject,
}

// An Order is the order of a queue.
type Order uint8

const (
	FIFO Order = iota
	LIFO
	Priority
)

func (o Order) String() string {
	if o > Priority {
		return "order " + strconv.Itoa(int(o))
	}
	return [...]string{"FIFO", "LIFO", "priority"}[o]
}

// A Spec names an object and says how to make it if it is not there. What belongs to another kind is zero.
type Spec struct {
	Kind Kind
	Name string

	Codec    string // the name of the codec of what is stored in it
	N        int    // permits, parties, maxsize, or the length of an array
	Order    Order  // of a queue
	Joinable bool   // a queue
	Lock     string // the name of a condition's lock,
	LockKind Kind   // and its kind
	Type     string // the registered name of an object's type

	// No part of the object's identity: who last said something else than 0 decides.
	MaxDeliveries int
}

// MostPermits is the largest value of a semaphore.Semaphore.
const MostPermits = min(1<<60, math.MaxInt)

// Valid returns an error that names what is wrong with s, and is what the core package of that kind panics with.
func (s Spec) Valid() error {
	switch {
	case s.Kind == KindSemaphore || s.Kind == KindBoundedSemaphore:
		if s.N < 0 || s.N > MostPermits {
			return fmt.Errorf("%w: %s with %d: want 0 to %d", semaphore.ErrValue, s, s.N, MostPermits)
		}
	case s.Kind == KindBarrier && s.N < 1:
		return fmt.Errorf("%w: %s with %d: want at least 1", barrier.ErrParties, s, s.N)
	case s.Kind == KindArray && s.N < 0:
		return Errorf(ErrValue, "%s with length %d: want at least 0", s, s.N)
	case s.Order > Priority:
		return Errorf(ErrValue, "%s with order %d", s, uint8(s.Order))
	case strings.ContainsRune(s.Name, 0) && s.Kind != KindValue, len(s.Name) > mostName:
		return Errorf(ErrValue, "the name %.100q of a %s: want no NUL and at most %d bytes", s.Name, s.Kind, mostName)
	}
	return nil
}

// mostName is the length of the longest name.
const mostName = 1024

func (s Spec) String() string { return fmt.Sprintf("%s %q", s.Kind, s.Name) }

// Check returns an ErrMismatch unless s, which somebody wants, is what the object was made with.
func (s Spec) Check(made Spec) error {
	differ := func(what, made, want, remedy string) error {
		return Errorf(ErrMismatch, "%s was made with %s %s, not %s%s", s, what, made, want, remedy)
	}
	number := func(what, remedy string) error {
		return differ(what, strconv.Itoa(made.N), strconv.Itoa(s.N), remedy)
	}
	switch {
	case s.N != made.N:
		switch s.Kind {
		case KindSemaphore, KindBoundedSemaphore:
			return number("n =", "; to change it call Resize")
		case KindQueue:
			return number("maxsize", "; to change it call Resize")
		case KindBarrier:
			return number("parties =", "; all parties have to agree")
		default:
			return number("length", "; Delete it first, or take another name")
		}
	case s.Codec != made.Codec:
		return differ("the codec", strconv.Quote(made.Codec), strconv.Quote(s.Codec), "; open the Manager WithCodec of that name")
	case s.Order != made.Order:
		return differ("the order", made.Order.String(), s.Order.String(), "; take another name")
	case s.Joinable != made.Joinable:
		joinable := map[bool]string{true: "Joinable()", false: "no Joinable()"}
		return differ("the option", joinable[made.Joinable], joinable[s.Joinable], "; all its users have to agree")
	case s.Lock != made.Lock || s.LockKind != made.LockKind:
		return differ("the", Spec{Kind: made.LockKind, Name: made.Lock}.String(), Spec{Kind: s.LockKind, Name: s.Lock}.String(), "; all its users have to agree")
	case s.Type != made.Type:
		return differ("the type", strconv.Quote(made.Type), strconv.Quote(s.Type), "; take another name")
	}
	return nil
}

// Only returns an error unless those options of an opener of the scheme that are not named were left alone. The names
// are those of package manager.
func (o Options) Only(scheme string, names ...string) error {
	given := map[string]bool{"TTL": o.TTL != 0, "Logger": o.Logger != nil, "Label": o.Label != "", "AllowUID": o.UIDs != nil}
	for _, name := range names {
		delete(given, name)
	}
	for _, name := range [...]string{"TTL", "Logger", "Label", "AllowUID"} {
		if given[name] {
			return Errorf(ErrValue, "the option %s does not apply to %s", name, scheme)
		}
	}
	return nil
}
