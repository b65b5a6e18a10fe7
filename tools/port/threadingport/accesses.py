"""What a function does to variables that others see, and under which locks."""

import ast
import re

LOCK = re.compile(r"(?i)(lock|mutex|(^|_)cond(ition)?\d*$|(^|_)cv$|(^|_)sem(aphore)?\d*$|(^|_)guard$|monitor|not_empty|not_full)")
LOCKS = {"threading.Lock", "threading.RLock", "threading.Condition", "threading.Semaphore", "threading.BoundedSemaphore"}
OF_LOCKING = re.compile(r"(?i)lock|synchron|mutex|exclusive|serialized")
MUTATORS = {
    "append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "add", "discard", "setdefault", "sort",
    "reverse", "appendleft", "popleft", "extendleft", "rotate", "difference_update", "intersection_update",
    "symmetric_difference_update", "subtract",
}
ITERATING = {"list", "tuple", "set", "sorted", "sum", "min", "max", "any", "all", "dict", "frozenset", "enumerate", "map", "filter"}
VIEWS = {"items", "keys", "values", "copy"}
CONTAINERS = {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "WeakValueDictionary", "WeakSet"}
WAITS = re.compile(r"^(join|result|shutdown|as_completed|gather|joinall|terminate)$|wait|poll|_join|_result")
LOOKUP_ERRORS = {"KeyError", "IndexError", "LookupError"}


class Func:
    """A function of a unit."""

    def __init__(self, key, shown, node, nested, inside):
        self.key, self.shown, self.node, self.nested, self.inside = key, shown, node, nested, inside
        self.accesses, self.calls = [], []
        name = key.rpartition(".")[2]
        self.private = name.startswith("_") and not name.startswith("__") or nested is not None
        self.initial = name in ("__init__", "__new__", "__post_init__", "setUp", "<body>")
        self.guarded = name.endswith("_locked") or speaks_of_a_lock(node) or \
            any(OF_LOCKING.search(ast.dump(d)) for d in getattr(node, "decorator_list", []))


