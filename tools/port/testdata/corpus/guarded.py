"""What looks like a race and is none: nothing may be found here."""

import functools
import multiprocessing
import queue
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from threading import Thread


class WithLock:
    def __init__(self):
        self.lock = threading.Lock()
        self.n = 0
        for _ in range(3):
            Thread(target=self.run).start()

    def run(self):
        with self.lock:
            self.n += 1

    def value(self):
        with self.lock:
            return self.n


class Acquires:
    def __init__(self):
        self.guard = threading.Lock()
        self.items = {}
        Thread(target=self.run).start()

    def run(self):
        self.guard.acquire()
        try:
            if "a" not in self.items:
                self.items["a"] = 1
        finally:
            self.guard.release()

    def get(self, k):
        self.guard.acquire()
        v = self.items.pop(k, None)
        self.guard.release()
        return v


def synchronized(f):
    @functools.wraps(f)
    def wrapper(self, *args):
        with self.lock:
            return f(self, *args)
    return wrapper


class Decorated(Thread):
    def __init__(self):
        super().__init__()
        self.lock = threading.RLock()
        self.n = 0

    @synchronized
    def run(self):
        self.n += 1

    @synchronized
    def add(self):
        self.n += 1


class PrivateHelper:
    def __init__(self):
        self.mutex = threading.Lock()
        self.seen = []
        Thread(target=self.run).start()

    def run(self):
        with self.mutex:
            self._note(1)

    def note(self, x):
        with self.mutex:
            self._note(x)

    def _note(self, x):
        if x not in self.seen:
            self.seen.append(x)


class ByName:
    def __init__(self):
        self.lock = threading.Lock()
        self.table = {}
        Thread(target=self.run).start()

    def run(self):
        with self.lock:
            self.put_locked("a")

    def put_locked(self, k):
        self.table[k] = 1

    def size_locked(self):
        """The caller holds the lock."""
        return len(self.table)


class InACondition:
    def __init__(self):
        self.cond = threading.Condition()
        self.items = []
        Thread(target=self.take).start()

    def take(self):
        with self.cond:
            while not self.items:
                self.cond.wait()
            return self.items.pop()

    def put(self, x):
        with self.cond:
            self.items.append(x)
            self.cond.notify()


class ThroughAQueue:
    def __init__(self):
        self.queue = queue.Queue()
        self.stop = threading.Event()
        Thread(target=self.run).start()

    def run(self):
        while not self.stop.is_set():
            self.queue.put(1)

    def close(self):
        self.stop.set()
        if not self.queue.empty():
            self.queue.get()


class BeforeStart:
    def begin(self):
        self.running = True
        self.jobs = [1, 2]
        self.jobs.append(3)
        t = Thread(target=self.run)
        t.start()

    def run(self):
        for j in self.jobs:
            print(j, self.running)


class AfterJoin:
    def __init__(self):
        self.result = None
        self.lines = []

    def call(self):
        t = Thread(target=self.run)
        t.start()
        t.join()
        for line in self.lines:
            print(line)
        return self.result

    def run(self):
        self.result = 1
        self.lines.append("x")


class AfterResult:
    def __init__(self):
        self.found = []

    def call(self):
        with ThreadPoolExecutor(1) as ex:
            ex.submit(self.one)
        return [f for f in self.found]

    def one(self):
        self.found.append(1)


class OnlyTheThread(Thread):
    def __init__(self):
        super().__init__()
        self.count = 0
        self.cache = {}

    def run(self):
        while True:
            self.count += 1
            self._remember()

    def _remember(self):
        if self.count not in self.cache:
            self.cache[self.count] = 1
        for k in self.cache:
            print(k)

    def helper(self):
        return 1


class NoThread:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1

    def get(self):
        if not self.n:
            self.n = 1
        return self.n


class Processes:
    def __init__(self):
        self.n = 0
        self.pool = multiprocessing.Pool(4)
        multiprocessing.Process(target=self.work).start()

    def work(self, x=0):
        self.n += x

    def all(self):
        self.pool.map(self.work, range(10))
        with ProcessPoolExecutor() as ex:
            for i in range(3):
                ex.submit(self.work, i)
        return self.n


