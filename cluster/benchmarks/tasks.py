"""Celery's worker imports this for the task; as a program it submits tasks from 64 threads."""
import os
import sys
import threading
import time

from celery import Celery

app = Celery("tasks", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.broker_connection_retry_on_startup = True


@app.task
def double(n):
    return 2 * n


def submit(seconds, callers=64):
    """Returns how many tasks a second are submitted and their results got."""
    done = [0] * callers
    begin = time.monotonic()

    def work(i):
        while time.monotonic() - begin < seconds:
            assert double.delay(i).get(timeout=60) == 2 * i
            done[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(callers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(done) / (time.monotonic() - begin)


if __name__ == "__main__":
    double.delay(1).get(timeout=60)
    print("ready", flush=True)
    for line in sys.stdin:
        print(submit(float(line)), flush=True)
