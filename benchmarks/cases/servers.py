"""An echo server of Python's: servers.py KIND prints its port. Each line of its input asks for its CPU time in ns."""

import os
import selectors
import socket
import socketserver
import sys
import threading
import time


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := self.request.recv(4096):
                self.request.sendall(data)
        except ConnectionResetError:
            pass


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 4096
    daemon_threads = True
    block_on_close = False

    def shutdown_request(self, request):
        self.close_request(request)


class ForkingServer(socketserver.ForkingTCPServer):
    request_queue_size = 4096
    max_children = 20


def threading_server():
    server = Server(("127.0.0.1", 0), Echo)
    return server.server_address[1], server.serve_forever


def forking_server():
    server = ForkingServer(("127.0.0.1", 0), Echo)
    return server.server_address[1], server.serve_forever


def selectors_server():
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    selector = selectors.DefaultSelector()

    def accept(_):
        conn, _ = listener.accept()
        conn.setblocking(False)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(conn, selectors.EVENT_READ, read)

    def read(conn):
        try:
            data = conn.recv(4096)
        except ConnectionResetError:
            data = b""
        if data:
            conn.send(data)
        else:
            selector.unregister(conn)
            conn.close()

    selector.register(listener, selectors.EVENT_READ, accept)

    def serve():
        while True:
            for key, _ in selector.select():
                key.data(key.fileobj)

    return listener.getsockname()[1], serve


def main():
    kinds = {"threading": threading_server, "forking": forking_server, "selectors": selectors_server}
    port, serve = kinds[sys.argv[1]]()
    threading.Thread(target=serve, daemon=True).start()
    print(f"127.0.0.1:{port}", flush=True)
    for _ in sys.stdin:
        print(int(time.process_time() * 1e9), flush=True)
    os._exit(0)


main()
