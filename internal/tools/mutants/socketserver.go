package main

var socketserverMutants = []mutant{
	{
		Name: "a connection that is accepted during Close is handled",
		File: "socketserver/run.go", Func: "service.enter",
		Old: "if s.closed {\n\treturn false\n}",
		New: "",
	}, {
		Name: "a task that is refused is left open",
		File: "socketserver/accept.go", Func: "service.unlessRefused",
		Old: "t.cut()", New: "",
	}, {
		Name: "a place is not given back after an error",
		File: "socketserver/accept.go", Func: "service.nextOnce",
		Old: "s.givePlace()", New: "",
	}, {
		Name: "whoever waits for a place is not woken",
		File: "socketserver/run.go", Func: "service.leave",
		Old: "if w != nil {\n\tw.Wake(park.Retry)\n}", New: "_, _ = w, park.Retry",
	}, {
		Name: "Close does not wake whoever waits for a place",
		File: "socketserver/service.go", Func: "service.close",
		Old: "if w != nil {\n\tw.Wake(park.Retry)\n}", New: "_ = w",
	}, {
		Name: "Close does not end a pause",
		File: "socketserver/service.go", Func: "service.close",
		Old: "s.closing.Open()", New: "",
	}, {
		Name: "Limit counts one handler less",
		File: "socketserver/accept.go", Func: "service.tryPlace",
		Old: "s.closed || s.places == 0", New: "s.closed || s.places < 0",
	}, {
		Name: "Terminate forgets the contexts",
		File: "socketserver/service.go", Func: "cutAll",
		Old: "t.job().end(ErrTerminated)", New: "",
	}, {
		Name: "Terminate forgets the connections",
		File: "socketserver/service.go", Func: "cutAll",
		Old: "t.cut()", New: "",
	}, {
		Name: "Join does not wait for handlers",
		File: "socketserver/run.go", Func: "service.isLast",
		Old: "s.jobs.Len() > 0", New: "false",
	}, {
		Name: "Join does not wait until the socket is closed",
		File: "socketserver/run.go", Func: "service.isLast",
		Old: "s.busy > 0", New: "false",
	}, {
		Name: "a handler may join itself",
		File: "socketserver/service.go", Func: "service.checkJoin",
		Old: "panic(thread.ErrJoinSelf)", New: "",
	}, {
		Name: "ShutdownContext cuts nobody",
		File: "socketserver/service.go", Func: "service.ShutdownContext",
		Old: "s.close(true)", New: "",
	}, {
		Name: "ShutdownTimeout cuts nobody",
		File: "socketserver/service.go", Func: "service.ShutdownTimeout",
		Old: "s.close(true)", New: "",
	}, {
		Name: "the end of ServeContext's context closes nothing",
		File: "socketserver/service.go", Func: "service.ServeContext",
		Old: "mine = s.close(false)", New: "",
	}, {
		Name: "a context that had ended before does not close",
		File: "socketserver/service.go", Func: "service.ServeContext",
		Old: "if ctx.Err() != nil {\n\ts.close(false)\n\treturn park.Cause(ctx)\n}",
		New: "if ctx.Err() != nil {\n\treturn park.Cause(ctx)\n}",
	}, {
		Name: "the pause does not grow",
		File: "socketserver/accept.go", Func: "service.next",
		Old: "min(2*pause, longestPause)", New: "pause",
	}, {
		Name: "an error of accepting is not told",
		File: "socketserver/accept.go", Func: "service.next",
		Old: "s.onError(nil, err)", New: "",
	}, {
		Name: "EMFILE ends Serve",
		File: "socketserver/errors.go", Func: "isForNow",
		Old: "isGone(err) || isAny(err, scarce) || errors.As(err, &temporary) && temporary.Temporary()",
		New: "isGone(err)",
	}, {
		Name: "a client that is gone is a reason to pause",
		File: "socketserver/errors.go", Func: "isGone",
		Old: "isAny(err, gone)", New: "false && isAny(err, gone)",
	}, {
		Name: "a failure beside an end is an end",
		File: "socketserver/errors.go", Func: "job.isEnd",
		Old: "!slices.ContainsFunc(all, func(err error) bool { return !j.isEnd(err) })",
		New: "slices.ContainsFunc(all, j.isEnd)",
	}, {
		Name: "a panic with an end is an end",
		File: "socketserver/errors.go", Func: "job.isEnd",
		Old: "if _, panicked := err.(*thread.PanicError); panicked {\n\treturn false\n}",
		New: "_ = thread.Try",
	}, {
		Name: "OnError is told of ends",
		File: "socketserver/errors.go", Func: "job.judge",
		Old: "err != nil && !j.isEnd(err)", New: "err != nil",
	}, {
		Name: "a connection is left open when OnError panics",
		File: "socketserver/run.go", Func: "service.end",
		Old: "defer t.close()\nj.end(nil)\nif err, failed = $c; failed {\n\tt.tell(err)\n}",
		New: "j.end(nil)\nif err, failed = $c; failed {\n\tt.tell(err)\n}\nt.close()",
	}, {
		Name: "a context lives longer than its handler",
		File: "socketserver/run.go", Func: "service.end",
		Old: "j.end(nil)", New: "",
	}, {
		Name: "the context of a handler ends with that of Serve",
		File: "socketserver/job.go", Func: "job.context",
		Old: "context.WithoutCancel(j.base)", New: "j.base",
	}, {
		Name: "a context that is asked for late lives",
		File: "socketserver/job.go", Func: "job.context",
		Old: "if j.ended != nil {\n\tj.stop(j.ended)\n}", New: "",
	}, {
		Name: "who is rejected counts as served",
		File: "socketserver/run.go", Func: "service.leave",
		Old: "!j.admitted", New: "false",
	}, {
		Name: "what was sent too much resets the last reply",
		File: "socketserver/conn.go", Func: "Conn.close",
		Old: "discard(bare(c.Conn))", New: "",
	}, {
		Name: "Terminate says goodbye to TLS clients",
		File: "socketserver/conn.go", Func: "Conn.cut",
		Old: "bare(c.Conn).Close()", New: "c.Conn.Close()",
	}, {
		Name: "Read forgets what is buffered",
		File: "socketserver/conn.go", Func: "Conn.Read",
		Old: "r.Buffered() > 0", New: "false",
	}, {
		Name: "Timeout bounds Reads only",
		File: "socketserver/conn.go", Func: "Conn.Write",
		Old: "d != nil", New: "false",
	}, {
		Name: "Timeout overrules the handler",
		File: "socketserver/deadline.go", Func: "deadline.change",
		Old: "t.IsZero() || !d.own.IsZero() && d.own.Before(t)", New: "t.IsZero()",
	}, {
		Name: "the handler overrules Timeout",
		File: "socketserver/deadline.go", Func: "deadline.change",
		Old: "t.IsZero() || !d.own.IsZero() && d.own.Before(t)", New: "t.IsZero() || !d.own.IsZero()",
	}, {
		Name: "a deadline that is set meanwhile is forgotten",
		File: "socketserver/deadline.go", Func: "deadline.change",
		Old: "err != nil || d.changes == seen", New: "true",
		Flags: []string{"-test.run", "Deadline"},
	}, {
		Name: "the pump keeps what nobody wants",
		File: "socketserver/input.go", Func: "input.pump",
		Old: "in.drop(result.value)", New: "",
	}, {
		Name: "what the pump has kept is left open",
		File: "socketserver/input.go", Func: "input.stop",
		Old: "in.drop(kept.value)", New: "",
	}, {
		Name: "Serve does not mind what the pump has brought",
		File: "socketserver/input.go", Func: "input.wait",
		Old: "in.pumps()", New: "false",
	}, {
		Name: "Close does not wake whoever waits for the pump",
		File: "socketserver/input.go", Func: "input.take",
		Old: "if in.stopped {\n\treturn nil, ErrClosed\n}", New: "",
	}, {
		Name: "Join does not wait for the pump",
		File: "socketserver/run.go", Func: "service.begin",
		Old: "s.busy++", New: "s.busy += 0",
	}, {
		Name: "a panic of a foreign Accept is lost",
		File: "socketserver/input.go", Func: "outcome.unpack",
		Old: "panic(o.panicked)", New: "",
	}, {
		Name: "the data of a packet is overwritten by the next",
		File: "socketserver/packetserver.go", Func: "PacketServer.packet",
		Old: "append(make([]byte, 0, len(data)), data...)", New: "data",
	}, {
		Name: "a packet server is closed before its handlers have answered",
		File: "socketserver/packetserver.go", Func: "receiving.stop",
		Old: "r.server.conn.SetReadDeadline(time.Unix(1, 0)) != nil", New: "true",
	}, {
		Name: "a packet that is received during Close ends nothing",
		File: "socketserver/packetserver.go", Func: "receiving.stop",
		Old: "if r.server.conn.SetReadDeadline(time.Unix(1, 0)) != nil {\n\t_ = r.server.conn.Close()\n}", New: "_ = time.Now",
	}, {
		Name: "the file of a packet server stays",
		File: "socketserver/packetserver.go", Func: "receiving.finish",
		Old: "os.Remove(s.file)", New: "error(nil)",
	}, {
		Name: "a packet server removes the file of another",
		File: "socketserver/packetserver.go", Func: "receiving.finish",
		Old: "os.SameFile(now, s.bound)", New: "now != nil",
	}, {
		Name: "a live server loses its file",
		File: "socketserver/bind.go", Func: "checkStale",
		Old: `return errors.New("a server is alive there")`, New: "return nil",
	}, {
		Name: "a file that is no socket is removed",
		File: "socketserver/bind.go", Func: "checkStale",
		Old: "info.Mode().Type() != os.ModeSocket", New: "info == nil",
	}, {
		Name: "several replace a stale file",
		File: "socketserver/bind.go", Func: "bind",
		Old: "defer unlock()", New: "unlock()",
	},
}

