"""Crawls a site with threads, and checks the links that lead away from it with a thread pool."""
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1  # until an answer comes
HOME = "https://example.org"

# The network is simulated: the pages there are and their links. None stands for a host that does not answer.
NETWORK = {
    HOME + "/": ["/news", "/guide", "/about", "https://go.dev/"],
    HOME + "/news": ["/", "/news/2024", "/news/2025", "/jobs", "https://python.org/"],
    HOME + "/news/2024": ["/news", "/guide", "https://gone.example/"],
    HOME + "/news/2025": ["/news", "/guide/queues", "https://go.dev/blog", "https://slow.example/"],
    HOME + "/guide": ["/", "/guide/locks", "/guide/queues", "https://go.dev/"],
    HOME + "/guide/locks": ["/guide", "/guide/deadlocks"],
    HOME + "/guide/queues": ["/guide", "/guide/locks", "https://python.org/3/library/queue"],
    HOME + "/about": ["/", "/jobs", "https://python.org/"],
    "https://go.dev/": [],
    "https://go.dev/blog": [],
    "https://python.org/": [],
    "https://slow.example/": None,
}

asked = {}  # how many requests each host got


def get(url):
    host = url.split("/")[2]
    asked[host] = asked.get(host, 0) + 1
    time.sleep(SECONDS)
    if url not in NETWORK:
        raise LookupError("404 not found")
    if NETWORK[url] is None:
        raise TimeoutError("no answer")
    return NETWORK[url]


class Crawler(threading.Thread):
    todo = queue.Queue()  # pages to read; None ends a thread
    lock = threading.Lock()  # guards the three below
    links = {}  # each link that was found, and the pages it is on
    broken = {}  # each page that could not be read, and why
    pages = 0

    def run(self):
        while True:
            url = self.todo.get()
            if url is None:
                break
            try:
                self.read(url)
            finally:
                self.todo.task_done()

    def read(self, url):
        try:
            found = get(url)
        except (LookupError, TimeoutError) as e:
            with self.lock:
                self.broken[url] = str(e)
            return
        with self.lock:
            Crawler.pages += 1
            for link in found:
                if link.startswith("/"):
                    link = HOME + link
                self.note(link, url)

    def note(self, link, page):
        if link not in self.links:
            self.links[link] = []
            if link.startswith(HOME):
                self.todo.put(link)
        self.links[link].append(page)


def check(url):
    get(url)
    return url


def main():
    crawlers = [Crawler(name="crawler-%d" % (i + 1), daemon=True) for i in range(4)]
    for c in crawlers:
        c.start()
    with Crawler.lock:
        Crawler.links[HOME + "/"] = []
    Crawler.todo.put(HOME + "/")
    Crawler.todo.join()
    for c in crawlers:
        Crawler.todo.put(None)
    for c in crawlers:
        c.join()

    away = [link for link in Crawler.links if not link.startswith(HOME)]
    broken = Crawler.broken
    with ThreadPoolExecutor(max_workers=3) as executor:
        futures = {executor.submit(check, link): link for link in away}
        for future in as_completed(futures):
            if future.exception() is not None:
                broken[futures[future]] = str(future.exception())

    print("read %d pages, checked %d links that lead away" % (Crawler.pages, len(away)))
    for link in sorted(broken):
        print("%s: %s, on %s" % (link, broken[link], ", ".join(sorted(Crawler.links[link]))))
    print("requests:", ", ".join("%s %d" % r for r in sorted(asked.items())))


main()
