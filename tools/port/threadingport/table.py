"""The tables of docs/porting.md: what a name of Python is called in Go."""

import json
import os
import re

PAGE = "docs/porting.md"

# Other paths to the same thing.
ALIASES = {
    "multiprocessing.Pool": "multiprocessing.pool.Pool",
    "multiprocessing.Manager": "multiprocessing.managers.Manager",
    "multiprocessing.dummy.Pool": "multiprocessing.pool.ThreadPool",
    "multiprocessing.pool.ApplyResult": "multiprocessing.pool.AsyncResult",
    "multiprocessing.pool.MapResult": "multiprocessing.pool.AsyncResult",
    "multiprocessing.dummy.Process": "threading.Thread",
    "multiprocessing.dummy.DummyProcess": "threading.Thread",
    "multiprocessing.dummy.Queue": "queue.Queue",
    "multiprocessing.dummy.JoinableQueue": "queue.Queue",
    "selectors.EpollSelector": "selectors.DefaultSelector",
    "selectors.PollSelector": "selectors.DefaultSelector",
    "selectors.SelectSelector": "selectors.DefaultSelector",
    "gevent.event.AsyncResult": "gevent.AsyncResult",
    "gevent.event.Event": "threading.Event",
    "gevent.greenlet.Greenlet": "gevent.Greenlet",
    "gevent.local.local": "threading.local",
    "gevent.monkey.patch_all": "gevent.patch_all",
    "gevent.pool.Group": "gevent.Group",
    "gevent.pool.Pool": "gevent.Pool",
}
PREFIXES = {
    "concurrent.futures.thread.": "concurrent.futures.",
    "concurrent.futures.process.": "concurrent.futures.",
    "concurrent.futures._base.": "concurrent.futures.",
    "six.moves.queue.": "queue.",
    "Queue.": "queue.",
    "gevent.lock.": "threading.",
    "gevent.queue.": "queue.",
    "gevent.threading.": "threading.",
}
SAME_AS_THREADING = {"Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"}

# Modules that have to do with concurrency, whether the page has a table for them
# or not.
MODULES = (
    "threading", "queue", "multiprocessing", "concurrent.futures", "asyncio", "sched", "selectors", "select",
    "socketserver", "greenlet", "gevent", "_thread", "faulthandler",
)

