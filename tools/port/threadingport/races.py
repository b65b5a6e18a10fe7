"""Data that several threads use and only Python's global lock protects.

One reading of the sources: nothing is known of what is passed between modules. So
it looks only where a class, a module or a function starts threads itself, and only
at what these threads and others both reach. What is behind a lock, in a function
that is called with one, before the threads start or after they have been waited
for, is left alone.
"""

import ast

from .accesses import functions_of, leaves, scan_function
from .starts import Start, starts_in

# What the other thread does, and what helps.
MESSAGES = {
    "lost update": ("changes", "two of them at a time count once; atomic.Int64, or a lock"),
    "check then act": ("may change", "one lock around both"),
    "lazy init": ("may make", "sync.Once, or a lock"),
    "double check": ("makes", "the look without the lock is a data race in Go; sync.Once, or look under the lock"),
    "iteration": ("changes", "a lock around the loop, or a copy made under one"),
    "except as the lock": ("changes", "in Go a lookup in a map that changes is a data race; a lock"),
    "shared flag": ("uses", "atomic.Bool, or an event.Event"),
    "shared value": ("uses", "an atomic, or a lock around each use"),
    "shared container": ("uses", "its methods are one step in Python only; a lock, or a queue"),
}


class Warning:
    def __init__(self, file, node, kind, name, there, same):
        self.path, self.line, self.column, self.kind, self.name = file.path, node.lineno, node.col_offset, kind, name
        self.text = file.line(node.lineno).strip()
        does, helps = MESSAGES[kind]
        who = "several threads run %s" % there if same else "%s %s %s in another thread" % (there, does, name)
        self.message = who + ": " + helps


class Unit:
    """What shares variables: a class (its attributes), a module (its globals), or a function (what it lends to those inside)."""

    def __init__(self, file, node, kind, variables):
        self.file, self.node, self.kind, self.variables = file, node, kind, variables
        self.funcs = {}

    def types(self, name):
        if self.kind == "class":
            return self.file.project.own.get((self.file.path, self.node.name), {}).get(name)
        return self.file.globals.get(name) if self.kind == "module" else None


def scan(files):
    found = []
    for file in files:
        file.project.outside = file.project.outside or outside_calls(files)
        file.globals = module_types(file)
        for unit in units(file):
            found += judge(unit)
    kept, seen = [], set()
    for w in found:
        if (w.path, w.line, w.name) not in seen:
            seen.add((w.path, w.line, w.name))
            kept.append(w)
    return kept


def module_types(file):
    """The known classes of a module's variables."""
    types = {}
    for n in file.tree.body:
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call):
            kind = file.class_of(n.value.func)
            for t in n.targets:
                if kind and isinstance(t, ast.Name):
                    types[t.id] = kind
    return types


def units(file):
    yield Unit(file, file.tree, "module", module_variables(file.tree))
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef):
            yield Unit(file, node, "class", None)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if any(isinstance(n, (ast.FunctionDef, ast.Lambda)) for n in ast.walk(node) if n is not node):
                yield Unit(file, node, "function", bound_in(node))


def module_variables(tree):
    names = set()
    for n in tree.body:
        for t in targets(n):
            names.add(t)
    for n in ast.walk(tree):
        if isinstance(n, ast.Global):
            names.update(n.names)
    return names


def targets(n):
    if isinstance(n, ast.Assign):
        for t in n.targets:
            for x in ast.walk(t):
                if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store):
                    yield x.id
    elif isinstance(n, (ast.AnnAssign, ast.AugAssign)) and isinstance(n.target, ast.Name):
        yield n.target.id


def bound_in(function):
    """The variables of a function that those inside it see."""
    names = set()

    def walk(n):
        for child in ast.iter_child_nodes(n):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                continue
            names.update(targets(child))
            walk(child)
    walk(function)
    return names


def judge(unit):
    functions_of(unit)
    starts = starts_in(unit)
    entries = {s.key for s in starts if s.key in unit.funcs}
    if not entries:
        return []
    many = {s.key for s in starts if s.many}
    for f in unit.funcs.values():
        scan_function(unit, f)
    propagate_guards(unit, entries)
    add_callers(unit, starts)
    in_thread = reach(unit, entries)
    in_many = reach(unit, many & entries)
    roots = {s.by for s in starts} if is_test(unit) else mains(unit, entries, in_thread)
    in_main = reach(unit, roots, lambda f, c: f.key not in in_thread and before(c, f, starts))
    uses = {}
    for f in unit.funcs.values():
        for a in f.accesses:
            if f.initial or f.key not in in_thread and (a.waited or before(a, f, starts)):
                continue
            if f.key == "<body>" and a.kind == "write" and not any(s.by == f.key for s in starts):
                continue  # a constant
            uses.setdefault(a.name, []).append(a)
    found = []
    for name, accesses in uses.items():
        kind = unit.types(name)
        found += Variable(unit, name, accesses, in_thread, in_many, in_main, kind == "collections.deque").warnings()
    return found


def add_callers(unit, starts):
    """Whoever calls a function that starts a thread starts it, too."""
    by = {s.by for s in starts}
    work = list(by)
    while work:
        key = work.pop()
        for f in unit.funcs.values():
            for c in f.calls:
                if c.key == key and f.key != key:
                    starts.append(Start(None, f.key, c.node, c.position, False, c.loops[-1] if c.loops else None))
                    if f.key not in by:
                        by.add(f.key)
                        work.append(f.key)


def before(a, f, starts):
    """Whether an access, or a call, comes before a function starts its first thread."""
    mine = [s for s in starts if s.by == f.key and a.position < left_behind(f.node, s.position)]
    if not mine or a.position >= min(s.position for s in mine):
        return False
    return not any(s.loop is not None and s.loop in a.loops for s in mine)


