# SPDX-License-Identifier: Apache-2.0
"""A long line between two hosts, as far as a sender sees it: each TCP connection towards the target carries so many bytes
a second, however many there are.

    line.py PORT TARGET_PORT BYTES_A_SECOND      says "ready" when it listens on 127.0.0.1, ends with its input
"""
import os
import socket
import subprocess
import sys
import threading
import time

PIECE = 32 << 10
BUFFER = 256 << 10  # in the line, of a connection


def carry(source, sink, rate):
    due = time.monotonic()
    try:
        while piece := source.recv(PIECE):
            sink.sendall(piece)
            if rate:
                due = max(due, time.monotonic() - PIECE / rate) + len(piece) / rate
                time.sleep(max(0.0, due - time.monotonic()))
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def main():
    port, target, rate = map(int, sys.argv[1:])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print("ready", flush=True)
    while True:
        here, _ = listener.accept()
        there = socket.create_connection(("127.0.0.1", target))
        for one in (here, there):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=carry, args=(here, there, rate), daemon=True).start()
        threading.Thread(target=carry, args=(there, here, 0), daemon=True).start()


class Line:
    """The same from the outside."""

    def __init__(self, port, target, rate):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port), str(target), str(rate)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the line does not listen on port {port}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


if __name__ == "__main__":
    main()
