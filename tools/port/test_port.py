"""Tests of the scanner: python3 -m unittest, in this folder."""

import ast
import glob
import io
import json
import os
import re
import tempfile
import unittest
from contextlib import redirect_stdout

import port
from threadingport import names, races, table

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = table.load()

# How an instance of a class, or of what a table without a class is about, is made.
INSTANCES = {
    "Generators": "sent()",
    "multiprocessing.pool": "multiprocessing.pool.ThreadPool().apply_async(f)",
    "concurrent.futures": "concurrent.futures.ThreadPoolExecutor()",
    "sched": "sched.scheduler()",
    "socketserver": "socketserver.TCPServer(('', 0), None)",
    "selectors": "selectors.DefaultSelector()",
    "select": "select.epoll()",
    "greenlet": "greenlet.greenlet(f)",
    "threading": "threading.ExceptHookArgs(())",
    "multiprocessing.dummy": "multiprocessing.dummy.Namespace()",
    "faulthandler": "0",
    "multiprocessing": "multiprocessing.Process()",
    "gevent": "gevent.spawn(f)",
    "asyncio": "asyncio.create_task(f())",
    "multiprocessing.managers": "multiprocessing.managers.SyncManager()",
}
# Members of other classes than the table's own.
OF = {
    ("selectors", "data"): "selectors.SelectorKey()", ("selectors", "fd"): "selectors.SelectorKey()",
    ("socketserver", "packet"): "socketserver.DatagramRequestHandler()",
}
# What is found by its name alone stands in the builtins.
BUILTIN = {"ValueError", "KeyError", "BlockingIOError", "__init__", "x", "raise"}
SHAPES = {
    "with": "with {0}:\n    pass", "for": "for _ in {0}:\n    pass", "del": "v = {0}\ndel v.x", "store": "v = {0}\nv.x = 1",
    "load": "v = {0}\nprint(v.x)", "len": "len({0})", "bool": "bool({0})", "next": "g = {0}\nnext(g)", "setitem": "d = {0}\nd[1] = 2",
    "getitem": "d = {0}\nprint(d[0])", "in": "d = {0}\n1 in d", "+": "d = {0}\nd + d", "yield value": "def f():\n    x = yield 1",
    "yield from": "def f():\n    yield from g", "def": "g = sent()",
}
SENT = "def sent():\n    x = yield 1\n    return x\n"


def scan(text):
    return names.scan(TABLE, {"x.py": (ast.parse(text), text)})[0]


def warn(text):
    files = names.scan(TABLE, {"x.py": (ast.parse(text), text)})[1]
    return races.scan(files)


def programs(owner, pattern):
    """Programs that use what a pattern tells of, in the ways in which it can be meant."""
    module = owner if owner in TABLE.modules or "." not in owner else owner.rpartition(".")[0]
    head = "import " + module + "\n" if module != "Generators" else ""
    instance = OF.get((owner, pattern.name)) or INSTANCES.get(owner, owner + "()")
    if pattern.name in SHAPES:
        yield head + SENT + SHAPES[pattern.name].format(instance)
        return
    args = ", ".join("%s=%s" % (k, v or "f") for k, v in pattern.params.items())
    other = re.sub(r"=(None|\(\)|\{\}|-?[01])(?=,|$)", "=f", args)
    path = (module if module != "Generators" and pattern.name not in BUILTIN else "") + "." + pattern.name
    for given in ("(%s)" % args, "(%s)" % other, ""):
        yield head + "print(%s%s)" % (path.lstrip("."), given)
        yield head + SENT + "v = %s\nv.%s%s" % (instance, pattern.name, given)
    yield head + SENT + "v = %s\nprint(v.%s)" % (instance, pattern.name)
    if pattern.name.isidentifier():
        yield head + "class C(%s):\n    def %s(self):\n        pass" % (instance.partition("(")[0], pattern.name)


