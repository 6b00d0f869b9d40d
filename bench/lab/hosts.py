# SPDX-License-Identifier: Apache-2.0
"""Two daemons of Afterimage in a folder, as a user would set them up."""
import json
import os
import pathlib
import subprocess
import time

from lab.line import Line


class Hosts:
    """`line_rate`: alpha reaches chi over a line that carries so many bytes a second of each connection."""

    def __init__(self, binaries, folder, compression, lanes=None, line_rate=None):
        self.bin = pathlib.Path(binaries)
        self.folder = pathlib.Path(folder)
        self.processes, self.line = [], None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = {**os.environ, "HOME": str(self.folder)}
        self._init("alpha", 7084, 7083, compression)
        if lanes:
            self._configure("alpha", "lanes = 1", f"lanes = {lanes}")
        self._init("chi", 8084, 8083, compression, "--store", str(self.folder / "store"))
        for name in ("alpha", "chi"):
            self._start(name)
        key = json.loads(self.call("chi", "enrol", "key", "--json"))["key"]
        self.call("alpha", "enrol", "join", key)
        if line_rate:
            self._put_line_between(line_rate)

    def _put_line_between(self, rate):
        """Where chi was when alpha joined it."""
        chi = self.processes.pop()
        chi.terminate()
        chi.wait()
        self._configure("chi", "replication_port = 8084", "replication_port = 8094")
        self._start("chi")
        self.line = Line(8084, 8094, rate)

    def _configure(self, name, old, new):
        config = self.folder / name / "afterimaged.toml"
        text = config.read_text()
        if old not in text:
            raise RuntimeError(f"'{old}' is not in {config}")
        config.write_text(text.replace(old, new))

    def _init(self, name, replication, control, compression, *more):
        subprocess.run([self.bin / "afterimage", "host", "init", "--name", name, "--dir", self.folder / name,
                        "--listen", "127.0.0.1", "--replication-port", str(replication), "--control-port", str(control),
                        *more], check=True, stdout=subprocess.DEVNULL, env=self.environment)
        self._configure(name, 'compression = "auto"', f'compression = "{compression}"')

    def _start(self, name):
        log = open(self.folder / f"{name}.log", "wb")
        self.processes.append(subprocess.Popen(
            [self.bin / "afterimaged", "--config", self.folder / name / "afterimaged.toml"], stdout=log, stderr=log))
        for _ in range(600):
            if subprocess.run(self._command(name, "status"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=self.environment).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"the daemon of {name} does not answer: {self.folder / name}.log")

    def _command(self, name, *arguments):
        return [self.bin / "afterimage", "--socket", self.folder / name / "control.sock", *arguments]

    def call(self, name, *arguments):
        done = subprocess.run(self._command(name, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"afterimage {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()
        if self.line:
            self.line.end()
