package main

var selectorsMutants = []mutant{
	{
		Name: "a Select that is out of time says ErrClosed never",
		File: "selectors/wait.go", Func: "Selector.wait",
		Old: "return got, s.orClosed(errGaveUp)", New: "return got, errGaveUp",
		Flags: []string{"-test.run", "Close", "-test.count", "3"},
	}, {
		Name: "the turn is not passed on",
		File: "selectors/wait.go", Func: "Selector.wait",
		Old: "defer s.turn.Free()", New: "",
	}, {
		Name: "TrySelect waits for the turn",
		File: "selectors/wait.go", Func: "Selector.look",
		Old: "s.turn.TryAcquire(1)", New: "func() bool {\n\tfor !s.turn.TryAcquire(1) {\n\t}\n\treturn true\n}()",
	}, {
		Name: "a closed file is reported",
		File: "selectors/wait.go", Func: "Selector.thoseOpen",
		Old: "r.Key.conn.Control(nothing) == nil", New: "true || r.Key.conn.Control(nothing) == nil",
	}, {
		Name: "what is stale stays",
		File: "selectors/wait.go", Func: "Selector.prepare",
		Old: "if stale {\n\ts.tolerant = !s.rebuild()\n}", New: "_ = stale",
	}, {
		Name: "what is registered during a rebuild is forgotten",
		File: "selectors/registration.go", Func: "Selector.control",
		Old: "err == nil && s.next != nil", New: "false",
		Flags: []string{"-test.run", "Random|NoEvent|Rebuild", "-test.count", "3"},
	}, {
		Name: "a rebuild forgets the files",
		File: "selectors/rebuild.go", Func: "Selector.rebuild",
		Old: "s.epoll != nil && s.registered(r)", New: "false",
	}, {
		Name: "a rebuild forgets the pipe",
		File: "selectors/rebuild.go", Func: "Selector.rebuild",
		Old: "old != nil && len(s.due) > 0", New: "false",
	}, {
		Name: "a rebuild that fails is taken",
		File: "selectors/rebuild.go", Func: "Selector.rebuild",
		Old: "if err != nil {\n\treturn false\n}", New: "if err != nil {\n\treturn true\n}",
		Flags: []string{"-test.run", "RunOut"},
	}, {
		Name: "a number that is used again is the old file",
		File: "selectors/registration.go", Func: "Selector.find",
		Old: "r != nil && r.token == token", New: "r != nil",
	}, {
		Name: "tokens are used again",
		File: "selectors/registration.go", Func: "Selector.number",
		Old: "uint64(at) + 1 | s.count<<32", New: "uint64(at) + 1",
	}, {
		Name: "Except alone spins",
		File: "selectors/wait.go", Func: "Selector.collect",
		Old: "e == 0 && r.key.Events&conditions == Except", New: "false",
	}, {
		Name: "what is muted stays muted",
		File: "selectors/wait.go", Func: "Selector.mute",
		Old: "r.muted = m.muted", New: "r.muted = true",
	}, {
		Name: "the end is told to Except",
		File: "selectors/epoll_linux.go", Func: "told",
		Old: "e = Read | Write", New: "e = Read | Write | Except",
	}, {
		Name: "the end is not told",
		File: "selectors/epoll_linux.go", Func: "told",
		Old: "e = Read | Write", New: "",
	}, {
		Name: "Edge is level",
		File: "selectors/epoll_linux.go", Func: "asked",
		Old: "events |= 1 << 31", New: "",
	}, {
		Name: "a regular file is reported once",
		File: "selectors/wait.go", Func: "Selector.collect",
		Old: "r.key.Events&Edge != 0", New: "true",
	}, {
		Name: "a regular file is reported always, also with Edge",
		File: "selectors/wait.go", Func: "Selector.collect",
		Old: "r.key.Events&Edge != 0", New: "false",
	}, {
		Name: "a regular file wakes nobody",
		File: "selectors/registration.go", Func: "Selector.setDue",
		Old: "len(s.due) == 0", New: "s.due == nil && s.pipe != nil",
	}, {
		Name: "the pipe is watched for ever",
		File: "selectors/registration.go", Func: "Selector.clearDue",
		Old: "len(s.due) == 0", New: "false",
	}, {
		Name: "Modify that fails leaves half a key",
		File: "selectors/registration.go", Func: "Selector.replace",
		Old: "r.key, r.muted = old, muted", New: "_ = muted",
	}, {
		Name: "Modify begins an edge anew only if the events change",
		File: "selectors/registration.go", Func: "Selector.replace",
		Old: "e == old.Events && e&Edge == 0", New: "e == old.Events",
	}, {
		Name: "a Register that fails late stays",
		File: "selectors/selector.go", Func: "Selector.Register",
		Old: "s.undo(r)", New: "",
	}, {
		Name: "a Register that fails late is watched",
		File: "selectors/registration.go", Func: "Selector.undo",
		Old: "_ = s.control(remove, r.key.FD, r)", New: "",
	}, {
		Name: "Unregister leaves the kernel watching",
		File: "selectors/selector.go", Func: "Selector.Unregister",
		Old: "_ = s.control(remove, fd, r)", New: "",
	}, {
		Name: "Close wakes nobody",
		File: "selectors/selector.go", Func: "Selector.Close",
		Old: "return e.file.Close()", New: "return nil",
	}, {
		Name: "an ended context comes after what is ready",
		File: "selectors/selector.go", Func: "Selector.SelectContext",
		Old: "ctx.Err() != nil", New: "false",
	}, {
		Name: "a child inherits the epoll",
		File: "selectors/epoll_linux.go", Func: "newEpoll",
		Old: "syscall.EPOLL_CLOEXEC", New: "0",
	}, {
		Name: "a context that ends late cuts the next wait short",
		File: "internal/netwait/netwait.go", Func: "AfterFunc",
		Old: "<-ran", New: "", Package: "selectors", Flags: []string{"-test.run", "Late", "-test.count", "5"},
	}, {
		Name: "the deadline of a wait stays",
		File: "internal/netwait/netwait.go", Func: "Limit.Do",
		Old: "defer setDeadline(time.Time{})", New: "", Package: "selectors",
	}, {
		Name: "a silent context is passed on as it is",
		File: "internal/netwait/netwait.go", Func: "shielded.Err",
		Old: "return context.Canceled", New: "return nil",
	}, {
		Name: "Within forgets the earlier limit",
		File: "internal/netwait/netwait.go", Func: "Limit.Within",
		Old: "soon = l", New: "_ = soon",
	}, {
		Name: "a foreign RawConn calls twice",
		File: "internal/nonblock/nonblock.go", Func: "call.run",
		Old: "!c.ran", New: "true", Package: "selectors",
	}, {
		Name: "an empty packet is the end",
		File: "internal/nonblock/transfer_linux.go", Func: "call.end",
		Old: "!isPacket(fd)", New: "true", Package: "selectors",
	}, {
		Name: "to read nothing throws a packet away",
		File: "internal/nonblock/transfer_linux.go", Func: "call.read",
		Old: "len(c.b) == 0", New: "false", Package: "selectors",
	}, {
		Name: "a blocking file is read without a look",
		File: "internal/nonblock/transfer_linux.go", Func: "readFile",
		Old: "!ready", New: "false && !ready", Package: "selectors",
	}, {
		Name: "a blocking file is written without a bound",
		File: "internal/nonblock/transfer_linux.go", Func: "writeFile",
		Old: "part = 4096", New: "part = len(b)", Package: "selectors",
	}, {
		Name: "an Accept without descriptors drops the client",
		File: "internal/nonblock/accept_linux.go", Func: "Accept",
		Old: "if err != nil {\n\treturn failed(\"fcntl\", err)\n}", New: "", Package: "selectors",
	},
}