class Rows(unittest.TestCase):
    maxDiff = None

    def test_each_row_is_found_in_a_program_that_uses_it(self):
        found, sought = set(), set()
        # A table that is new has to say here how its members are reached; until then only its module's names are told.
        new = {m for m in TABLE.modules if m not in INSTANCES and not any(o.startswith(m + ".") for o in TABLE.index)}
        if new:
            print("not looked at, because INSTANCES has nothing of them:", *sorted(new))
        for owner, by_name in TABLE.index.items():
            if owner in new:
                continue
            for patterns in by_name.values():
                for p in patterns:
                    if p.name in BUILTIN and p.name != "__init__" or re.match(r"`try: |a loop |`\(|`timeout` of|`with v\.", p.row.python):
                        continue  # a piece of code, or of a name that has a row of its own
                    sought.add(p.row)
                    for text in programs(owner, p):
                        try:
                            uses = scan(text)
                        except SyntaxError:
                            continue
                        found.update(a.row for u in uses for a in u.answers)
        for module, by_name in TABLE.keywords.items():
            for name, row in by_name.items():
                sought.add(row)
                text = "import multiprocessing.pool\nmultiprocessing.pool.ThreadPool().imap(f, [], %s=7)" % name
                found.update(a.row for u in scan(text) for a in u.answers)
        missing = sorted(r.number for r in sought - found)
        self.assertEqual([], ["%s: %s" % (r.section, r.python) for r in TABLE.rows if r.number in missing])
        # Rows that no name leads to have nothing of Python's, or tell of a piece of code.
        for r in TABLE.rows:
            if table.owners(r.section)[0] not in new and r not in sought and r.python != "none" and not re.search(r"`[^`]*[ :=][^`]*`|^a |generator|ValueError|private", r.python):
                self.fail("nothing leads to the row %s: %s" % (r.section, r.python))

    def test_arguments_decide_which_form_it_is(self):
        for call, go in {
            "threading.Lock().acquire()": "l.Lock()",
            "threading.Lock().acquire(False)": "l.TryLock()",
            "threading.Lock().acquire(b)": "l.Lock()",
            "threading.Lock().acquire(blocking=False)": "l.TryLock()",
            "threading.Lock().acquire(True, 5)": "l.LockTimeout(2 * time.Second)",
            "threading.Lock().acquire(timeout=x)": "l.LockTimeout(2 * time.Second)",
            "threading.RLock().acquire(False)": "r.TryLock()",
            "threading.RLock().release()": "r.Unlock()",
            "queue.Queue().get()": "q.Get()",
            "queue.Queue().get(True, 3)": "q.GetTimeout(d)",
            "queue.Queue().get(block=False)": "q.TryGet()",
            "queue.Queue().get_nowait()": "q.TryGet()",
            "queue.Queue().put(1, timeout=2)": "q.PutTimeout(item, d)",
            "queue.Queue().qsize()": "q.Len()",
            "threading.Event().wait(5)": "e.WaitTimeout(d)",
            "threading.Event().clear()": "e.Clear()",
            "threading.Thread(target=f, daemon=True)": "thread.New(f); thread.Daemon(true)",
            "threading.Thread(None, f)": "thread.New(f)",
            "collections.deque([1, 2])": "var d queue.Deque[T]",
            "collections.deque(maxlen=3)": "d := queue.NewDeque[T](10)",
            "multiprocessing.Queue(3).get(timeout=2)": "q.GetTimeout(d)",
            "multiprocessing.cpu_count()": "runtime.GOMAXPROCS(0)",
            "concurrent.futures.ThreadPoolExecutor(8).shutdown(wait=False)": "p.Close()",
            "concurrent.futures.ThreadPoolExecutor().submit(f).result(timeout=3)": "r.GetTimeout(d)",
            "gevent.pool.Pool(4)": "pool.New(n, pool.Backlog(0))",
            "gevent.pool.Pool(4).spawn(f).get(timeout=3)": "r.GetTimeout(d)",
            "gevent.spawn(f).kill()": "r.Cancel()",
            "gevent.spawn(f).ready()": "r.Ready()",
            "gevent.event.Event().wait(3)": "e.WaitTimeout(d)",
            "gevent.lock.RLock().acquire(False)": "r.TryLock()",
            "gevent.queue.Queue().get_nowait()": "q.TryGet()",
            "asyncio.Queue(3)": "queue.Queue[T]",
            "asyncio.Queue().put_nowait(1)": "q.TryPut(item)",
            "asyncio.Event().wait()": "e.Wait()",
            "asyncio.create_task(f()).cancel()": "r.Cancel()",
            "asyncio.get_running_loop().call_soon(f)": "thread.Go(f)",
        }.items():
            text = "import threading, queue, collections, concurrent.futures, multiprocessing, asyncio, gevent\n" + call
            got = [u for u in scan(text) if u.text in (call, "…" + call[call.rindex(")."):][1:])] if ")." in call else scan(text)
            self.assertEqual(go, "; ".join(a.go for u in got[-1:] for a in u.answers), call)

    def test_receivers_are_found_by_their_types(self):
        text = """
import queue as q
from threading import Lock, Thread as T
from typing import Optional
class Base(T):
    lock = Lock()
class W(Base):
    def __init__(self, jobs: "Optional[q.Queue]" = None):
        super().__init__()
        self.jobs = jobs or q.Queue()
        self.threads = [T(target=self.run) for _ in range(3)]
    def go(self):
        self.start()
        with self.lock:
            self.jobs.task_done()
        for t in self.threads:
            t.join(5)
        (a, b) = (Lock(), q.Empty)
        a.acquire()
        w = W()
        w.is_alive()
    def other(self, thing):
        thing.get_nowait()
        thing.jobs.get()
"""
        got = {u.line: "; ".join(a.go for a in u.answers) + ("" if u.sure else "?") for u in scan(text)}
        for line, go in {10: "q := queue.New[T](0)", 13: "t.Start()", 14: "l.Lock(); defer l.Unlock()", 15: "q.TaskDone()",
                         17: "t.JoinTimeout(d)", 19: "l.Lock()", 21: "t.IsAlive()", 23: "q.TryGet()?", 24: "q.Get()"}.items():
            self.assertEqual(go, got.get(line), "line %d" % line)

    def test_what_only_looks_like_it_is_left_alone(self):
        text = """
import collections, os
class Queue:
    def get(self): return 1
    def task_done(self): return 2
q = Queue()
q.get()
q.task_done()
d = collections.OrderedDict()
d.pop(1)
os.path.join("a", "b")
"x".join([])
def numbers():
    yield 1
for n in numbers():
    print(n)
import threading
class T(threading.Thread):
    def is_alive(self): return True
T(name="n").is_alive()
"""
        self.assertEqual([(18, "threading.Thread")], [(u.line, u.text) for u in scan(text)])

    def test_a_table_of_two_modules_answers_for_both(self):
        uses = scan("import asyncio\nfrom asyncio import gather\nasyncio.wait_for(gather(f()), 5)\nasyncio.Semaphore(3)")
        self.assertEqual(["GetTimeout", "pool.Gather", "semaphore.New"],
                         [re.search(r"pool\.Gather|GetTimeout|semaphore\.New\b", a.go).group() for u in uses for a in u.answers])

    def test_names_without_a_row_are_told(self):
        got = scan("import asyncio\nasyncio.sing()\nimport threading\nthreading.sing()")
        self.assertEqual([(2, []), (4, [])], [(u.line, u.answers) for u in got])


