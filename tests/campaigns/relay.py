# SPDX-License-Identifier: Apache-2.0
"""A relay between a primary and a replica, a process of its own, that cuts what it carries where it is told to.

    relay.py PORT TARGET_PORT      says "ready" when it listens on 127.0.0.1

Told on its standard input, a line each; answered with a line each:

    cut BYTES HOW   once so many more bytes went to the replica, end the connection: reset, close, half (reset
                    towards the primary, closed towards the replica), or hang (nothing moves until the next order)
    go              no cut any more
    count           bytes that went to the replica, connections that were made, cuts that were made
"""
import os
import select
import socket
import struct
import subprocess
import sys
import threading

PIECE = 32 << 10


class Carrier:
    """All connections, one order that stands."""

    def __init__(self, target):
        self.target, self.lock = target, threading.Condition()
        self.left, self.how = None, ""
        self.to_replica, self.connections, self.cuts, self.orders = 0, 0, 0, 0

    def serve(self, listener):
        while True:
            here, _ = listener.accept()
            try:
                there = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                here.close()
                continue
            for one in (here, there):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self.carry, args=(here, there), daemon=True).start()

    def carry(self, here, there):
        try:
            while True:
                ready, _, _ = select.select((here, there), (), ())
                if here in ready and not self.carry_up(here, there):
                    break
                if there in ready and not self.carry_piece(there, here):
                    break
        except OSError:
            pass
        here.close()
        there.close()

    def carry_piece(self, source, sink):
        piece = source.recv(PIECE)
        if piece:
            sink.sendall(piece)
        return bool(piece)

    def carry_up(self, here, there):
        """Towards the replica: here it is counted and cut, to the byte."""
        with self.lock:
            most = PIECE if self.left is None else max(1, min(PIECE, self.left))
        piece = here.recv(most)
        if not piece:
            return False
        there.sendall(piece)
        with self.lock:
            self.to_replica += len(piece)
            if self.left is None:
                return True
            self.left -= len(piece)
            if self.left > 0:
                return True
            self.left, how = None, self.how
            self.cuts += 1
            orders = self.orders
            if how == "hang":
                self.lock.wait_for(lambda: self.orders != orders)
        for one, other in ((here, "reset half hang"), (there, "reset hang")):
            if how in other.split():
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def obey(self, words):
        with self.lock:
            if words[0] != "count":
                self.orders += 1
                self.left, self.how = (int(words[1]), words[2]) if words[0] == "cut" else (None, "")
                self.lock.notify_all()
            return f"{self.to_replica} {self.connections} {self.cuts}"


def main():
    port, target = map(int, sys.argv[1:])
    listener = socket.create_server(("127.0.0.1", port))
    carrier = Carrier(target)
    threading.Thread(target=carrier.serve, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        print(carrier.obey(line.split()), flush=True)


class Relay:
    """The same from the outside."""

    def __init__(self, port, target):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port), str(target)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n", f"the relay does not listen on port {port}"

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return dict(zip(("bytes", "connections", "cuts"), map(int, self.process.stdout.readline().split())))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


if __name__ == "__main__":
    main()