def left_behind(function, position):
    """The end of the block around a position, if the function is left there, so that nothing below comes after it."""
    end = (float("inf"), 0)
    for n in ast.walk(function):
        for body in (getattr(n, part, None) for part in ("body", "orelse", "finalbody")):
            if n is not function and isinstance(body, list) and body and leaves(body):
                last = (body[-1].end_lineno, body[-1].end_col_offset)
                if (body[0].lineno, body[0].col_offset) <= position <= last:
                    end = min(end, last)
    return end


def propagate_guards(unit, entries):
    """A private function that is only called under a lock is under it."""
    changed = True
    while changed:
        changed = False
        for key, f in unit.funcs.items():
            if f.guarded or key in entries or not f.private:
                continue
            callers = [(g, c.guarded) for g in unit.funcs.values() for c in g.calls if c.key == key]
            if callers and all(guarded or g.guarded or g.initial for g, guarded in callers):
                f.guarded = changed = True
    for f in unit.funcs.values():
        if f.guarded:
            for a in f.accesses:
                a.guarded = True


def reach(unit, keys, skipped=lambda f, c: False):
    seen, work = set(), list(keys)
    while work:
        key = work.pop()
        if key in seen or key not in unit.funcs:
            continue
        seen.add(key)
        work += [c.key for c in unit.funcs[key].calls if not skipped(unit.funcs[key], c)]
    return seen


def mains(unit, entries, in_thread):
    """The functions that others than the threads call: public ones, and if a thread calls one, too, or it is given
    away as a callback, only if it is seen to be called from outside. Private ones are called by these."""
    if unit.kind == "function":
        return {f.key for f in unit.funcs.values() if f.key not in in_thread}
    given = {c.key for f in unit.funcs.values() for c in f.calls if not c.called or unit.kind == "module" and f.key != "<body>"}
    return {f.key for f in unit.funcs.values()
            if f.key not in entries and not f.initial and not f.private and (
                f.key not in in_thread and f.key not in given or called_from_outside(unit, f))}


def is_test(unit):
    """Whether a class is one of tests, which run one after another."""
    return unit.kind == "class" and (unit.node.name.startswith("Test") or unit.node.name.endswith(("Test", "Tests", "TestCase")) or any(
        getattr(b, "attr", getattr(b, "id", "")).endswith("TestCase") for b in unit.node.bases))


def called_from_outside(unit, f):
    if unit.kind == "module" and "." not in f.key:
        return any(c.key == f.key for c in unit.funcs["<body>"].calls) or f.key in unit.file.project.outside[1]
    return f.key.rpartition(".")[2] in unit.file.project.outside[0]


def outside_calls(files):
    """The names of methods that are called on something else than self, and of functions that other modules use."""
    methods, functions = set(), set()
    for file in files:
        for n in ast.walk(file.tree):
            if isinstance(n, ast.ImportFrom):
                functions.update(a.name for a in n.names)
            if not (isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)):
                continue
            on = n.func.value
            if isinstance(on, ast.Name) and on.id in file.imports:
                functions.add(n.func.attr)
            elif not (isinstance(on, ast.Name) and on.id in ("self", "cls") or isinstance(on, ast.Call)
                      and getattr(on.func, "id", "") == "super"):
                methods.add(n.func.attr)
    return methods, functions


class Variable:
    """One variable, and who does what to it."""

    def __init__(self, unit, name, accesses, in_thread, in_many, in_main, deque):
        self.unit, self.name, self.deque = unit, name, deque
        self.in_thread, self.in_many, self.in_main = in_thread, in_many, in_main
        self.accesses = accesses

    def others(self, a, changing):
        """The functions that, beside an access, use the variable at the same time."""
        found = []
        for b in self.accesses:
            if changing and b.kind not in ("update", "mutate", "write"):
                continue
            if a.func in self.in_thread and (b.func in self.in_main or b.func in self.in_many and a.func in self.in_many) or \
                    a.func in self.in_main and b.func in self.in_thread:
                found.append(b)
        return found

    def warn(self, a, kind, others):
        """Tells of an access, and of another function that uses the variable, if there is one."""
        for b in others:
            if b.func != a.func:
                return Warning(self.unit.file, a.node, kind, self.name, self.unit.funcs[b.func].shown, False)
        return Warning(self.unit.file, a.node, kind, self.name, self.unit.funcs[a.func].shown, True)

    def warnings(self):
        found = []
        for a in self.accesses:
            if a.guarded and a.pattern != "double check":
                continue
            if a.pattern in ("check then act", "lazy init", "double check"):
                others = self.others(a, True)
                if others:
                    found.append(self.warn(a, a.pattern, others))
            elif a.pattern in ("iteration", "except as the lock"):
                others = [b for b in self.others(a, True) if b.kind == "mutate"]
                if others:
                    found.append(self.warn(a, a.pattern, others))
            elif a.kind == "update":
                others = self.others(a, True)
                if others:
                    found.append(self.warn(a, "lost update", others))
        if found:
            return found
        for a in self.accesses:
            if a.kind not in ("write", "mutate", "update") or a.guarded:
                continue
            others = [b for b in self.others(a, False) if b.node is not a.node or a.func in self.in_many]
            if not others or a.kind == "mutate" and self.deque:
                continue
            kind = "shared container" if a.kind == "mutate" else "shared flag" if a.flag else "shared value"
            return [self.warn(a, kind, others)]
        # Written under a lock, and read without one.
        for a in self.accesses:
            if a.kind == "read" and not a.guarded and not a.pattern:
                others = [b for b in self.others(a, True) if b.kind in ("update", "write")]
                if others:
                    return [self.warn(a, "shared value", others)]
        return []