class Corpus(unittest.TestCase):
    def test_planted_races_are_found_and_nothing_else(self):
        planted, found = set(), set()
        for path in glob.glob(os.path.join(HERE, "testdata", "corpus", "*.py")):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            for i, line in enumerate(text.splitlines(), 1):
                m = re.search(r"# race: (.*)", line)
                if m:
                    planted.add((os.path.basename(path), i, m.group(1)))
            files = names.scan(TABLE, {os.path.basename(path): (ast.parse(text), text)})[1]
            found.update((w.path, w.line, w.kind) for w in races.scan(files))
        self.assertGreaterEqual(len(planted), 30)
        self.assertEqual(planted, found)

    def test_every_guard_counts(self):
        """Without its guard, each of these is found."""
        head = "import threading\nclass C:\n    def __init__(self):\n        self.lock = threading.Lock()\n        self.n = 0\n" \
               "        threading.Thread(target=self.run).start()\n"
        add = "    def add(self):\n        self.n += 1\n"
        for guarded, bare in (
                ("    def run(self):\n        with self.lock:\n            self.n += 1\n", "    def run(self):\n        if self.lock:\n            self.n += 1\n"),
                ("    @synchronized\n    def run(self):\n        self.n += 1\n", "    @logged\n    def run(self):\n        self.n += 1\n"),
                ("    def run(self):\n        self.lock.acquire()\n        self.n += 1\n        self.lock.release()\n",
                 "    def run(self):\n        self.lock.acquire()\n        self.lock.release()\n        self.n += 1\n")):
            lines = [w.line for w in warn(head + guarded + add)]
            self.assertEqual([len((head + guarded + add).splitlines())], lines)
            self.assertEqual(2, len(warn(head + bare + add)))