var workerMutants = []mutant{
	{
		Name: "a connection that a dead child has not received fails",
		File: "socketserver/crew.go", Func: "crew.hand",
		Old: "!h.Taken() && !doomed", New: "false",
	}, {
		Name: "a connection that a dead child has handled goes to another",
		File: "socketserver/crew.go", Func: "crew.hand",
		Old: "!h.Taken() && !doomed", New: "!doomed",
	}, {
		Name: "a child that has reported is not used again",
		File: "socketserver/crew.go", Func: "crew.giveBack",
		Old: "closed := cr.closed", New: "closed := true",
	}, {
		Name: "a child that has reported after Close stays",
		File: "socketserver/crew.go", Func: "crew.giveBack",
		Old: "closed := cr.closed", New: "closed := false",
	}, {
		Name: "whoever waits for a child learns of none",
		File: "socketserver/crew.go", Func: "crew.giveBack",
		Old: "if w != nil {\n\tw.Wake(park.Retry)\n}", New: "_, _ = w, park.Retry",
	}, {
		Name: "Close leaves idle children",
		File: "socketserver/crew.go", Func: "crew.stop",
		Old: "go cr.bury(h)", New: "_ = h",
	}, {
		Name: "Join does not wait for children",
		File: "socketserver/run.go", Func: "service.hold",
		Old: "s.busy++", New: "s.busy += 0",
	}, {
		Name: "Terminate does not tell the children",
		File: "socketserver/crew.go", Func: "crew.cut",
		Old: "_ = h.Send([]byte{messageTerminate}, -1)", New: "",
	}, {
		Name: "a handler that does not end after Terminate stays",
		File: "socketserver/crew.go", Func: "crew.cut",
		Old: "h.doom = time.AfterFunc(patience, h.Kill)", New: "h.doom = time.AfterFunc(patience, func() {})",
	}, {
		Name: "a start that fails for want of descriptors ends the connection",
		File: "socketserver/crew.go", Func: "crew.hire",
		Old: "err == nil || !isForNow(err)", New: "err == nil || err != nil",
	}, {
		Name: "there may be more handlers than children",
		File: "socketserver/server.go", Func: "newServer",
		Old: "min(c.limit, c.children)", New: "max(c.limit, c.children)",
	}, {
		Name: "a tls.Conn is handed over",
		File: "socketserver/crew.go", Func: "Server.canPass",
		Old: "return cannotPass(of)", New: "_ = of",
	}, {
		Name: "a connection of any kind is handed over",
		File: "socketserver/server.go", Func: "listening.task",
		Old: "l.server.crew != nil", New: "false",
	}, {
		Name: "a handle beside Processes is forgotten",
		File: "socketserver/server.go", Func: "chooseHandle",
		Old: "handle != nil", New: "false",
	}, {
		Name: "an error of a child that wraps an end is none",
		File: "socketserver/errors.go", Func: "job.judge",
		Old: "return judged.error, true", New: "return judged.error, !j.isEnd(judged.error)",
	}, {
		Name: "a child closes the connection before OnError is told",
		File: "socketserver/conn.go", Func: "Conn.close",
		Old: "if c.server.standsIn {\n\treturn\n}", New: "",
	}, {
		Name: "a child does not know the address of a client that is gone",
		File: "socketserver/handler.go", Func: "Handler.begin",
		Old: "nc.RemoteAddr() == nil", New: "false",
	}, {
		Name: "a child forgets Timeout",
		File: "socketserver/handler.go", Func: "Handler.begin",
		Old: "o.Timeout > 0", New: "false",
	}, {
		Name: "a child forgets Terminate before the connection",
		File: "socketserver/handler.go", Func: "Handler.serve",
		Old: "terminated = true", New: "",
	}, {
		Name: "an error whose text panics is not reported",
		File: "socketserver/handler.go", Func: "report",
		Old: "message = failed(panicked)", New: "return",
	}, {
		Name: "a Goexit of a handler in a child is not reported",
		File: "socketserver/handler.go", Func: "Handler.begin",
		Old: "defer func() { over(failure) }()\ns.run(c)", New: "s.run(c)\nover(failure)",
	}, {
		Name: "a child does not note what it has received",
		File: "process/workers.go", Func: "link.Recv", Package: "socketserver",
		Old: "l.desk.begins.Store(l.files)", New: "",
	}, {
		Name: "a child of a server ends at SIGINT",
		File: "process/workers.go", Func: "work", Package: "socketserver",
		Old: "signal.Ignore(os.Interrupt)", New: "_, _ = signal.Ignore, os.Interrupt",
	}, {
		Name: "a child of a server lives on when its parent has died",
		File: "process/workers.go", Func: "workers.Start", Package: "socketserver",
		Old: "Daemon(true)", New: "Daemon(false)",
	}, {
		Name: "a handler may be registered after Init",
		File: "internal/worker/worker.go", Func: "Register", Package: "socketserver",
		Old: "registry.sealed", New: "false",
	},
}
