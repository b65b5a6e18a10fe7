import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;

/**
 * Measures the operations of the Go benchmarks with java.util.concurrent.
 *
 * <p>java Bench.java SECONDS [NAME...]: prints, for each operation, its name, a tab, and nanoseconds an operation.
 */
public class Bench {
    /** Does n operations and returns the nanoseconds that count. */
    interface Operation {
        long run(int n) throws Exception;
    }

    interface Body {
        void run() throws Exception;
    }

    record Entry(Operation operation, int batch) {}

    static final Map<String, Entry> OPERATIONS = new LinkedHashMap<>();
    static int counted; // keeps loops from being optimized away

    static void add(String name, Operation operation) {
        OPERATIONS.put(name, new Entry(operation, 1));
    }

    /** Runs the bodies in threads of their own, and returns how long that takes from when all have begun. */
    static long threads(List<Body> bodies) throws Exception {
        // The last to arrive looks at the clock; this thread may get up when all the others have long ended.
        long[] start = new long[1];
        CyclicBarrier begin = new CyclicBarrier(bodies.size(), () -> start[0] = System.nanoTime());
        List<Thread> threads = new ArrayList<>();
        for (Body body : bodies) {
            Thread thread = new Thread(() -> {
                try {
                    begin.await();
                    body.run();
                } catch (Throwable e) {
                    e.printStackTrace();
                    System.exit(1);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return System.nanoTime() - start[0];
    }

    static List<Body> times(int threads, int n, java.util.function.IntFunction<Body> body) {
        List<Body> bodies = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            bodies.add(body.apply((n + i) / threads));
        }
        return bodies;
    }

    static Operation passing(java.util.function.Supplier<BlockingQueue<Integer>> make) {
        return n -> {
            BlockingQueue<Integer> queue = make.get();
            List<Body> bodies = times(4, n, mine -> () -> {
                for (int i = 0; i < mine; i++) {
                    queue.put(i);
                }
            });
            bodies.addAll(times(4, n, mine -> () -> {
                for (int i = 0; i < mine; i++) {
                    queue.take();
                }
            }));
            return threads(bodies);
        };
    }

    static Operation inside(int size) {
        return n -> {
            Random random = new Random(1);
            int[] later = random.ints(1 << 12, 0, 1 << 16).toArray();
            PriorityBlockingQueue<Long> queue = new PriorityBlockingQueue<>();
            for (int i = 0; i < size; i++) {
                queue.put((long) random.nextInt(1 << 16));
            }
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                queue.put(queue.take() + later[i & 4095]);
            }
            return System.nanoTime() - start;
        };
    }

    static final int WAITERS = 1000;
    static final int WINDOW = 1000;
    static final int ITEMS = 100_000;

    static {
        Operation free = n -> {
            ReentrantLock lock = new ReentrantLock();
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                lock.lock();
                counted++;
                lock.unlock();
            }
            return System.nanoTime() - start;
        };
        add("Lock: free", free);
        add("RLock: free", free);
        add("RLock: nested", n -> {
            ReentrantLock lock = new ReentrantLock();
            lock.lock();
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                lock.lock();
                counted++;
                lock.unlock();
            }
            return System.nanoTime() - start;
        });
        add("LockTimeout: free", n -> {
            ReentrantLock lock = new ReentrantLock();
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                if (lock.tryLock(1, TimeUnit.HOURS)) {
                    counted++;
                    lock.unlock();
                }
            }
            return System.nanoTime() - start;
        });
        add("Lock: contended by 8", n -> {
            ReentrantLock lock = new ReentrantLock();
            return threads(times(8, n, mine -> () -> {
                for (int i = 0; i < mine; i++) {
                    lock.lock();
                    counted++;
                    lock.unlock();
                }
            }));
        });
        add("Semaphore: free", n -> {
            Semaphore semaphore = new Semaphore(4);
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                semaphore.acquire();
                counted++;
                semaphore.release();
            }
            return System.nanoTime() - start;
        });
        add("Semaphore: 8 goroutines, 4 permits", n -> {
            Semaphore semaphore = new Semaphore(4);
            return threads(times(8, n, mine -> () -> {
                for (int i = 0; i < mine; i++) {
                    semaphore.acquire();
                    semaphore.release();
                }
            }));
        });
        add("Semaphore: hand-off", n -> {
            Semaphore there = new Semaphore(0);
            Semaphore back = new Semaphore(0);
            return threads(List.of(() -> {
                for (int i = 0; i < n; i++) {
                    there.acquire();
                    back.release();
                }
            }, () -> {
                for (int i = 0; i < n; i++) {
                    there.release();
                    back.acquire();
                }
            }));
        });
        add("A wait that times out", n -> {
            Semaphore semaphore = new Semaphore(0);
            return threads(times(64, n, mine -> () -> {
                for (int i = 0; i < mine; i++) {
                    semaphore.tryAcquire(20, TimeUnit.MICROSECONDS);
                }
            }));
        });
        add("Event: Wait when set", n -> {
            CountDownLatch latch = new CountDownLatch(1);
            latch.countDown();
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                latch.await();
                counted++;
            }
            return System.nanoTime() - start;
        });
        OPERATIONS.put("Event: wake 1k until all have run", new Entry(n -> {
            long took = 0;
            for (int round = 0; round < n / WAITERS; round++) {
                CountDownLatch latch = new CountDownLatch(1);
                List<Thread> threads = new ArrayList<>();
                for (int i = 0; i < WAITERS; i++) {
                    Thread thread = new Thread(() -> {
                        try {
                            latch.await();
                        } catch (InterruptedException e) {
                            System.exit(1);
                        }
                    });
                    threads.add(thread);
                    thread.start();
                }
                Thread.sleep(10);
                long start = System.nanoTime();
                latch.countDown();
                for (Thread thread : threads) {
                    thread.join();
                }
                took += System.nanoTime() - start;
            }
            return took;
        }, WAITERS));
        add("Condition: ping-pong", n -> {
            ReentrantLock lock = new ReentrantLock();
            Condition condition = lock.newCondition();
            boolean[] theirs = {false};
            return threads(List.of(() -> {
                lock.lock();
                for (int i = 0; i < n; i++) {
                    while (!theirs[0]) {
                        condition.await();
                    }
                    theirs[0] = false;
                    condition.signal();
                }
                lock.unlock();
            }, () -> {
                lock.lock();
                for (int i = 0; i < n; i++) {
                    theirs[0] = true;
                    condition.signal();
                    while (theirs[0]) {
                        condition.await();
                    }
                }
                lock.unlock();
            }));
        });
        add("Queue: one goroutine", n -> {
            BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(128);
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                queue.put(i);
                counted += queue.take();
            }
            return System.nanoTime() - start;
        });
        add("Queue: 4x4, room for 128", passing(() -> new ArrayBlockingQueue<>(128)));
        add("Queue: 4x4, room for 1", passing(() -> new ArrayBlockingQueue<>(1)));
        add("Queue: 4x4, unbounded", passing(LinkedBlockingQueue::new));
        add("Priority queue: 1k inside", inside(1_000));
        add("Priority queue: 100k inside", inside(100_000));
        add("Barrier: cycle of 4", n -> {
            CyclicBarrier barrier = new CyclicBarrier(4);
            Body body = () -> {
                for (int i = 0; i < n; i++) {
                    barrier.await();
                }
            };
            return threads(List.of(body, body, body, body));
        });
        OPERATIONS.put("Pool: ApplyAsync and Get", new Entry(n -> {
            ExecutorService pool = Executors.newFixedThreadPool(8);
            List<Future<Integer>> futures = new ArrayList<>(WINDOW);
            long start = System.nanoTime();
            for (int round = 0; round < n / WINDOW; round++) {
                futures.clear();
                for (int i = 0; i < WINDOW; i++) {
                    futures.add(pool.submit(() -> 1));
                }
                for (Future<Integer> future : futures) {
                    counted += future.get();
                }
            }
            long took = System.nanoTime() - start;
            pool.shutdown();
            return took;
        }, WINDOW));
        add("Pool: Apply, one at a time", n -> {
            ExecutorService pool = Executors.newFixedThreadPool(8);
            long start = System.nanoTime();
            for (int i = 0; i < n; i++) {
                counted += pool.submit(() -> 1).get();
            }
            long took = System.nanoTime() - start;
            pool.shutdown();
            return took;
        });
        OPERATIONS.put("Map of 100k ints", new Entry(n -> {
            int[] items = IntStream.range(0, ITEMS).toArray();
            long start = System.nanoTime();
            for (int round = 0; round < n / ITEMS; round++) {
                counted += IntStream.of(items).parallel().map(i -> i * i).toArray().length;
            }
            return System.nanoTime() - start;
        }, ITEMS));
    }

    public static void main(String[] args) throws Exception {
        double target = Double.parseDouble(args[0]) * 1e9;
        Set<String> names = args.length > 1 ? new HashSet<>(List.of(args)) : OPERATIONS.keySet();
        for (Map.Entry<String, Entry> each : OPERATIONS.entrySet()) {
            if (!names.contains(each.getKey())) {
                continue;
            }
            Operation operation = each.getValue().operation();
            int n = each.getValue().batch();
            long took = operation.run(n);
            while (took < target / 2 && n < 100_000_000) {
                n *= (int) Math.min(10, Math.max(2, Math.ceil(target / Math.max(took, 1))));
                took = operation.run(n);
            }
            // The compiler takes its time to see what is hot, and to make it fast.
            for (long begun = System.nanoTime(); System.nanoTime() - begun < 10 * target;) {
                operation.run(n);
            }
            took = operation.run(n);
            System.out.printf("%s\t%.6g%n", each.getKey(), (double) took / n);
        }
        System.exit(0);
    }
}