class Program(unittest.TestCase):
    def run_port(self, files, *args):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as f:
                    f.write(text if isinstance(text, bytes) else text.encode())
            out = io.StringIO()
            with redirect_stdout(out):
                code = port.main(list(args) + [folder])
            return code, out.getvalue()

    SAMPLE = "import threading\n\n\nclass C:\n    def __init__(self):\n        self.n = 0\n" \
             "        threading.Thread(target=self.run, daemon=True).start()\n\n    def run(self):\n        self.n += 1\n\n" \
             "    def reset(self):\n        self.n = 0\n"

    def test_text(self):
        code, out = self.run_port({"a/b.py": self.SAMPLE})
        self.assertEqual(0, code)
        self.assertEqual("""\
a/b.py:10: self.n += 1  lost update: reset() changes n in another thread: two of them at a time count once; atomic.Int64, or a lock

a/b.py:7: threading.Thread(target=self.run, daemon=True)  → thread.New(f); thread.Daemon(true)
a/b.py:7: threading.Thread(target=self.run, daemon=True).start()  → t.Start()
summary: 1 files, 1 of them concerned; 2 uses, 2 answered; 0 maybe; 1 warnings; packages: thread
""", out)

    def test_json(self):
        _, out = self.run_port({"b.py": self.SAMPLE}, "--json")
        got = json.loads(out)
        self.assertEqual(["thread"], got["packages"])
        self.assertEqual(("b.py", 10, "lost update"), tuple(got["warnings"][0][k] for k in ("file", "line", "kind")))
        self.assertIn("docs/porting.md#threadingthread", got["uses"][0]["see"])

    def test_markdown(self):
        _, out = self.run_port({"b.py": self.SAMPLE}, "--markdown")
        self.assertIn("- [ ] `b.py:10` `self.n += 1` **lost update**: ", out)
        self.assertIn("## b.py\n\n- [ ] line 7: ", out)
        self.assertIn("→ `t.Start()`", out)

    def test_only(self):
        _, out = self.run_port({"b.py": self.SAMPLE}, "--only", "names")
        self.assertNotIn("lost update", out)
        _, out = self.run_port({"b.py": self.SAMPLE}, "--only", "warnings")
        self.assertNotIn("→", out)

    def test_files_that_cannot_be_read_are_told(self):
        code, out = self.run_port({
            "old.py": "print 'x'\n", "latin.py": "# -*- coding: latin-1 -*-\ns = 'ä'\n".encode("latin-1"), "empty.py": "",
            "bom.py": b"\xef\xbb\xbfimport threading\nthreading.Lock()\n", "bad.py": b"s = '\xff'\n", "crlf.py": b"import queue\r\nqueue.Queue()\r\n",
            ".git/x.py": "import threading\nthreading.Lock()\n", "nul.py": b"x = 1\0\n",
        })
        self.assertEqual(0, code)
        self.assertRegex(out, r"old\.py: not read: ")
        self.assertRegex(out, r"bad\.py: not read: ")
        self.assertRegex(out, r"nul\.py: not read: ")
        self.assertIn("bom.py:2: threading.Lock()  → var l lock.Lock", out)
        self.assertIn("crlf.py:2: queue.Queue()  → q := queue.New[T](0)", out)
        self.assertIn("summary: 4 files, 2 of them concerned; 2 uses", out)
        code, _ = self.run_port({"old.py": "print 'x'\n"})
        self.assertEqual(2, code)

    def test_this_program_itself(self):
        out = io.StringIO()
        with redirect_stdout(out):
            self.assertEqual(0, port.main([HERE]))


if __name__ == "__main__":
    unittest.main()
