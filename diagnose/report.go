package diagnose

import "time"

// A Report is what is held and waited for at one moment. Its text is that of
// [Report.WriteTo], and it can be encoded as JSON, where a time.Duration is a
// number of nanoseconds.
type Report struct {
	Time       time.Time     `json:"time"`
	Full       bool          `json:"full"` // made by a build with the tag
	Goroutines int           `json:"goroutines"`
	Pause      time.Duration `json:"pause"`              // for how long the world stood still
	Findings   []Finding     `json:"findings,omitempty"` // the worst first
	Objects    []Object      `json:"objects,omitempty"`  // held or waited for, the longest wait first
	Pools      []Pool        `json:"pools,omitempty"`    // only if Full
	Threads    []Party       `json:"threads,omitempty"`  // alive
}

// A Kind is what a Finding is about.
type Kind string

const (
	// Deadlock is a cycle of waits without limit, each for something that the
	// next holds. It is certain; of a lock that any goroutine may unlock it says so.
	Deadlock Kind = "deadlock"
	// Hopeless is a wait that nothing can end: what it waits in is not reachable
	// by any goroutine that runs. The runtime has proved it.
	Hopeless Kind = "hopeless"
	// Abandoned is a lock whose holder's goroutine has ended.
	Abandoned Kind = "abandoned"
	// Order is locks that were acquired in orders that form a cycle: another
	// day, that is a deadlock.
	Order Kind = "order"
	// Unfinished is a Join of a queue that is empty, whose consumers all wait for
	// more or have ended: a TaskDone is missing.
	Unfinished Kind = "unfinished"
	// SelfWait is a goroutine that waits for a Lock which it holds. Another one may
	// unlock it.
	SelfWait Kind = "selfwait"
	// Long is a wait or a hold that takes longer than was asked for.
	Long Kind = "long"
)

// A Finding is something that is wrong, or may be.
type Finding struct {
	Kind    Kind    `json:"kind"`
	Certain bool    `json:"certain"`
	Text    string  `json:"text"`            // one line
	Steps   []Party `json:"steps,omitempty"` // who, in the order of the cycle: a waiter, the holder of what it waits for, that one as a waiter, …
}

// An Object is something that is held or waited for.
type Object struct {
	Type    string `json:"type"`           // "lock.Lock"
	Name    string `json:"name,omitempty"` // see the function Name
	Address string `json:"address,omitempty"`
	State   string `json:"state,omitempty"` // "locked"

	Holders []Party `json:"holders,omitempty"` // only if Full
	Waiters []Party `json:"waiters,omitempty"`

	Len        int `json:"len,omitempty"`        // of a queue, only if Full
	Cap        int `json:"cap,omitempty"`        // likewise
	Unfinished int `json:"unfinished,omitempty"` // likewise
}

// A Pool is a pool that has workers.
type Pool struct {
	Name    string  `json:"name"`
	Workers int     `json:"workers"`
	Running int     `json:"running"`
	Lent    int     `json:"lent"`
	Queued  int     `json:"queued"`
	Tasks   []Party `json:"tasks,omitempty"` // that run, the longest first
}

// A Party is a goroutine that holds something, waits for something, or is a thread.
type Party struct {
	Goroutine uint64        `json:"goroutine"`
	Thread    string        `json:"thread,omitempty"`
	Ended     bool          `json:"ended,omitempty"`
	Object    string        `json:"object,omitempty"` // what it holds or waits for
	Form      string        `json:"form,omitempty"`   // the call in which it waits: "LockTimeout"; of a holder none
	Limit     time.Duration `json:"limit,omitempty"`  // 0: none, or not known
	Since     time.Duration `json:"since,omitempty"`  // how long it has held or waited; 0: not known. Without the tag it is in whole minutes
	At        []Frame       `json:"at,omitempty"`     // where it acquired, or began to wait
	Now       []Frame       `json:"now,omitempty"`    // where it is, if that is elsewhere
}

// A Frame is a call in a stack.
type Frame struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}