# What a method returns, where it is something that the tables know.
RETURNS = {
    ("concurrent.futures.ThreadPoolExecutor", "submit"): "concurrent.futures.Future",
    ("concurrent.futures.ProcessPoolExecutor", "submit"): "concurrent.futures.Future",
    ("concurrent.futures.Executor", "submit"): "concurrent.futures.Future",
    ("multiprocessing.pool.Pool", "apply_async"): "multiprocessing.pool.AsyncResult",
    ("multiprocessing.pool.Pool", "map_async"): "multiprocessing.pool.AsyncResult",
    ("multiprocessing.pool.Pool", "starmap_async"): "multiprocessing.pool.AsyncResult",
    ("multiprocessing.pool.ThreadPool", "apply_async"): "multiprocessing.pool.AsyncResult",
    ("multiprocessing.pool.ThreadPool", "map_async"): "multiprocessing.pool.AsyncResult",
    ("multiprocessing.pool.ThreadPool", "starmap_async"): "multiprocessing.pool.AsyncResult",
    ("gevent.Group", "spawn"): "gevent.Greenlet",
    ("gevent.Pool", "spawn"): "gevent.Greenlet",
    ("asyncio.AbstractEventLoop", "create_task"): "asyncio.Task",
}
FUNCTIONS = {
    "threading.current_thread": "threading.Thread",
    "threading.currentThread": "threading.Thread",
    "threading.main_thread": "threading.Thread",
    "multiprocessing.managers.Manager": "multiprocessing.managers.SyncManager",
    "select.poll": "select.poll",
    "select.epoll": "select.epoll",
    "greenlet.getcurrent": "greenlet.greenlet",
    "gevent.spawn": "gevent.Greenlet",
    "gevent.spawn_later": "gevent.Greenlet",
    "asyncio.create_task": "asyncio.Task",
    "asyncio.ensure_future": "asyncio.Task",
    "asyncio.current_task": "asyncio.Task",
    "asyncio.run_coroutine_threadsafe": "concurrent.futures.Future",
    "asyncio.get_event_loop": "asyncio.AbstractEventLoop",
    "asyncio.get_running_loop": "asyncio.AbstractEventLoop",
    "asyncio.new_event_loop": "asyncio.AbstractEventLoop",
}
ELEMENTS = {
    "threading.enumerate": "threading.Thread",
    "concurrent.futures.as_completed": "concurrent.futures.Future",
}
# Classes that are written like functions.
SMALL_CLASSES = {
    "threading.local", "collections.deque", "sched.scheduler", "greenlet.greenlet", "select.poll", "select.epoll",
}
# What positional arguments mean, where the tables do not have all in one row.
ORDER = {
    "threading.Thread": ["group", "target", "name", "args", "kwargs"],
    "threading.Timer": ["interval", "function", "args", "kwargs"],
    "threading.Barrier": ["parties", "action", "timeout"],
    "collections.deque": ["iterable", "maxlen"],
    "concurrent.futures.ThreadPoolExecutor": ["max_workers", "thread_name_prefix", "initializer", "initargs"],
    "multiprocessing.pool.Pool": ["processes", "initializer", "initargs", "maxtasksperchild", "context"],
    "multiprocessing.pool.ThreadPool": ["processes", "initializer", "initargs"],
}
BASES = {"multiprocessing.pool.ThreadPool": "multiprocessing.pool.Pool", "queue.LifoQueue": "queue.Queue",
         "queue.PriorityQueue": "queue.Queue", "threading.BoundedSemaphore": "threading.Semaphore",
         "threading.Timer": "threading.Thread", "concurrent.futures.ThreadPoolExecutor": "concurrent.futures.Executor",
         "concurrent.futures.ProcessPoolExecutor": "concurrent.futures.Executor"}
BASES.update(("asyncio." + name, "queue." + name) for name in ("Queue", "PriorityQueue", "LifoQueue"))
BASES.update(("asyncio." + name, "threading." + name) for name in SAME_AS_THREADING - {"RLock"})
# What processes share has the methods of what threads share.
BASES.update(("multiprocessing." + name, "threading." + name) for name in SAME_AS_THREADING)
BASES.update({"multiprocessing.Queue": "queue.Queue", "multiprocessing.JoinableQueue": "queue.Queue",
              "multiprocessing.SimpleQueue": "queue.SimpleQueue"})


def canonical(path):
    """The name under which the tables have what a path leads to."""
    for prefix, to in PREFIXES.items():
        if path.startswith(prefix):
            path = to + path[len(prefix):]
    return ALIASES.get(path, path)


def primitive(path):
    """The class that a path leads to, apart from which module lends it its name."""
    path = canonical(path)
    module, _, name = path.rpartition(".")
    if module == "multiprocessing.dummy" and name in SAME_AS_THREADING:
        return "threading." + name
    return path


class Row:
    """A row of a table."""

    def __init__(self, number, section, python, go, differences=""):
        self.number = number
        self.section = section
        self.python = python
        self.go = go.replace("`", "")
        self.forms = re.findall(r"`([^`]+)`", go)
        self.note = differences
        self.anchor = PAGE + "#" + slug(section)
        self.spans = re.findall(r"`([^`]+)`", python)

    def __repr__(self):
        return "%s: %s" % (self.section, self.python)


