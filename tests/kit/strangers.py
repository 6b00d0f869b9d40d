# SPDX-License-Identifier: Apache-2.0
"""Connections that mean no good, in a process of their own: silent ones, and ones that shake hands a byte at a time.

    strangers.py CONNECTIONS SLOW REDIALS PORT...

Reads words on stdin: `start` opens CONNECTIONS silent connections and SLOW slow ones, spread over the ports and over
thousands of loopback addresses, and dials those again that the server has ended, at most REDIALS a second; `stop` closes
all; `end` ends. Answers each with a line of JSON: how many were opened, ended by the server, and stand.
"""
import errno
import json
import os
import random
import resource
import selectors
import socket
import ssl
import sys
import time

OPENS = 4000  # a second, until all have been opened once
DRIP = 0.25  # seconds between the bytes of a slow one


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["afterimage/1"])
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Strangers:
    def __init__(self, silent, slow, redials, ports):
        self.wanted = {"silent": silent, "slow": slow}
        self.redials, self.ports = redials, ports
        self.hello = client_hello()
        self.selector = selectors.DefaultSelector()
        self.standing = {}  # socket: [kind, bytes sent, when to send the next]
        self.counts = {"opened": 0, "ended": 0, "failed": 0, "most_standing": 0}
        self.is_on = False
        self.allowance, self.counted_at = 0.0, time.monotonic()

    def dial(self, kind):
        one = socket.socket()
        one.setblocking(False)
        try:
            number = random.randrange(1 << 14)
            one.bind((f"127.{1 + number // 250 % 60}.{number % 250}.{1 + number % 200}", 0))
            failure = one.connect_ex(("127.0.0.1", random.choice(self.ports)))
        except OSError as error:
            failure = error.errno
        if failure not in (0, errno.EINPROGRESS):
            self.counts["failed"] += 1
            one.close()
            return
        self.counts["opened"] += 1
        self.standing[one] = [kind, 0, time.monotonic() + random.random()]
        self.selector.register(one, selectors.EVENT_READ)

    def end(self, one):
        self.selector.unregister(one)
        self.standing.pop(one)
        one.close()

    def refill(self):
        now = time.monotonic()
        lacks = {kind: count - sum(1 for state in self.standing.values() if state[0] == kind)
                 for kind, count in self.wanted.items()}
        first_time = self.counts["opened"] < sum(self.wanted.values())
        rate = OPENS if first_time else self.redials
        self.allowance = min(self.allowance + (now - self.counted_at) * rate, rate / 5)
        self.counted_at = now
        for kind, lack in lacks.items():
            for _ in range(min(lack, int(self.allowance))):
                self.dial(kind)
                self.allowance -= 1
        self.counts["most_standing"] = max(self.counts["most_standing"], len(self.standing))

    def drip(self):
        now = time.monotonic()
        for one, state in list(self.standing.items()):
            if state[0] != "slow" or now < state[2] or state[1] >= len(self.hello):
                continue
            try:
                state[1] += one.send(self.hello[state[1]:state[1] + 1])
            except BlockingIOError:
                pass
            except OSError:
                self.counts["ended"] += 1
                self.end(one)
                continue
            state[2] = now + DRIP

    def look(self):
        for key, _ in self.selector.select(0.05):
            if key.fileobj is sys.stdin:
                yield from self.take_words()
                continue
            if key.fileobj not in self.standing:
                continue  # a word has closed it since
            try:
                if key.fileobj.recv(4096):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            self.counts["ended"] += 1
            self.end(key.fileobj)

    def take_words(self):
        text = os.read(0, 4096).decode()
        yield from text.split() or ["end"]

    def run(self):
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for word in self.look():
                self.is_on = word == "start"
                if word == "start":
                    self.counts.update(opened=0, ended=0, failed=0, most_standing=0)
                else:
                    print(json.dumps(dict(self.counts, standing=len(self.standing))), flush=True)
                    for one in list(self.standing):
                        self.end(one)
                if word == "end":
                    return
            if self.is_on:
                self.refill()
                self.drip()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Strangers(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [int(port) for port in sys.argv[4:]]).run()
