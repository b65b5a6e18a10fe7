"""Data races in Go that the global lock hides. Each comment says what is found in its line."""

import functools
import queue
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.dummy import Pool
from threading import Thread, Timer


class Counter:
    def __init__(self):
        self.n = 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while True:
            self.n += 1  # race: lost update

    def reset(self):
        self.n = 0


class Spelled(Thread):
    total = 0

    def run(self):
        self.total = self.total + 1  # race: lost update

    def add(self, k):
        self.total += k  # race: lost update


class ByKey:
    def __init__(self):
        self.hits = defaultdict(int)
        for _ in range(4):
            Thread(target=self.work).start()

    def work(self):
        while True:
            self.hits["a"] += 1  # race: lost update


class Submitted:
    def __init__(self):
        self.pool = ThreadPoolExecutor(4)
        self.done = 0

    def all(self, items):
        for i in items:
            self.pool.submit(self.one, i)

    def one(self, i):
        self.done += i  # race: lost update


class OtherLock:
    def __init__(self):
        self.lock = threading.Lock()
        self.n = 0
        Thread(target=self.loop, daemon=True).start()

    def loop(self):
        with self.lock:
            self.n += 1

    def add(self):
        self.n += 1  # race: lost update


class Released:
    def __init__(self):
        self.lock = threading.Lock()
        self.n = 0
        Thread(target=self.loop).start()

    def loop(self):
        self.lock.acquire()
        self.n += 1
        self.lock.release()
        self.n += 1  # race: shared value

    def look(self):
        self.lock.acquire()
        n = self.n
        self.lock.release()
        return n


class Helper(Thread):
    def __init__(self):
        super().__init__()
        self.seen = 0

    def run(self):
        self._note()

    def _note(self):
        self.seen += 1  # race: lost update

    def poke(self):
        self._note()


class Cache:
    def __init__(self):
        self.items = {}
        Thread(target=self._fill).start()

    def _fill(self):
        self.items["a"] = 1

    def get(self, k):
        if k not in self.items:  # race: check then act
            self.items[k] = k * 2
        return self.items[k]


class Stack:
    def __init__(self):
        self.jobs = []
        for _ in range(2):
            Thread(target=self.work).start()

    def work(self):
        while self.jobs:  # race: check then act
            self.jobs.pop()

    def add(self, j):
        self.jobs.append(j)


class EarlyReturn:
    def __init__(self):
        self.known = set()
        Timer(1, self.tick).start()

    def tick(self):
        self.known.clear()

    def note(self, x):
        if x in self.known:  # race: check then act
            return
        self.known.add(x)


class Balance(Thread):
    def __init__(self):
        Thread.__init__(self)
        self.amount = 100

    def run(self):
        self.take(10)

    def take(self, n):
        if self.amount >= n:  # race: check then act
            self.amount -= n  # race: lost update


class Once:
    def __init__(self):
        self.begun = False
        self.pool = ThreadPoolExecutor()

    def start(self):
        self.pool.submit(self.begin)

    def begin(self):
        if not self.begun:  # race: check then act
            self.begun = True

    def again(self):
        self.begun = False


class Lazy:
    def __init__(self):
        self.conn = None
        for _ in range(3):
            Thread(target=self.use).start()

    def use(self):
        if self.conn is None:  # race: lazy init
            self.conn = object()
        return self.conn


class LazyEmpty:
    def __init__(self):
        self._index = None
        Thread(target=self.warm).start()

    def warm(self):
        self.index()

    def index(self):
        if not self._index:  # race: lazy init
            self._index = build()
        return self._index


class LazyAttribute:
    def __init__(self):
        Thread(target=self.value).start()
        Thread(target=self.value).start()

    def start(self):
        for _ in range(2):
            Thread(target=self.value).start()

    def value(self):
        if not hasattr(self, "made"):  # race: lazy init
            self.made = build()
        return self.made


