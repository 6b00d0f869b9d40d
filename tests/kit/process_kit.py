# SPDX-License-Identifier: Apache-2.0
"""Hosts as processes: a daemon each, commanded by the command line, in a folder that is removed at the end.

Of process tests (tests/tools/afterimaged) and of fault campaigns (tests/campaign); neither waits by sleeping a fixed
time.
"""
import fcntl
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

AFTERIMAGED, AFTERIMAGE = "", ""  # paths of the programs, set by whoever imports this
PATIENCE = 120.0  # seconds until something that has to happen is taken for lost


def free_ports(count):
    """Below the range that the kernel takes the ports of outgoing connections from: nobody has them until a daemon does."""
    chance, held = random.SystemRandom(), {}  # not the one that campaigns sow
    while len(held) < count:
        port = chance.randrange(10_000, 32_000)
        one = socket.socket()
        try:
            one.bind(("127.0.0.1", port))
            held[port] = one
        except OSError:
            one.close()
    for one in held.values():
        one.close()
    return list(held)


def lock_like_qemu(file):
    """Read locks on the bytes that QEMU locks of an image (F_OFD_SETLK); they go with the file."""
    fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 100, 101, 0))


def run_quietly(*words):
    """A tool of the system that must work."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_until(what, condition):
    """Looks often at first: most of what is waited for takes some milliseconds. Time in which this process was stopped
    does not count."""
    waited, pause, last = 0.0, 0.001, time.monotonic()
    while not condition():
        if waited > PATIENCE:
            raise AssertionError(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(pause)
        pause = min(pause * 1.2, 0.02)
        now = time.monotonic()
        waited, last = waited + min(now - last, 1.0), now


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a daemon's control socket: for looks that are too many, or too hasty, for a command each."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def parts(self):
        return self.status, self.out, self.err

    @property
    def json(self):
        return json.loads(self.out)


class World:
    """A folder, and all the daemons that run in it."""

    def __init__(self, keep=False):
        self.keep = keep
        self.folder = tempfile.mkdtemp(prefix="afterimage-process-")
        self.hosts = []
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "TMPDIR": self.folder}
        self.environment.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, *words):
        return Answer(subprocess.run([AFTERIMAGE, *words], env=self.environment, capture_output=True, text=True,
                                     timeout=PATIENCE, stdin=subprocess.DEVNULL))

    def host(self, name, *options, start=True, folder=None):
        host = Host(self, name, options, folder)
        self.hosts.append(host)
        if start:
            host.start()
        return host

    def close(self, show_logs):
        for host in self.hosts:
            host.kill()
            if show_logs and os.path.exists(host.log_path):
                last = "\n".join(host.log().splitlines()[-100:])
                print(f"-- end of the log of {host.name}\n{last}", file=sys.stderr)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)  # what a test has mounted may be gone for good


class Host:
    def __init__(self, world, name, options, folder=None):
        self.world, self.name, self.process = world, name, None
        self.folder = folder or world.path(name)
        self.socket = os.path.join(self.folder, "control.sock")
        self.config = os.path.join(self.folder, "afterimaged.toml")
        self.log_path = world.path(name + ".log")
        self.replication_port, self.control_port = free_ports(2)
        done = world.command("host", "init", "--name", name, "--dir", self.folder, "--listen", "127.0.0.1",
                             "--replication-port", str(self.replication_port),
                             "--control-port", str(self.control_port), *options)
        assert done.status == 0, done.err

    def move_replication(self, port):
        """To another port, with the next start: peers go on dialling the one that they were told when they joined."""
        self.configure(str(self.replication_port), str(port))

    def configure(self, old, new):
        """Other words in the configuration, with the next start."""
        with open(self.config, encoding="utf-8") as config:
            text = config.read()
        assert old in text, text
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(text.replace(old, new))

    def launch(self, config=None, environment=None):
        with open(self.log_path, "a", encoding="utf-8") as log:
            return subprocess.Popen([AFTERIMAGED, "--config", config or self.config], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, env={**self.world.environment, **(environment or {})})

    def start(self):
        self.process = self.launch()
        wait_until(f"the daemon of {self.name} answers", self.answers)

    def answers(self):
        ended = self.process.poll()
        assert ended is None, f"the daemon of {self.name} ended with {ended}:\n{self.log()}"
        try:
            return "machines" in self.get("/v1/status")
        except (OSError, http.client.HTTPException):
            return False

    def run(self, *words):
        return self.world.command(*words, "--socket", self.socket)

    def get(self, target):
        return self.ask("GET", target)

    def ask(self, method, target, body=None):
        """The answer of the control API; OSError or HTTPException while there is no daemon."""
        connection = SocketConnection(self.socket)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, target, body=None if body is None else json.dumps(body), headers=headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        assert answer.status in (200, 202), f"{method} {target}: {answer.status} {said}"
        return said

    def job(self, target, body):
        """A command as a job that has ended: what the command line does, without a process for it."""
        job = self.ask("POST", target, body)["job"]
        while (state := self.get(f"/v1/jobs/{job}?wait=30"))["state"] == "running":
            pass
        return state

    def json(self, *words):
        done = self.run(*words, "--json")
        assert done.status == 0, f"{words}: {done.err}"
        return done.json

    def begin(self, *words):
        """A command that is still running when this returns."""
        return subprocess.Popen([AFTERIMAGE, *words, "--socket", self.socket], env=self.world.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def stop(self):
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def points(self, machine):
        return [(point["sequence"], point["digest"]) for point in self.json("points", machine)["points"]]

    def is_transferring(self):
        """A job has sent something, and has more to send."""
        return any(job["state"] == "running" and job["bytes_done"] > 0 for job in self.json("jobs")["jobs"])


def write_image(path, mebibytes, seed=b""):
    """Content that does not compress, with a hole behind it."""
    with open(path, "wb") as image:
        for number in range(mebibytes):
            image.write(seed + os.urandom((1 << 20) - len(seed)) if number == 0 else os.urandom(1 << 20))
        image.truncate((mebibytes + 4) << 20)


def change_image(path, offset, content):
    with open(path, "r+b") as image:
        image.seek(offset)
        image.write(content)


def same_content(first, second):
    with open(first, "rb") as a, open(second, "rb") as b:
        while True:
            one, other = a.read(1 << 20), b.read(1 << 20)
            if one != other:
                return False
            if not one:
                return True
