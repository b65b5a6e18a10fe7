package wire

// The operations. Their numbers, and what they carry, are the protocol: a change needs a new version.
const (
	opCancel byte = iota + 1
	opActed
	opNext
	opClose
	opBye
	opEnd
	opObjects
	opDelete

	opAcquire
	opRelease
	opLocked
	opHolder
	opLeaders
	opOnceDone

	opPermits
	opGiveBack
	opResizePermits
	opPermitsLeft

	opSet
	opClear
	opIsSet
	opAwait
	opDone

	opWait
	opNotify

	opMeet
	opReset
	opAbort
	opMeeting

	opGet
	opPut
	opRemove
	opPutAll
	opEmpty
	opCount
	opPairs
	opChanges

	opAdd
	opSetCount

	opListGet
	opListSet
	opListAppend
	opListInsert
	opListPop
	opListLen
	opListLoad
	opListReplace

	opEnqueue
	opDequeue
	opClaim
	opSettle
	opSettleDead
	opPeek
	opDrain
	opQueueState
	opShutdown
	opResizeQueue
	opJoin
	opDead

	opCall

	ops // how many there are
)

// The forms.
const (
	formForever byte = iota
	formTry
	formAfter
	formUntil
	formEnded // its context had ended
)

// What a session is left with when its connection breaks after the request was sent.
type fate byte

const (
	nothing fate = iota // it is as if the request had not been made: it asked, waited, or took what goes back
	unknown             // it may have happened
)

var fates = [ops]fate{
	opEnd: unknown, opDelete: unknown,
	opRelease: unknown, opOnceDone: unknown,
	opGiveBack: unknown, opResizePermits: unknown,
	opSet: unknown, opClear: unknown,
	opNotify: unknown,
	opReset:  unknown, opAbort: unknown,
	opPut: unknown, opRemove: unknown, opPutAll: unknown, opEmpty: unknown,
	opAdd: unknown, opSetCount: unknown,
	opListSet: unknown, opListAppend: unknown, opListInsert: unknown, opListPop: unknown, opListReplace: unknown,
	opEnqueue: unknown, opSettle: unknown, opSettleDead: unknown, opDrain: unknown, opShutdown: unknown,
	opResizeQueue: unknown,
	opCall:        unknown,
}

// The statuses.
const (
	statusOK byte = iota
	statusGaveUp
	statusError
	statusAct
)

// The frames with id 0.
const (
	noteSession byte = iota // the number and the id of the next session
	noteGoodbye             // an error, and nothing after it
)