class DoubleCheck:
    def __init__(self):
        self.lock = threading.Lock()
        self.conn = None
        for _ in range(2):
            Thread(target=self.use).start()

    def use(self):
        if self.conn is None:  # race: double check
            with self.lock:
                if self.conn is None:
                    self.conn = build()
        return self.conn


class Loop:
    def __init__(self):
        self.clients = []
        Thread(target=self.accept).start()

    def accept(self):
        self.clients.append(1)

    def send(self):
        for c in self.clients:  # race: iteration
            print(c)


class Keys(Thread):
    def __init__(self):
        super().__init__()
        self.timers = {}

    def run(self):
        for id in self.timers.keys():  # race: iteration
            print(id)

    def stop_one(self, id):
        del self.timers[id]


class Comprehension:
    def __init__(self):
        self.jobs = {}
        Thread(target=self.work).start()

    def work(self):
        self.jobs.pop("a", None)

    def names(self):
        return [j for j in self.jobs.values()]  # race: iteration


class Copies:
    def __init__(self):
        self.recent = deque(maxlen=10)
        Thread(target=self.work).start()

    def work(self):
        self.recent.append(time.time())

    def mean(self):
        return sum(self.recent)  # race: iteration


class Snapshot:
    def __init__(self):
        self.log = []
        Thread(target=self.work).start()

    def work(self):
        self.log.append("x")

    def lines(self):
        return list(self.log)  # race: iteration


class Caught:
    def __init__(self):
        self.table = {}
        Thread(target=self.flush).start()

    def flush(self):
        self.table.clear()

    def load(self, k):
        try:
            return self.table.pop(k)  # race: except as the lock
        except KeyError:
            return None


class Flag:
    def __init__(self):
        self.running = True
        Thread(target=self.loop).start()

    def loop(self):
        while self.running:
            time.sleep(1)

    def stop(self):
        self.running = False  # race: shared flag


class Progress(Thread):
    def __init__(self):
        super().__init__()
        self.percent = 0

    def run(self):
        self.percent = work_some()  # race: shared value

    def shown(self):
        return "%d %%" % self.percent


class Gathers:
    def __init__(self):
        self.errors = []
        Thread(target=self.work).start()

    def work(self):
        self.errors.append("late")  # race: shared container

    def failed(self):
        return len(self.errors) > 0


counter = 0
results = {}


def count():
    global counter
    counter += 1  # race: lost update


def fill(k):
    if k not in results:  # race: check then act
        results[k] = k


def start():
    threads = [Thread(target=count) for _ in range(4)]
    for t in threads:
        t.start()
    with Pool(4) as p:
        p.map(fill, range(100))


def closure(n):
    total = 0
    lock = threading.Lock()

    def one(x):
        nonlocal total
        total += x  # race: lost update

    def other(x):
        with lock:
            print(x)

    with ThreadPoolExecutor() as ex:
        for i in range(n):
            ex.submit(one, i)
            ex.submit(other, i)
    return total


def through_a_lambda(jobs):
    found = []
    t = Thread(target=lambda: found.append(1))  # race: shared container
    t.start()
    print(len(found))
    t.join()


class Worker(Thread):
    def run(self):
        global served
        served += 1  # race: lost update


served = 0


def serve():
    for _ in range(3):
        Worker().start()


def build():
    return object()


def work_some():
    return 1


def others(balance, lazy):
    balance.take(5)
    lazy.index()


class Pulls(Thread):
    def __init__(self, jobs):
        super().__init__()
        self.jobs = jobs
        self.last = None
        self.events = queue.Queue()

    def run(self):
        while True:
            self.last = self.jobs.get()  # race: shared value

    def shown(self):
        return self.last


class Nested:
    def __init__(self):
        self.tries = 0

    def go(self):
        def attempt():
            self.tries += 1  # race: lost update
        for _ in range(3):
            threading.Thread(target=attempt).start()


class Partial:
    def __init__(self):
        self.seen = []

    def go(self, pool):
        pool.apply_async(functools.partial(self.one, 1))
        return [s for s in self.seen]  # race: iteration

    def one(self, x):
        self.seen.append(x)