class Pattern:
    """One way of writing that a row tells of: a name, and the parameters that it is about."""

    def __init__(self, row, span, name, params=(), called=False):
        self.row, self.span, self.name, self.params, self.called = row, span, name, dict(params), called

    def answer(self, given=None):
        """What it is in Go: where the row has a column for each of its names, or a form for each way of waiting, that one."""
        row, given = self.row, given or {}
        if self.name == "with" and not self.span.startswith("with"):
            return Answer(row, row.forms[0])
        if len(row.forms) == len(row.spans) > 1 and sum(shape(s) == shape(self.span) for s in row.spans) == 1:
            return Answer(row, row.forms[row.spans.index(self.span)])
        timed = [f for f in row.forms if "Timeout(" in f]
        if timed and len(row.forms) > 1 and row.go == ", ".join(row.forms):
            if "timeout" in given:
                return Answer(row, timed[0])
            tries = [f for f in row.forms if ".Try" in f]
            if tries and given.get("blocking", given.get("block")) == "False":
                return Answer(row, tries[0])
            return Answer(row, row.forms[0])
        return Answer(row, row.go)


class Answer:
    """A row, and what of it is told."""

    def __init__(self, row, go):
        self.row, self.go, self.note, self.anchor = row, go, row.note, row.anchor


def shape(span):
    return next((name for pattern, name in SHAPES if re.match(pattern, span)), span)


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def parameters(text):
    """The parameters of a signature and their defaults: None where there is none."""
    found, depth, one = [], 0, ""
    for c in text + ",":
        if c == "," and depth == 0:
            name, _, default = one.strip().partition("=")
            if re.match(r"^\*{0,2}\w+$", name):
                found.append((name.lstrip("*"), default or None))
            one = ""
            continue
        depth += c in "([{"
        depth -= c in ")]}"
        one += c
    return found


def owners(section):
    """The module that a heading names, and the classes, as dotted paths; or all modules, where it names several."""
    head, _, tail = section.partition(":")
    parts = re.split(r", | and ", head)
    if not re.match(r"^[a-z_][\w.]*$", parts[0]):
        return section, []
    module, classes = parts[0], []
    if len(parts) > 1 and all(part in MODULES for part in parts):
        return module, parts
    for i, part in enumerate(parts):
        above, _, name = part.rpartition(".")
        if name[:1].isupper() or part in SMALL_CLASSES:
            module = above or module
            classes.append(module + "." + name)
    classes += [module + "." + name for name in re.findall(r"\b[A-Z]\w+", tail)]
    return module, classes


# What else stands in the first column, as the name under which it is looked up.
SHAPES = (
    (r"^with( [\w()]+)?( as \w+)?:?$", "with"),
    (r"^for \w+ in ", "for"),
    (r"^del \w+\.x$", "del"),
    (r"^\w\.x = ", "store"),
    (r"^\w\.x$", "load"),
    (r"^len\(", "len"),
    (r"^bool\(", "bool"),
    (r"^next\(", "next"),
    (r"^\w\[i\] = ", "setitem"),
    (r"^\w\[.*\]$", "getitem"),
    (r"^\w in \w$", "in"),
    (r"^\w \+ \w$", "+"),
    (r"^\w+ = yield ", "yield value"),
    (r"^yield from ", "yield from"),
    (r"^def \w+\(\): ", "def"),
)


