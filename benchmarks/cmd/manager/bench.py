"""Measures multiprocessing.Manager, for the command beside it.

python3 bench.py: reads lines "ROW SECONDS" and answers each with a number: operations a second, or nanoseconds.
"""

import multiprocessing as mp
import statistics
import sys
import time


def rate(seconds, f):
    f()
    n = 0
    start = time.perf_counter()
    while True:
        for _ in range(20):
            f()
        n += 20
        took = time.perf_counter() - start
        if took >= seconds:
            return n / took


def contend(lock, seconds, begin, count):
    begin.wait()
    n = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        lock.acquire()
        lock.release()
        n += 1
    count.put(n)


def sleep(q, delays):
    while True:
        sent = q.get()
        if sent is None:
            return
        delays.put(time.monotonic_ns() - sent)


def main():
    manager = mp.Manager()
    lock, d, q = manager.Lock(), manager.dict(a=1), manager.Queue()

    def pair():
        lock.acquire()
        lock.release()

    def put_get():
        q.put(1)
        q.get()

    def contended(seconds):
        begin, count = mp.Barrier(4), mp.Queue()
        children = [mp.Process(target=contend, args=(lock, seconds, begin, count)) for _ in range(4)]
        for c in children:
            c.start()
        total = sum(count.get() for _ in children)
        for c in children:
            c.join()
        return total / seconds

    def wake(seconds):
        there, delays = manager.Queue(), mp.SimpleQueue()
        child = mp.Process(target=sleep, args=(there, delays))
        child.start()
        seen = []
        end = time.perf_counter() + max(seconds, 0.1)
        while time.perf_counter() < end:
            time.sleep(0.002)
            there.put(time.monotonic_ns())
            seen.append(delays.get())
        there.put(None)
        child.join()
        return statistics.median(seen)

    rows = {
        "lock": lambda s: rate(s, pair),
        "set": lambda s: rate(s, lambda: d.__setitem__("a", 1)),
        "get": lambda s: rate(s, lambda: d["a"]),
        "putget": lambda s: rate(s, put_get),
        "contended": contended,
        "wake": wake,
    }
    print("ready", sys.version.split()[0], flush=True)
    for line in sys.stdin:
        row, seconds = line.split()
        print(rows[row](float(seconds)), flush=True)
    manager.shutdown()


if __name__ == "__main__":
    main()
