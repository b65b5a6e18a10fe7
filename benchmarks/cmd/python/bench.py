"""Measures the operations of the Go benchmarks with CPython's threading, queue, multiprocessing and generators.

If the package greenlet is installed, it is measured too.

python3 bench.py SECONDS [NAME...]: prints, for each operation, its name, a tab, and nanoseconds an operation.
"""

import contextlib
import functools
import itertools
import math
import multiprocessing
import os
import queue
import random
import sched
import selectors
import sys
import threading
import time
from multiprocessing.pool import ThreadPool

try:
    import greenlet
except ImportError:
    greenlet = None

OPERATIONS = {}


def operation(name, batch=1):
    """The function does so many operations, a multiple of batch; it may return the seconds that count."""

    def register(function):
        OPERATIONS[name] = (function, batch)
        return function

    return register


def run_threads(functions):
    """Runs the functions in threads of their own, and returns how long that takes from when all have begun."""
    start = 0

    def look():
        # The last to arrive does; this thread may get up when all the others have long ended.
        nonlocal start
        start = time.perf_counter()

    begin = threading.Barrier(len(functions), look)

    def body(function):
        begin.wait()
        function()

    threads = [threading.Thread(target=body, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def free(make):
    def measure(n):
        lock = make()
        acquire, release = lock.acquire, lock.release
        start = time.perf_counter()
        for _ in range(n):
            acquire()
            release()
        return time.perf_counter() - start

    return measure


operation("Lock: free")(free(threading.Lock))
operation("RLock: free")(free(threading.RLock))
operation("Semaphore: free")(free(lambda: threading.Semaphore(4)))


@operation("RLock: nested")
def nested(n):
    lock = threading.RLock()
    with lock:
        for _ in range(n):
            lock.acquire()
            lock.release()


@operation("LockTimeout: free")
def lock_timeout(n):
    lock = threading.Lock()
    for _ in range(n):
        lock.acquire(timeout=3600)
        lock.release()


def contended(make, threads):
    def measure(n):
        lock = make()
        acquire, release = lock.acquire, lock.release

        def body(mine):
            for _ in range(mine):
                acquire()
                release()

        return run_threads([functools.partial(body, (n + i) // threads) for i in range(threads)])

    return measure


operation("Lock: contended by 8")(contended(threading.Lock, 8))
operation("Semaphore: 8 goroutines, 4 permits")(contended(lambda: threading.Semaphore(4), 8))


def hand_off(make):
    def measure(n):
        there, back = make(), make()
        there.acquire()
        back.acquire()

        def one():
            for _ in range(n):
                there.acquire()
                back.release()

        def other():
            for _ in range(n):
                there.release()
                back.acquire()

        return run_threads([one, other])

    return measure


operation("Lock: hand-off")(hand_off(threading.Lock))
operation("Semaphore: hand-off")(hand_off(lambda: threading.Semaphore(1)))


@operation("A wait that times out")
def times_out(n):
    lock = threading.Lock()
    lock.acquire()

    def body(mine):
        for _ in range(mine):
            lock.acquire(timeout=20e-6)

    return run_threads([functools.partial(body, (n + i) // 64) for i in range(64)])


@operation("Event: Wait when set")
def wait_when_set(n):
    event = threading.Event()
    event.set()
    wait = event.wait
    for _ in range(n):
        wait()


WAITERS = 1000


@operation("Event: wake 1k until all have run", WAITERS)
def wake_all(n):
    took = 0
    for _ in range(n // WAITERS):
        event = threading.Event()
        threads = [threading.Thread(target=event.wait) for _ in range(WAITERS)]
        for thread in threads:
            thread.start()
        time.sleep(0.01)
        start = time.perf_counter()
        event.set()
        for thread in threads:
            thread.join()
        took += time.perf_counter() - start
    return took


@operation("Condition: ping-pong")
def ping_pong(n):
    condition = threading.Condition(threading.Lock())
    theirs = False

    def one():
        nonlocal theirs
        with condition:
            for _ in range(n):
                while not theirs:
                    condition.wait()
                theirs = False
                condition.notify()

    def other():
        nonlocal theirs
        with condition:
            for _ in range(n):
                theirs = True
                condition.notify()
                while theirs:
                    condition.wait()

    return run_threads([one, other])


@operation("Queue: one goroutine")
def alone(n):
    q = queue.Queue(128)
    for i in range(n):
        q.put(i)
        q.get()


def passing(room):
    def measure(n):
        q = queue.Queue(room)

        def put(mine):
            for i in range(mine):
                q.put(i)

        def get(mine):
            for _ in range(mine):
                q.get()

        shares = [(n + i) // 4 for i in range(4)]
        return run_threads([functools.partial(f, mine) for mine in shares for f in (put, get)])

    return measure


operation("Queue: 4x4, room for 128")(passing(128))
operation("Queue: 4x4, room for 1")(passing(1))
operation("Queue: 4x4, unbounded")(passing(0))


def inside(size):
    def measure(n):
        spread = 1 << 16
        later = [random.randrange(spread) for _ in range(1 << 12)]
        q = queue.PriorityQueue()
        for _ in range(size):
            q.put(random.randrange(spread))
        start = time.perf_counter()
        for i in range(n):
            q.put(q.get() + later[i & 4095])
        return time.perf_counter() - start

    return measure


EVENTS = 100_000


@operation("Scheduler: 100k events", EVENTS)
def events(n):
    delays = [(random.random() / 1000, random.randrange(4)) for _ in range(EVENTS)]
    scheduler = sched.scheduler()
    count = itertools.count()
    start = time.perf_counter()
    for _ in range(n // EVENTS):
        for delay, priority in delays:
            scheduler.enter(delay, priority, count.__next__)
        scheduler.run()
    return time.perf_counter() - start


operation("Priority queue: 1k inside")(inside(1_000))
operation("Priority queue: 100k inside")(inside(100_000))


@operation("Barrier: cycle of 4")
def cycles(n):
    barrier = threading.Barrier(4)

    def body():
        for _ in range(n):
            barrier.wait()

    return run_threads([body] * 4)


WINDOW = 1000


@operation("Pool: ApplyAsync and Get", WINDOW)
def apply_async(n):
    with ThreadPool(8) as pool:
        start = time.perf_counter()
        for _ in range(n // WINDOW):
            for result in [pool.apply_async(int) for _ in range(WINDOW)]:
                result.get()
        return time.perf_counter() - start


@operation("Pool: Apply, one at a time")
def apply(n):
    with ThreadPool(8) as pool:
        start = time.perf_counter()
        for _ in range(n):
            pool.apply(int)
        return time.perf_counter() - start


ITEMS = 100_000


def square(i):
    return i * i


@operation("Map of 100k ints", ITEMS)
def pool_map(n):
    items = list(range(ITEMS))
    with ThreadPool() as pool:
        start = time.perf_counter()
        for _ in range(n // ITEMS):
            pool.map(square, items)
        return time.perf_counter() - start


def totals():
    total = 0
    while True:
        total += yield total


def through(depth):
    yield from (through(depth - 1) if depth else totals())


def sends(make):
    def measure(n):
        generator = make()
        send = generator.send
        next(generator)
        for _ in range(n):
            send(1)

    return measure


operation("Generator: Send")(sends(totals))
operation("Generator: yield through 100 calls")(sends(lambda: through(99)))


@operation("Generator: create, Next, Close")
def create(n):
    for _ in range(n):
        generator = totals()
        next(generator)
        generator.close()


if greenlet:

    @operation("greenlet: Switch, there and back")
    def switch_there_and_back(n):
        main = greenlet.getcurrent()

        def run():
            while True:
                main.switch()

        other = greenlet.greenlet(run)
        for _ in range(n):
            other.switch()

    @operation("greenlet: Switch around a ring of 10", 10)
    def switch_around(n):
        left = n

        def run(i):
            nonlocal left
            while left > 0:
                left -= 1
                ring[(i + 1) % 10].switch()

        ring = [greenlet.greenlet(functools.partial(run, i)) for i in range(10)]
        ring[0].switch()


def select(files):
    def measure(n):
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
            for _ in range(files):
                r, w = os.pipe()
                stack.callback(os.close, r)
                stack.callback(os.close, w)
                os.write(w, b"x")
                selector.register(r, selectors.EVENT_READ)
            start = time.perf_counter()
            for _ in range(n):
                selector.select()
            return time.perf_counter() - start

    return measure


operation("Select: 1 of 1")(select(1))
operation("Select: 100 of 100")(select(100))


# Processes. Where it is not the start that is measured they are forked, which is the faster way to start.
forked = multiprocessing.get_context("fork")


def nothing():
    pass


@operation("Process: Start and Join")
def start_and_join(n):
    spawned = multiprocessing.get_context("spawn")  # which starts the program again, as Go does
    start = time.perf_counter()
    for _ in range(n):
        process = spawned.Process(target=nothing)
        process.start()
        process.join()
    return time.perf_counter() - start


operation("Process Lock: free")(free(forked.Lock))
operation("Process RLock: free")(free(forked.RLock))
operation("Process Semaphore: free")(free(lambda: forked.Semaphore(4)))
operation("Process BoundedSemaphore: free")(free(lambda: forked.BoundedSemaphore(4)))


@operation("Process Value: add")
def add_to_value(n):
    value = forked.Value("q", 0)
    start = time.perf_counter()
    for _ in range(n):
        with value.get_lock():
            value.value += 1
    return time.perf_counter() - start


def pair(mine, other):
    """Runs the halves of an operation in two processes, and returns how long that takes from when both have begun."""
    begin, done = forked.Barrier(2), forked.Barrier(2)

    def run():
        begin.wait()
        other()
        done.wait()

    process = forked.Process(target=run)
    process.start()
    begin.wait()
    start = time.perf_counter()
    mine()
    done.wait()
    seconds = time.perf_counter() - start
    process.join()
    return seconds


@operation("Process Lock: 2 processes", 2)
def contended_by_processes(n):
    lock = forked.Lock()

    def half():
        for _ in range(n // 2):
            lock.acquire()
            lock.release()

    return pair(half, half)


@operation("Process Event: round trip")
def event_round_trip(n):
    there, back = forked.Event(), forked.Event()

    def mine():
        for _ in range(n):
            there.set()
            back.wait()
            back.clear()

    def other():
        for _ in range(n):
            there.wait()
            there.clear()
            back.set()

    return pair(mine, other)


@operation("Process Condition: two turns")
def condition_turns(n):
    condition, turn = forked.Condition(forked.Lock()), forked.RawValue("i", 0)

    def half(me):
        def run():
            with condition:
                for _ in range(n):
                    condition.wait_for(lambda: turn.value == me)
                    turn.value = 1 - me
                    condition.notify()

        return run

    return pair(half(0), half(1))


@operation("Process Barrier: 2 parties")
def barrier_of_processes(n):
    barrier = forked.Barrier(2)

    def half():
        for _ in range(n):
            barrier.wait()

    return pair(half, half)


@operation("Process Queue: round trip")
def queue_round_trip(n):
    there, back = forked.SimpleQueue(), forked.SimpleQueue()

    def mine():
        for i in range(n):
            there.put(i)
            back.get()

    def other():
        for _ in range(n):
            back.put(there.get())

    return pair(mine, other)


@operation("Process Queue: one way")
def queue_one_way(n):
    items = forked.Queue()

    def mine():
        for i in range(n):
            items.put(i)

    def other():
        for _ in range(n):
            items.get()

    return pair(mine, other)


@operation("Process Pipe: round trip")
def pipe_round_trip(n):
    here, there = forked.Pipe()

    def mine():
        for i in range(n):
            here.send(i)
            here.recv()

    def other():
        for _ in range(n):
            there.send(there.recv())

    return pair(mine, other)


@operation("Process Pipe: 1 MiB one way")
def pipe_one_way(n):
    here, there = forked.Pipe()
    item = bytes(1 << 20)

    def mine():
        for _ in range(n):
            here.send_bytes(item)

    def other():
        for _ in range(n):
            there.recv_bytes()

    return pair(mine, other)


def double(x):
    return 2 * x


def pool_of_processes(run):
    def measure(n):
        with forked.Pool(2) as pool:
            pool.map(double, range(2))
            start = time.perf_counter()
            run(pool, n)
            return time.perf_counter() - start

    return measure


def apply_each(pool, n):
    for i in range(n):
        pool.apply(double, (i,))


def apply_all(pool, n):
    for begin in range(0, n, 1000):
        results = [pool.apply_async(double, (i,)) for i in range(begin, min(n, begin + 1000))]
        for result in results:
            result.get()


def map_items(pool, n):
    items = [0] * 100_000
    for _ in range(n // 100_000):
        pool.map(double, items)


operation("Process Pool: Apply")(pool_of_processes(apply_each))
operation("Process Pool: ApplyAsync and Get")(pool_of_processes(apply_all))
operation("Process Pool: Map of 100k", 100_000)(pool_of_processes(map_items))


def took(function, n):
    start = time.perf_counter()
    seconds = function(n)
    return time.perf_counter() - start if seconds is None else seconds


def main():
    target, names = float(sys.argv[1]), sys.argv[2:]
    for name, (function, batch) in OPERATIONS.items():
        if names and name not in names:
            continue
        n = batch
        while (seconds := took(function, n)) < target / 2 and n < 10**9:
            n *= min(10, max(2, math.ceil(target / max(seconds, 1e-9))))
        print(f"{name}\t{seconds / n * 1e9:.6g}", flush=True)


if __name__ == "__main__":  # processes that are spawned read this file too
    main()