class ReadOnly:
    def __init__(self, names):
        self.names = list(names)
        for _ in range(2):
            Thread(target=self.run).start()

    def run(self):
        for n in self.names:
            if n in self.names:
                print(n)

    def first(self):
        return self.names[0]


class ThreadLocal:
    def __init__(self):
        self.local = threading.local()
        for _ in range(2):
            Thread(target=self.run).start()

    def run(self):
        self.local.n = 0
        self.local.n += 1


class AnAppendedDeque:
    def __init__(self):
        self.recent = deque()
        Thread(target=self.run).start()

    def run(self):
        self.recent.append(1)

    def add(self):
        self.recent.append(2)


class Locals(Thread):
    def run(self):
        n = 0
        items = {}
        for i in range(10):
            n += 1
            if i not in items:
                items[i] = n
        return n


class Managed:
    def __init__(self):
        self._lock = threading.Lock()
        self.n = 0
        Thread(target=self.run).start()

    @contextmanager
    def locked(self):
        with self._lock:
            yield

    def run(self):
        with self.locked():
            self.n += 1

    def add(self):
        with self.locked():
            self.n += 1


class OneOfMany:
    locks = [threading.Lock() for _ in range(4)]

    def __init__(self):
        self.tables = {}
        Thread(target=self.run).start()

    def run(self):
        with self.locks[0]:
            self.tables["a"] = 1

    def get(self):
        with self.locks[0]:
            return self.tables.get("a")


class OtherObject:
    def __init__(self):
        self.db = connect()
        Thread(target=self.run).start()

    def run(self):
        self.db.update("x")

    def stop(self):
        self.db.clear()
        self.db.append(1)


class TestAlone:
    def test_one(self):
        self.n = 0
        t = Thread(target=self.work)
        t.start()
        t.join()

    def test_two(self):
        self.n = 5

    def work(self):
        print(self.n)


class Callbacks(Thread):
    def __init__(self):
        super().__init__()
        self.clicks = 0

    def run(self):
        loop = connect()
        loop.on_click(self.click)
        self.clicks = 0
        loop.main()

    def click(self):
        self.clicks += 1


total = 0
total_lock = threading.Lock()
LIMIT = 10
names = []


def work():
    global total
    with total_lock:
        total += 1
    if total_lock and LIMIT > 5:
        print(LIMIT)


def start():
    threads = [Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(total)


def alone():
    names.append("x")
    for n in names:
        print(n)


def own_results(jobs):
    results = []
    with ThreadPoolExecutor() as ex:
        fs = [ex.submit(one_job, j) for j in jobs]
        for f in as_completed(fs):
            results.append(f.result())
    return results


def one_job(j):
    n = 0
    n += j
    return n


def closure():
    lock = threading.Lock()
    n = 0

    def add():
        nonlocal n
        with lock:
            n += 1

    threads = [Thread(target=add) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return n


def shadowed():
    n = 0

    def add():
        n = 5
        n += 1
        return n

    for _ in range(2):
        Thread(target=add).start()
    return n


def finishes_first():
    done = {}

    def fill():
        done["a"] = 1

    t = Thread(target=fill)
    t.start()
    t.join()
    if "a" in done:
        del done["a"]


async def in_one_loop():
    n = 0
    n += 1
    return n


def connect():
    return object()


verbose = False


def parse():
    global verbose
    verbose = True


def handle():
    if verbose:
        print("handled")


def main():
    parse()
    serve_all()


def serve_all():
    while True:
        Thread(target=handle).start()


class Configured(Thread):
    def open(self, name):
        self._prepare(name)
        self.label = name
        self.start()

    def _prepare(self, name):
        self.name_shown = name

    def run(self):
        print(self.label, self.name_shown)


class Table(Thread):
    def __init__(self):
        super().__init__()
        self.state = None
        self._handlers = {"x": self._on_x, "y": self.on_y}

    def run(self):
        while self.state is None:
            self._handlers["x"](1)

    def _on_x(self, x):
        self.state = x

    def on_y(self, y):
        self.state = y


class EitherWay(Thread):
    def begin(self, event=None):
        if event is not None:
            self.event = event
            self.start()
            return
        self.event = threading.Event()
        self.start()

    def run(self):
        self.event.set()
