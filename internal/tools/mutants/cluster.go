package main

import "slices"

// inCluster are breaks of what package cluster stands on. Only module cluster/embedded may import etcd's server, so the
// tests are there. The server maps 10 GB at once, of which it uses little.
func inCluster(run string, ms ...mutant) []mutant {
	for i := range ms {
		ms[i].File = "cluster/internal/etcd/" + ms[i].File
		ms[i].Package, ms[i].Memory = "cluster/embedded", 40<<20
		ms[i].Flags = []string{"-test.short", "-test.run", run}
	}
	return ms
}

var clusterMutants = slices.Concat(
	inCluster("^TestExact$",
		// A request that is not answered; each of these was in a first version once.
		mutant{
			Name: "a retry does not compare the receipt",
			File: "exact.go",
			Func: "session.send",
			Old:  `conds = append(conds, clientv3.Compare(clientv3.ModRevision(t.lane.key), "=", t.lane.rev))`,
			New:  "",
		},
		mutant{
			Name: "each attempt of a process has the same key",
			File: "session.go",
			Func: "session.fresh",
			Old:  "strconv.FormatUint(s.names.Add(1), 10)",
			New:  `"1"`,
		},
		mutant{
			Name: "a compare that failed proves that an earlier try was applied",
			File: "exact.go",
			Func: "session.exact",
			Old:  "unanswered > 0 && t.evidence != nil && t.evidence(rest)",
			New:  "unanswered > 0",
		},
		mutant{
			Name: "a retry keeps the epoch",
			File: "exact.go",
			Func: "session.send",
			Old:  "if again { $*put }",
			New:  "",
		},
		mutant{
			Name: "two tries are unknown, and the epoch stays",
			File: "exact.go",
			Func: "session.exact",
			Old:  "if unanswered > 1 { s.bump() }",
			New:  "",
		},
		mutant{
			Name: "there is no epoch",
			File: "exact.go",
			Func: "session.send",
			Old:  `[]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(s.key), "=", epoch)}`,
			New:  "[]clientv3.Cmp{}",
		},
		mutant{
			Name: "it was decided that a try had failed, and the epoch stays",
			File: "exact.go",
			Func: "session.exact",
			Old:  "s.bump(); unanswered = 0; $*look",
			New:  "unanswered = 0; $*look",
		},
	),
	inCluster("^(TestASessionEnds|TestPermits|TestAPermit)/(permits|bounded|by|some)",
		// A session ends under a release.
		mutant{
			Name: "a release that did nothing keeps the debts that it took off",
			File: "semaphore_release.go",
			Func: "semaphoreRef.repay",
			Old:  "r.own.absorb(-owed)",
			New:  "",
		},
		mutant{
			Name: "what was lost after it was released is owed still",
			File: "semaphore_release.go",
			Func: "semaphoreRef.settleOwn",
			Old:  "r.own.debts -= k",
			New:  "_ = k",
		},
		mutant{
			Name: "a release that is unknown, and whose session is over, leaves its debts",
			File: "semaphore_release.go",
			Func: "semaphoreRef.gives",
			Old:  "<-s.lost; r.settleOwn(took, 0)",
			New:  "<-s.lost",
		},
		mutant{
			Name: "a release believes what it reads of a session that is over",
			File: "semaphore_release.go",
			Func: "semaphoreRef.release",
			Old:  "s.end(backend.ErrLost); return backend.ErrLost",
			New:  "",
		},
		mutant{
			Name: "what was acquired after a release looked is forgotten",
			File: "semaphore_release.go",
			Func: "semaphoreRef.refresh",
			Old:  "h.s != s || h.create > rev",
			New:  "h.s != s",
		},
		// A permit that is released before its holder knows.
		mutant{
			Name: "a permit that others released before its holder knew was not acquired",
			File: "semaphore_acquire.go",
			Func: "semaphoreRef.letIn",
			Old:  "h.in, h.n = true, 0; return nil",
			New:  "return backend.ErrLost",
		},
		mutant{
			Name: "a give-up deletes what others have released in part",
			File: "semaphore_acquire.go",
			Func: "semaphoreRef.withdraw",
			Old:  `[]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(h.key), "=", h.mod)}`,
			New:  "[]clientv3.Cmp{created(h.key, h.create)}",
		},
		mutant{
			Name: "an acquire that its caller has left was not acquired",
			File: "semaphore_acquire.go",
			Func: "semaphoreRef.undo",
			Old:  "r.giveBack(h)",
			New:  "",
		},
		mutant{
			Name: "an acquire leaves no receipt",
			File: "semaphore_acquire.go",
			Func: "semaphoreRef.enqueue",
			Old:  "r.acquires(s)",
			New:  "nil",
		},
		mutant{
			Name: "a give-up leaves no receipt",
			File: "semaphore_acquire.go",
			Func: "semaphoreRef.withdraw",
			Old:  "r.acquires(h.s)",
			New:  "nil",
		},
	),
	inCluster("^TestATaskIsClaimedOnce$|^TestASessionEndsUnderTheEndOfATask$|^TestClaimsThatAreSettledTogether$",
		mutant{
			Name: "a task that another was faster to claim is run, too",
			File: "exact.go",
			Func: "outcome.did",
			Old:  "o.then[i].GetResponseTxn().Succeeded",
			New:  "true",
		},
		mutant{
			Name: "a task that another was faster to claim is run, too, if the answer was lost",
			File: "exact.go",
			Func: "outcome.did",
			Old:  "kv.ModRevision == o.receipt",
			New:  "true",
		},
		mutant{
			Name: "a task whose claim was not answered is not run",
			File: "exact.go",
			Func: "outcome.did",
			Old:  "kv.ModRevision == o.receipt",
			New:  "false",
		},
		mutant{
			Name: "claims that are settled together each ring the bell",
			File: "queue_settle.go",
			Func: "rung.ring",
			Old:  "string(op.KeyBytes())",
			New:  "string(op.KeyBytes()) + string(rune(len(b)))",
		},
	),
	inCluster("^TestWithoutAMajority$",
		mutant{
			Name: "a permit that was lost is given back where there is a server only",
			File: "semaphore_release.go",
			Func: "semaphoreRef.Release",
			Old:  "r.own.owe(n)",
			New:  "false",
		},
	),
	inCluster("^TestClaimsFromABacklogReadAWindow$",
		mutant{
			Name: "a look reads to the end of the backlog",
			File: "queue.go",
			Func: "queueRef.look",
			Old:  "from + r.span(l)",
			New:  "uint64(1) << 60",
		},
		mutant{
			Name: "floors are never raised",
			File: "queue.go",
			Func: "queueRef.raise",
			Old:  "to < floor+firstWindow/4",
			New:  "true",
		},
	),
)