class Table:
    """All rows, and what leads to them."""

    def __init__(self, rows):
        self.rows = [Row(i, r["section"], r["python"], r["go"], r.get("differences", "")) for i, r in enumerate(rows)]
        self.index = {}  # owner: {name: [Pattern]}
        self.keywords = {}  # module: {parameter: Row}
        self.modules = {}  # module: section
        for row in self.rows:
            module, classes = owners(row.section)
            for m in [module] + [c for c in classes if c in MODULES]:
                self.modules.setdefault(m, row.section)
            for span in row.spans:
                self.add(row, span, module, classes)

        self.whole = {m for m in self.modules if m not in ("collections", "Generators")}

    def add(self, row, span, module, classes):
        under = classes or [module]
        if shape(span) != span:
            for owner in under:
                self.put(owner, Pattern(row, span, shape(span)))
            if shape(span) in ("load", "store", "del", "def"):
                return
        whole = span
        m = re.match(r"^(\w+)=[^=]*$", span)
        if m:
            self.keywords.setdefault(module, {})[m.group(1)] = row
            return
        span = re.sub(r"^(with|del|raise|try:) ", "", span)
        m = re.match(r"^([\w.]+)(\((.*?)\))?(?: as \w+:?)?$", span)
        if not m or m.group(1) in ("for", "while"):
            return
        above, _, name = m.group(1).rpartition(".")
        pattern = Pattern(row, whole, name, parameters(m.group(3) or ""), m.group(2) is not None)
        if above and above != module and above.split(".")[0] in ("inspect", "contextlib", "ssl", "time", "asyncio"):
            under = [above]  # it belongs to another module
        elif above == module:
            under = [module]
        for owner in under:
            self.put(owner, pattern)

    def put(self, owner, pattern):
        self.index.setdefault(owner, {}).setdefault(pattern.name, []).append(pattern)

    def patterns(self, owner, name):
        """The patterns of a name in a module, or of a member of a class."""
        found, modules = [], []
        seen = set()
        while owner and owner not in seen:
            seen.add(owner)
            found += self.index.get(owner, {}).get(name, [])
            if found:
                break
            if owner not in self.index:
                modules.append(owner.rpartition(".")[0])
            owner = BASES.get(owner)
        for module in modules if not found else ():  # where the table of a module tells of its classes, too
            found = found or self.index.get(module, {}).get(name, [])
        return found

    def of_module(self, path):
        """The patterns of what a dotted path leads to."""
        module, _, name = path.rpartition(".")
        found = self.index.get(path, {}).get(name, []) + self.index.get(module, {}).get(name, [])
        better = [p for p in found if not re.match(r"see |as ", p.row.go)]
        found = better or found
        if not found:
            for owner in self.index:
                if owner.startswith(module + ".") and owner not in self.modules and "." not in owner[len(module) + 1:]:
                    found += self.index[owner].get(name, [])
        return unique(found)

    def section_of(self, module):
        while module:
            if module in self.modules:
                return self.modules[module]
            module = module.rpartition(".")[0]
        return None

    def answers(self, patterns, args, path=None):
        """What a call with the arguments is in Go: first the call, then what is left of them."""
        called = [p for p in patterns if p.called] or patterns
        if not called:
            return []
        signature = max(called, key=lambda p: len(p.params)).params
        defaults = {}
        whole = len(signature) > 1 or signature is called[0].params  # else it is an example
        for p in called:
            for name, value in p.params.items():
                if whole and p.params is signature or value in ("None", "()", "{}"):
                    defaults.setdefault(name, value if constant(value) else None)
        order = ORDER.get(path) or list(signature)
        given = {}
        for key, value in args:
            if isinstance(key, int):
                key = order[key] if key < len(order) else None
            if key and not (value is not None and value == defaults.get(key)):
                given[key] = value
        best = max(called, key=lambda p: score(p, given, defaults))
        answers = [best.answer(given)]
        for key in given:
            if key not in best.params:
                others = [p for p in called if key in p.params and p.row not in [a.row for a in answers]]
                answers += [p.answer(given) for p in others[:1]]
        return answers


def constant(text):
    return text is None or re.match(r"^(None|True|False|-?[01]|0\.5|\(\)|\{\}|\"\"|[A-Z_]+)$", text) is not None


def score(pattern, given, defaults):
    """How well a pattern tells of what is given."""
    total = 0
    for name, value in pattern.params.items():
        if name not in given:
            total += 0 if value == defaults.get(name) else -3
        elif value is not None and value == given[name]:
            total += 3
        elif value == defaults.get(name):
            total += 1
        else:
            total += -3 if value in ("True", "False") else 2
    return total


def unique(patterns):
    seen, kept = set(), []
    for p in patterns:
        if id(p) not in seen:
            seen.add(id(p))
            kept.append(p)
    return kept


def load(path=None):
    path = path or os.path.join(os.path.dirname(os.path.abspath(__file__)), "table.json")
    with open(path, encoding="utf-8") as f:
        return Table(json.load(f))