def speaks_of_a_lock(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        doc = ast.get_docstring(node) or ""
        return bool(re.search(r"(?i)\block\b", doc) and re.search(r"(?i)\b(held|hold|holds|holding|caller|under)\b", doc))
    return False


class Call:
    """A call of a function of the unit, or a place where it is given away."""

    def __init__(self, key, node, guarded, loops, called):
        self.key, self.node, self.guarded, self.loops, self.called = key, node, guarded, loops, called
        self.position = (node.lineno, node.col_offset)


class Access:
    def __init__(self, name, kind, node, func, guarded, waited, loops, pattern=None, flag=False):
        self.name, self.kind, self.node, self.func, self.guarded = name, kind, node, func, guarded
        self.waited, self.loops, self.pattern, self.flag = waited, loops, pattern, flag
        self.position = (node.lineno, node.col_offset)


def functions_of(unit):
    """Fills unit.funcs: methods, functions, and those inside them."""
    def add(node, key, shown, nested):
        unit.funcs[key] = Func(key, shown, node, nested, {})
        collect(node, key, shown)

    def collect(node, key, shown):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                inner = key + "." + child.name
                unit.funcs[key].inside[child.name] = inner
                add(child, inner, child.name + "()", key)
            elif isinstance(child, ast.Lambda):
                inner = "%s.<lambda %d:%d>" % (key, child.lineno, child.col_offset)
                unit.funcs[key].inside[child] = inner
                add(child, inner, "a lambda", key)
            elif not isinstance(child, (ast.ClassDef, ast.AsyncFunctionDef)):
                collect(child, key, shown)

    unit.classes, unit.started = {}, set()
    if unit.kind == "class":
        for n in unit.node.body:
            if isinstance(n, ast.FunctionDef):
                add(n, n.name, n.name + "()", None)
    elif unit.kind == "module":
        body = ast.Module(body=[n for n in unit.node.body if not isinstance(n, (ast.FunctionDef, ast.ClassDef))], type_ignores=[])
        add(body, "<body>", "the module", None)
        unit.funcs["<body>"].initial = False
        for n in unit.node.body:
            if isinstance(n, ast.FunctionDef):
                add(n, n.name, n.name + "()", None)
            elif isinstance(n, ast.ClassDef):
                unit.classes[n.name] = n
                for m in n.body:
                    if isinstance(m, ast.FunctionDef):
                        add(m, n.name + "." + m.name, n.name + "." + m.name + "()", None)
                        unit.funcs[n.name + "." + m.name].initial = False
    else:
        add(unit.node, unit.node.name, unit.node.name + "()", None)
        unit.funcs[unit.node.name].initial = False


def refers(unit, func, node):
    """The key of the function that an expression names."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        if unit.kind == "class":
            return node.attr if node.attr in unit.funcs else None
        above = func.key.partition(".")[0]
        key = above + "." + node.attr
        return key if above in unit.classes and key in unit.funcs else None
    if isinstance(node, ast.Lambda) or isinstance(node, ast.Name):
        f = func
        while f is not None:
            key = f.inside.get(node if isinstance(node, ast.Lambda) else node.id)
            if key:
                return key
            f = unit.funcs.get(f.nested)
        if isinstance(node, ast.Name) and unit.kind == "module" and node.id in unit.funcs:
            return node.id
    if isinstance(node, ast.Call) and node.args:  # functools.partial(f, …)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called == "partial":
            return refers(unit, func, node.args[0])
    return None


def containers_of(unit):
    """The variables that hold a list, a dict, a set."""
    found = set()
    for n in ast.walk(unit.node):
        if isinstance(n, (ast.Assign, ast.AnnAssign)):
            value = n.value
            kind = isinstance(value, (ast.Dict, ast.List, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)) or \
                isinstance(value, ast.Call) and getattr(value.func, "attr", getattr(value.func, "id", "")) in CONTAINERS or \
                isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult) and isinstance(value.left, ast.List)
            if isinstance(n, ast.AnnAssign) and re.search(r"(?i)\b(dict|list|set|defaultdict|deque)\b", ast.dump(n.annotation)):
                kind = True
            for t in n.targets if isinstance(n, ast.Assign) else [n.target]:
                if kind:
                    found.add(name_of(t))
    return found


def name_of(node):
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def scan_function(unit, func):
    if not hasattr(unit, "containers"):
        unit.containers = containers_of(unit)
    Scanner(unit, func).run()


class Scanner:
    """Goes through one function in the order of the source."""

    def __init__(self, unit, func):
        self.unit, self.func = unit, func
        self.guards = 0
        self.acquired = set()
        self.waited = False
        self.loops = []
        self.local = set()
        node = func.node
        if unit.kind != "class" and not isinstance(node, ast.Module) and not (unit.kind == "function" and func.nested is None):
            outside = set()
            for n in self.own(node):
                if isinstance(n, (ast.Global, ast.Nonlocal)):
                    outside.update(n.names)
            for n in self.own(node):
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id not in outside:
                    self.local.add(n.id)
            a = node.args
            for arg in list(getattr(a, "posonlyargs", [])) + a.args + a.kwonlyargs + [x for x in (a.vararg, a.kwarg) if x]:
                self.local.add(arg.arg)

    def own(self, node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                continue
            yield child
            yield from self.own(child)

    def run(self):
        node = self.func.node
        if isinstance(node, ast.Lambda):
            self.expr(node.body)
        else:
            self.block(node.body)

    # What is what.

    def variable(self, node):
        """The shared variable that an expression is."""
        if self.unit.kind == "class":
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                return node.attr if node.attr not in self.unit.funcs else None
            return None
        if isinstance(node, ast.Name) and node.id in self.unit.variables and node.id not in self.local:
            return node.id
        return None

    def content(self, node):
        """The variable whose content an expression is: d[k], d.items(), d."""
        if isinstance(node, ast.Subscript):
            return self.content(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VIEWS:
            return self.content(node.func.value)
        return self.variable(node)

    def is_lock(self, node):
        if isinstance(node, ast.Call):
            node = node.func
        if isinstance(node, ast.Subscript):
            return self.is_lock(node.value)
        last = getattr(node, "attr", getattr(node, "id", ""))
        if LOCK.search(last):
            return True
        name = name_of(node)
        return bool(name) and self.unit.types(name) in LOCKS

    @property
    def guarded(self):
        return bool(self.guards or self.acquired)

    def add(self, name, kind, node, pattern=None, flag=False, guarded=None):
        self.func.accesses.append(Access(name, kind, node, self.func.key, self.guarded if guarded is None else guarded,
                                         self.waited, tuple(self.loops), pattern, flag))

    # Statements.

    def block(self, body):
        for i, s in enumerate(body):
            self.statement(s, body[i + 1:])

    def statement(self, s, rest):
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return
        if isinstance(s, (ast.With, ast.AsyncWith)):
            self.with_block(s)
        elif isinstance(s, (ast.If, ast.While)):
            self.condition(s, rest)
        elif isinstance(s, (ast.For, ast.AsyncFor)):
            self.iterate(s.iter, s)
            self.target(s.target, s)
            self.loops.append(s)
            self.block(s.body)
            self.loops.pop()
            self.block(s.orelse)
        elif isinstance(s, ast.Try) or type(s).__name__ == "TryStar":
            self.attempt(s)
        elif isinstance(s, ast.Assign):
            self.assign(s)
        elif isinstance(s, ast.AnnAssign):
            if s.value is not None:
                self.expr(s.value)
                self.target(s.target, s, s.value)
        elif isinstance(s, ast.AugAssign):
            self.expr(s.value)
            name = self.content(s.target)
            if name:
                if isinstance(s.target, ast.Subscript):
                    self.expr(s.target.slice)
                self.add(name, "update", s)
                if isinstance(s.target, ast.Subscript):
                    self.add(name, "mutate", s)
            else:
                self.expr(s.target)
        elif isinstance(s, ast.Delete):
            for t in s.targets:
                name = self.content(t)
                if name and isinstance(t, ast.Subscript) and name in self.unit.containers:
                    self.expr(t.slice)
                    self.add(name, "mutate", s)
                else:
                    self.expr(t)
        elif type(s).__name__ == "Match":
            self.expr(s.subject)
            for c in s.cases:
                self.block(c.body)
        else:
            for child in ast.iter_child_nodes(s):
                self.expr(child)

    def assign(self, s):
        for t in s.targets:
            name = self.variable(t)
            if name and any(self.variable(n) == name for n in ast.walk(s.value) if isinstance(n, (ast.Name, ast.Attribute))) \
                    and isinstance(s.value, ast.BinOp):
                self.add(name, "update", s)
                return
            if isinstance(t, ast.Subscript) and isinstance(s.value, ast.BinOp) and self.content(t) in self.unit.containers and \
                    any(isinstance(n, ast.Subscript) and ast.dump(n.value) == ast.dump(t.value) for n in ast.walk(s.value)):
                self.add(self.content(t), "update", s)
                self.add(self.content(t), "mutate", s)
                return
        self.expr(s.value)
        for t in s.targets:
            self.target(t, s, s.value)

    def target(self, t, s, value=None):
        if isinstance(t, (ast.Tuple, ast.List)):
            for e in t.elts:
                self.target(e, s)
            return
        if isinstance(t, ast.Starred):
            self.target(t.value, s)
            return
        name = self.variable(t)
        if name:
            flag = isinstance(value, ast.Constant) and isinstance(value.value, bool)
            self.add(name, "write", s, flag=flag)
        elif isinstance(t, ast.Subscript):
            self.expr(t.slice)
            name = self.content(t)
            if name and name in self.unit.containers:
                self.add(name, "mutate", s)
            else:
                self.expr(t.value)
        else:
            self.expr(t)

    def with_block(self, s):
        locks = 0
        pool = False
        for item in s.items:
            e = item.context_expr
            self.expr(e)
            if self.is_lock(e):
                locks += 1
            if isinstance(e, ast.Call):
                pool = pool or re.search(r"Pool", getattr(e.func, "attr", getattr(e.func, "id", "")) or "") is not None
            if item.optional_vars is not None:
                self.target(item.optional_vars, s)
        self.guards += locks
        self.block(s.body)
        self.guards -= locks
        if pool:
            self.waited = True  # its end waits for the tasks

    def condition(self, s, rest):
        looked = self.looks_at(s.test)
        self.expr(s.test)
        acts = {}
        if not self.guarded:
            body = s.body
            if isinstance(s, ast.If) and leaves(s.body):
                body = s.body + s.orelse + rest
            for name in looked:
                act = self.act(name, body)
                if act:
                    acts[name] = act
        for name, (under, makes) in acts.items():
            if under:
                pattern = "double check" if self.rechecks(name, s.body) else None
            elif makes and looked[name] == "none":
                pattern = "lazy init"
            else:
                pattern = "check then act"
            if pattern:
                self.add(name, "read", s, pattern)
        if isinstance(s, ast.While):
            self.loops.append(s)
        self.block(s.body)
        if isinstance(s, ast.While):
            self.loops.pop()
        self.block(s.orelse)

    def looks_at(self, test):
        """The variables that a condition looks at, and those that it asks for being None or empty."""
        found = {}
        for n in ast.walk(test):
            name = self.variable(n)
            if name:
                found.setdefault(name, "value")
        for n in ast.walk(test):
            if isinstance(n, ast.Compare) and isinstance(n.ops[0], (ast.Is, ast.Eq)) and \
                    isinstance(n.comparators[0], ast.Constant) and n.comparators[0].value is None:
                name = self.content(n.left)
                if name:
                    found[name] = "none"
            if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not) and self.variable(n.operand):
                found[self.variable(n.operand)] = "none"
            if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "hasattr" and len(n.args) == 2:
                if isinstance(n.args[0], ast.Name) and n.args[0].id == "self" and isinstance(n.args[1], ast.Constant):
                    found[n.args[1].value] = "none"
        return found

    def act(self, name, body):
        """Whether statements change the variable that was looked at: (under a lock of their own, make it anew)."""
        for s in body:
            for n, under in self.with_locks(s, 0):
                if isinstance(n, ast.Assign):
                    for t in n.targets:
                        if self.variable(t) == name:
                            made = not isinstance(n.value, (ast.Constant, ast.Name)) or \
                                isinstance(n.value, ast.Constant) and n.value.value not in (None, True, False)
                            return bool(under), made and not isinstance(n.value, (ast.Dict, ast.List, ast.BinOp)) or \
                                made and not isinstance(n.value, ast.BinOp)
                        if isinstance(t, ast.Subscript) and self.content(t) == name and name in self.unit.containers:
                            return bool(under), False
                elif isinstance(n, ast.AugAssign) and self.content(n.target) == name:
                    return bool(under), False
                elif isinstance(n, ast.Delete) and any(self.content(t) == name for t in n.targets):
                    return bool(under), False
                elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in MUTATORS and \
                        self.content(n.func.value) == name and name in self.unit.containers:
                    return bool(under), False
                elif isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Load) and self.content(n) == name and \
                        name in self.unit.containers and not under:
                    return False, False
        return None

    def with_locks(self, node, under):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            return
        yield node, under
        inside = under + (isinstance(node, ast.With) and any(self.is_lock(i.context_expr) for i in node.items))
        for child in ast.iter_child_nodes(node):
            yield from self.with_locks(child, inside)

    def rechecks(self, name, body):
        for s in body:
            for n, under in self.with_locks(s, 0):
                if under and isinstance(n, ast.If) and name in self.looks_at(n.test):
                    return True
        return False

    def attempt(self, s):
        caught = set()
        for h in s.handlers:
            for n in ast.walk(h.type) if h.type is not None else ():
                if isinstance(n, ast.Name):
                    caught.add(n.id)
        if caught & LOOKUP_ERRORS and not self.guarded:
            for part in s.body:
                for n, under in self.with_locks(part, 0):
                    name = None
                    if isinstance(n, ast.Subscript):
                        name = self.content(n)
                    elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in ("pop", "popleft", "popitem"):
                        name = self.content(n.func.value)
                    if name and not under and name in self.unit.containers:
                        self.add(name, "read", n, "except as the lock")
        held = set(self.acquired)
        self.block(s.body)
        for h in s.handlers:
            now = set(self.acquired)
            self.acquired |= held
            self.block(h.body)
            self.acquired = now
        self.block(s.orelse)
        self.block(s.finalbody)

    # Expressions.

    def iterate(self, e, s):
        name = self.content(e) if not isinstance(e, ast.Subscript) else None
        if name and name in self.unit.containers:
            copied = isinstance(e, ast.Call) and getattr(e.func, "attr", "") == "copy"
            self.add(name, "read", s, None if copied else "iteration")
        else:
            self.expr(e)

    def expr(self, e):
        if e is None or isinstance(e, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            return
        if isinstance(e, ast.Call):
            self.call(e)
            return
        if isinstance(e, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            for g in e.generators:
                self.iterate(g.iter, g.iter)
                for i in g.ifs:
                    self.expr(i)
            for part in ("elt", "key", "value"):
                self.expr(getattr(e, part, None))
            return
        name = self.variable(e)
        if name and isinstance(getattr(e, "ctx", None), ast.Load):
            self.add(name, "read", e)
            return
        if isinstance(e, (ast.Attribute, ast.Name)) and id(e) not in self.unit.started:
            key = refers(self.unit, self.func, e)
            if key:  # whoever gets it calls it, here as far as can be known
                self.func.calls.append(Call(key, e, False, tuple(self.loops), False))
        for child in ast.iter_child_nodes(e):
            self.expr(child)

    def call(self, e):
        f = e.func
        key = refers(self.unit, self.func, f)
        if key:
            self.func.calls.append(Call(key, e, self.guarded, tuple(self.loops), True))
        done = False
        if isinstance(f, ast.Attribute):
            if f.attr == "acquire" and self.is_lock(f.value):
                self.acquired.add(ast.dump(f.value))
            elif f.attr == "release":
                self.acquired.discard(ast.dump(f.value))
            name = self.content(f.value)
            if name and f.attr in MUTATORS and name in self.unit.containers:
                self.add(name, "mutate", e)
                done = True
            if isinstance(f.value, ast.Subscript):
                self.expr(f.value.slice)
        elif isinstance(f, ast.Name) and f.id in ITERATING and e.args:
            for a in e.args:
                if self.content(a) and not isinstance(a, ast.Subscript):
                    self.iterate(a, e)
                else:
                    self.expr(a)
            for k in e.keywords:
                self.expr(k.value)
            return
        if not done and not key:
            self.expr(f)
        for a in e.args:
            self.expr(a.value if isinstance(a, ast.Starred) else a)
        for k in e.keywords:
            self.expr(k.value)
        called = getattr(f, "attr", getattr(f, "id", ""))
        if WAITS.search(called) and not (called == "join" and isinstance(f, ast.Attribute) and (
                isinstance(f.value, ast.Constant) or e.args and not isinstance(e.args[0], ast.Constant))):
            self.waited = True


def leaves(body):
    return bool(body) and isinstance(body[-1], (ast.Return, ast.Continue, ast.Break, ast.Raise))
