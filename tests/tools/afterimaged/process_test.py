#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two daemons as processes, as an operator has them: what they do, refuse, survive, and how they end.

    process_test.py AFTERIMAGED AFTERIMAGE [unittest arguments]
"""
import ctypes
import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "kit"))

import process_kit  # noqa: E402
from process_kit import World, change_image, same_content, wait_until, write_image  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.close)

    def close(self):
        failed = any(error for _, error in self._outcome.errors) if hasattr(self._outcome, "errors") else \
            not self._outcome.success
        self.world.close(failed)

    def two_hosts(self):
        self.alpha = self.world.host("alpha")
        self.chi = self.world.host("chi", "--store", self.world.path("store"))

    def enrol(self):
        key = self.chi.run("enrol", "key")
        self.assertEqual(key.status, 0, key.err)
        joined = self.alpha.run("enrol", "join", key.out.strip())
        self.assertEqual(joined.status, 0, joined.err)

    def image(self, mebibytes, name="web.img"):
        path = self.world.path(name)
        write_image(path, mebibytes)
        return path

    def protect(self, image, machine="web1"):
        done = self.alpha.run("protect", machine, "--replica", "chi", "--disk", f"root={image}")
        self.assertEqual(done.status, 0, done.err)

    def assert_restores(self, machine, point, kept):
        target = self.world.path("restored.img")
        done = self.chi.run("restore", machine, "--point", str(point), "--disk", "root", "--to", target)
        self.assertEqual(done.status, 0, done.err)
        self.assertTrue(same_content(target, kept), f"point {point} of {machine}")
        os.remove(target)

    def refused(self, status, answer, *parts):
        """That exit status, nothing on stdout, one line on stderr with these parts in it."""
        self.assertEqual(answer.status, status, answer.err)
        self.assertEqual(answer.out, "")
        self.assertTrue(answer.err.startswith("afterimage: "), answer.err)
        self.assertEqual(answer.err.count("\n"), 1, answer.err)
        for part in parts:
            self.assertIn(part, answer.err)


class WholePath(Case):
    def test_points_are_equal_on_both_sides_and_restore_to_what_the_image_was(self):
        self.two_hosts()
        self.enrol()
        image = self.image(8)
        self.protect(image)
        shutil.copy(image, self.world.path("kept.1"))
        change_image(image, 4096 * 5 + 100, b"a word in the middle of a block")
        done = self.alpha.json("sync", "web1")
        self.assertEqual((done["sequence"], done["changed_bytes"]), (2, 4096))
        shutil.copy(image, self.world.path("kept.2"))
        self.assertEqual(len(self.alpha.points("web1")), 2)
        self.assertEqual(self.alpha.points("web1"), self.chi.points("web1"))
        self.assertEqual(self.alpha.points("web1")[-1][1], done["digest"])
        verified = self.chi.run("verify", "web1", "--all")
        self.assertEqual(verified.status, 0, verified.err)
        self.assert_restores("web1", 1, self.world.path("kept.1"))
        self.assert_restores("web1", "latest", self.world.path("kept.2"))
        machine = self.alpha.json("status", "web1")["machines"][0]
        self.assertEqual((machine["role"], machine["health"], machine["points"]), ("primary", "normal", 2))
        self.assertIn("sync of 'web1': done, point 2", self.alpha.log())

    def test_a_session_on_three_lanes_carries_the_same(self):
        self.two_hosts()
        self.enrol()
        self.assertEqual(self.alpha.stop(), 0)
        self.alpha.configure("lanes = 1", "lanes = 3")
        self.alpha.start()
        image = self.image(48)
        self.protect(image)
        change_image(image, 4096 * 7, os.urandom(16 << 20))
        self.assertEqual(self.alpha.json("sync", "web1")["sequence"], 2)
        self.assertEqual(self.alpha.points("web1"), self.chi.points("web1"))
        self.assert_restores("web1", "latest", image)
        for host in (self.alpha, self.chi):
            wait_until(f"{host.name} tells of its lanes", lambda host=host: " on 3 lanes" in host.log())
            self.assertNotIn("without a further lane", host.log())

    def test_both_daemons_are_started_again_and_go_on(self):
        self.two_hosts()
        self.enrol()
        image = self.image(4)
        self.protect(image)
        self.assertEqual(self.alpha.stop(), 0)
        self.assertEqual(self.chi.stop(), 0)
        self.assertFalse(os.path.exists(self.chi.socket))
        self.chi.start()
        self.alpha.start()
        change_image(image, 0, b"after the restart")
        self.assertEqual(self.alpha.json("sync", "web1")["sequence"], 2)
        self.assertEqual(self.alpha.points("web1"), self.chi.points("web1"))
        self.assert_restores("web1", "latest", image)

    def test_a_seed_travels_on_a_medium(self):
        self.two_hosts()
        self.enrol()
        image = self.image(6)
        done = self.alpha.run("protect", "web1", "--replica", "chi", "--disk", f"root={image}", "--seed", "media")
        self.assertEqual(done.status, 0, done.err)
        medium = self.world.path("medium")
        self.assertEqual(self.alpha.run("export", "web1", "--to", medium).status, 0)
        self.assertEqual(self.chi.run("import", medium).status, 0)
        self.assertEqual(self.alpha.run("sync", "web1").status, 0)
        self.assertEqual(self.alpha.points("web1"), self.chi.points("web1"))
        self.assert_restores("web1", "latest", image)


def forbid_io_uring():
    """A filter of system calls for this process and those it starts, as containers have one: EPERM for io_uring_setup."""
    libc = ctypes.CDLL(None, use_errno=True)
    rule = struct.Struct("HBBI")  # sock_filter: code, jump if true, jump if false, operand
    rules = b"".join([rule.pack(0x20, 0, 0, 0),  # load the number of the call
                      rule.pack(0x15, 0, 1, 425),  # io_uring_setup?
                      rule.pack(0x06, 0, 0, 0x00050000 | errno.EPERM),
                      rule.pack(0x06, 0, 0, 0x7fff0000)])
    held = ctypes.create_string_buffer(rules)
    program = struct.pack("@HP", len(rules) // rule.size, ctypes.addressof(held))
    no_new_privileges, seccomp, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0 or libc.prctl(seccomp, filter_mode, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Platforms(Case):
    """How files and sockets are reached; all other tests run on what the host allows."""

    def configure(self, host, io):
        path = pathlib.Path(host.config)
        path.write_text(re.sub(r"(?m)^io = .*$", f'io = "{io}"', path.read_text("utf-8")), "utf-8")

    def launch_filtered(self, host):
        with open(host.log_path, "a", encoding="utf-8") as log:
            return subprocess.Popen([process_kit.AFTERIMAGED, "--config", host.config], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, env=self.world.environment, preexec_fn=forbid_io_uring)

    def replicate_on(self, io, what):
        self.two_hosts()
        for host in (self.alpha, self.chi):
            self.assertEqual(host.stop(), 0)
            self.configure(host, io)
            host.start()
            self.assertIn(f"files and sockets through {what}: the configuration says [host] io = {io}", host.log())
        self.enrol()
        image = self.image(8)
        self.protect(image)
        change_image(image, 4096 * 3, b"a change")
        self.assertEqual(self.alpha.json("sync", "web1")["sequence"], 2)
        self.assertEqual(self.alpha.points("web1"), self.chi.points("web1"))
        self.assertEqual(self.chi.run("verify", "web1", "--all").status, 0)
        self.assert_restores("web1", "latest", image)

    def test_two_daemons_on_epoll_and_threads(self):
        self.replicate_on("posix", "epoll and threads")

    def test_two_daemons_on_io_uring(self):
        probe = self.world.host("probe")
        if "through io_uring" not in probe.log():
            self.skipTest(probe.log())
        self.replicate_on("uring", "io_uring")

    def test_without_io_uring_the_daemon_goes_on_and_says_why_unless_it_was_demanded(self):
        alpha = self.world.host("alpha", start=False)
        alpha.process = self.launch_filtered(alpha)
        wait_until("it answers", alpha.answers)
        self.assertIn("files and sockets through epoll and threads: io_uring cannot be used: ", alpha.log())
        self.assertEqual(alpha.stop(), 0)
        self.configure(alpha, "uring")
        self.assertEqual(self.launch_filtered(alpha).wait(process_kit.PATIENCE), 1)
        self.assertIn("the configuration says [host] io = uring, but io_uring cannot be used: ", alpha.log())


class BadInput(Case):
    def test_what_is_wrong_is_said_with_its_exit_status_and_changes_nothing(self):
        self.two_hosts()
        image = self.image(1)
        protect = ("protect", "web1", "--disk", f"root={image}", "--replica")
        self.refused(10, self.alpha.run(*protect, "chi"), "enrol join")
        self.refused(2, self.alpha.run("enrol", "join", "no-key"))
        self.enrol()
        self.refused(10, self.alpha.run(*protect, "nobody"), "chi")
        missing = self.world.path("missing.img")
        answer = self.alpha.run("protect", "web1", "--replica", "chi", "--disk", f"root={missing}")
        self.refused(1, answer, "missing.img")
        for name in ("../web1", "a/b", "", "x" * 65, "a\nb"):
            answer = self.alpha.run("protect", name, "--replica", "chi", "--disk", f"root={image}")
            self.assertEqual(answer.status, 2, f"{name!r}: {answer.err}")
        self.refused(10, self.alpha.run("sync", "web9"), "web9")
        self.refused(10, self.alpha.run("points", "web9"), "web9")
        self.refused(10, self.chi.run("verify", "web9", "--all"), "web9")
        self.refused(10, self.alpha.run("peers", "revoke", "web9"), "web9")
        self.refused(15, self.alpha.run("enrol", "key"), "store")
        self.assertEqual(self.alpha.json("status")["machines"], [])
        self.protect(image)
        self.refused(15, self.alpha.run(*protect, "chi"), "web1")
        target = self.world.path("there.img")
        with open(target, "w", encoding="ascii") as there:
            there.write("something")
        restore = ("restore", "web1", "--disk", "root", "--to", target)
        self.refused(15, self.chi.run(*restore), "--force")
        self.refused(10, self.chi.run(*restore, "--point", "9", "--force"), "9")
        with open(target, encoding="ascii") as there:
            self.assertEqual(there.read(), "something")
        self.assertEqual(self.chi.run(*restore, "--force").status, 0)
        self.assertTrue(same_content(target, image))

    def test_a_replica_that_is_down_is_unreachable(self):
        self.two_hosts()
        self.enrol()
        image = self.image(1)
        self.chi.stop()
        answer = self.alpha.run("protect", "web1", "--replica", "chi", "--disk", f"root={image}")
        self.refused(13, answer, f"replica 127.0.0.1:{self.chi.replication_port} cannot be reached")

    def lose_host_db(self):
        self.chi.stop()
        for name in os.listdir(self.world.path("store")):
            if name.startswith("host.db"):
                os.remove(os.path.join(self.world.path("store"), name))
        self.chi.start()

    def test_a_lost_host_db_is_rebuilt_with_all_points_and_says_what_is_gone(self):
        self.two_hosts()
        self.enrol()
        image = self.image(2)
        self.protect(image)
        points = self.chi.points("web1")
        self.lose_host_db()
        self.assertIn("peers, permissions and registration keys are gone", self.chi.log())
        self.assertEqual(self.chi.points("web1"), points)
        machine = self.chi.json("status")["machines"][0]
        self.assertEqual(machine["health"], "warning")
        self.assertIn("its primary is not known to this host", machine["reasons"][0])
        self.enrol()
        self.assertEqual(self.chi.json("status")["machines"][0]["health"], "normal")
        self.assertEqual(self.alpha.run("sync", "web1").status, 0)
        self.assert_restores("web1", "latest", image)

    def test_a_replica_that_has_forgotten_this_host_says_what_to_do(self):
        self.two_hosts()
        self.enrol()
        self.lose_host_db()
        answer = self.alpha.run("protect", "web1", "--replica", "chi", "--disk", f"root={self.image(1)}")
        self.refused(12, answer, f"replica 127.0.0.1:{self.chi.replication_port} does not know this host; "
                     "run 'afterimage enrol join KEY' first")
        self.assertIn("a connection is refused", self.chi.log())


class Faults(Case):
    def begin_protect(self):
        """A seeding that is on its way. A machine that is done before it can be disturbed is followed by a larger one."""
        for mebibytes in (160, 640, 2560):
            self.machine = f"web{mebibytes}"
            image = self.image(mebibytes, self.machine + ".img")
            job = self.alpha.begin("protect", self.machine, "--replica", "chi", "--disk", f"root={image}")
            wait_until("the seed is on its way", lambda: job.poll() is not None or self.alpha.is_transferring())
            if job.poll() is None:
                return image, job
        self.fail("no seeding is slow enough")

    def go_on(self, image):
        self.protect(image, self.machine)
        self.assert_whole(image)

    def assert_whole(self, image):
        self.assertEqual(self.alpha.points(self.machine), self.chi.points(self.machine))
        verified = self.chi.run("verify", self.machine, "--all")
        self.assertEqual(verified.status, 0, verified.err)
        self.assert_restores(self.machine, "latest", image)

    def test_a_replica_killed_in_the_middle_is_gone_on_with(self):
        self.two_hosts()
        self.enrol()
        image, job = self.begin_protect()
        self.chi.kill()
        self.chi.start()
        _, err = job.communicate(timeout=process_kit.PATIENCE)
        self.assertEqual(job.returncode, 0, err)
        self.assert_whole(image)

    def test_a_primary_killed_in_the_middle_is_gone_on_with(self):
        self.two_hosts()
        self.enrol()
        image, job = self.begin_protect()
        self.alpha.kill()
        job.communicate(timeout=process_kit.PATIENCE)
        self.assertEqual(job.returncode, 13)
        self.alpha.start()
        self.go_on(image)

    def test_a_daemon_that_is_asked_to_stop_does_so_in_the_middle_of_a_job(self):
        self.two_hosts()
        self.enrol()
        image, job = self.begin_protect()
        self.assertEqual(self.alpha.stop(), 0)
        job.communicate(timeout=process_kit.PATIENCE)
        self.assertNotEqual(job.returncode, 0)
        self.alpha.start()
        self.go_on(image)

    def test_a_revoked_primary_loses_its_session_at_once(self):
        self.two_hosts()
        self.enrol()
        image, job = self.begin_protect()
        self.assertEqual(self.chi.run("peers", "revoke", "alpha").status, 0)
        _, err = job.communicate(timeout=process_kit.PATIENCE)
        self.assertEqual(job.returncode, 12, err)
        self.assertIn("revoked", self.chi.log())
        self.refused(12, self.alpha.run("protect", self.machine, "--replica", "chi", "--disk", f"root={image}"))
        self.assertTrue(self.chi.json("peers")["peers"][0]["revoked"])


class OwnPki(Case):
    """Certificates of an operator's authority, made as docs/trust.md says."""

    def openssl(self, *words):
        process_kit.run_quietly("openssl", *words)

    def make_root(self):
        self.openssl("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     self.world.path("root.key"), "-out", self.world.path("root.crt"), "-days", "3650", "-subj", "/CN=corporate",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def put_certificate(self, host, days, extended="serverAuth,clientAuth"):
        host_id = re.search(r'id = "([0-9a-f]{32})"', pathlib.Path(host.config).read_text("utf-8")).group(1)
        folder, extensions = pathlib.Path(host.folder, "pki"), self.world.path("host.ext")
        pathlib.Path(extensions).write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            f"extendedKeyUsage={extended}\nsubjectAltName=URI:afterimage:host:{host_id}\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n", "ascii")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     str(folder / "host.key"), "-out", self.world.path("host.csr"), "-subj", f"/CN={host.name}")
        self.openssl("x509", "-req", "-in", self.world.path("host.csr"), "-CA", self.world.path("root.crt"), "-CAkey",
                     self.world.path("root.key"), "-CAcreateserial", "-days", str(days), "-sha256", "-extfile", extensions,
                     "-out", str(folder / "host.crt"))
        shutil.copy(self.world.path("root.crt"), folder / "authority.crt")
        (folder / "authority.key").unlink(missing_ok=True)

    def test_two_hosts_of_one_authority_replicate_and_take_over_new_files(self):
        self.make_root()
        self.alpha = self.world.host("alpha", start=False)
        self.chi = self.world.host("chi", "--store", self.world.path("store"), start=False)
        for host in (self.alpha, self.chi):
            self.put_certificate(host, 10)
            host.start()
        self.enrol()
        self.protect(self.image(2))
        status = self.chi.json("status")
        self.assertEqual((status["host"]["renewal"], status["host"]["certificate"]["left_days"]), ("by operator", 9))
        self.assertEqual(self.chi.json("peers")["peers"][0]["certificate"]["left_days"], 9)
        for host in (self.alpha, self.chi):
            self.put_certificate(host, 365)
            host.process.send_signal(signal.SIGHUP)
            wait_until("it is taken over", lambda host=host: "this host has a new certificate" in host.log())
        self.assertEqual(self.alpha.run("sync", "web1").status, 0)
        status = self.chi.json("status")
        self.assertEqual((status["host"]["health"], status["machines"][0]["health"]), ("normal", "normal"))
        self.assertEqual(self.chi.json("peers")["peers"][0]["certificate"]["left_days"], 364)

    def test_what_is_wrong_with_a_certificate_is_said_before_it_is_used(self):
        self.make_root()
        alpha = self.world.host("alpha", start=False)
        self.put_certificate(alpha, 10, "serverAuth")
        check = subprocess.run([process_kit.AFTERIMAGED, "--check-config", "--config", alpha.config],
                               env=self.world.environment, capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 15)
        self.assertIn("extended key usage does not include clientAuth", check.stderr)


class Life(Case):
    def end_of(self, process):
        return process.wait(process_kit.PATIENCE)

    def test_a_second_daemon_is_refused_on_one_state_and_on_one_store(self):
        store = self.world.path("store")
        chi = self.world.host("chi", "--store", store)
        self.assertEqual(self.end_of(chi.launch()), 11)
        self.assertIn("another afterimaged uses", chi.log())
        psi = self.world.host("psi", start=False)
        with open(psi.config, "a", encoding="utf-8") as config:
            config.write(f'\n[[store]]\nname = "default"\npath = "{store}"\n')
        self.assertEqual(self.end_of(psi.launch()), 11, psi.log())
        self.assertEqual(chi.run("status").status, 0)

    def test_no_store_is_made_where_the_volume_of_one_is_not_mounted(self):
        store = self.world.path("store")
        chi = self.world.host("chi", "--store", store)
        chi.stop()
        os.rename(store, store + ".volume")
        os.mkdir(store)
        self.assertNotEqual(self.end_of(chi.launch()), 0)
        self.assertIn("is not store default any more: its marker is missing; is its volume mounted?", chi.log())
        self.assertEqual(os.listdir(store), [])
        os.rmdir(store)
        os.rename(store + ".volume", store)
        chi.start()
        self.assertEqual(chi.run("status").status, 0)

    def test_a_store_that_is_mounted_read_only_is_said_and_left_as_it_is(self):
        store = self.world.path("store")
        chi = self.world.host("chi", "--store", store)
        self.assertEqual(chi.stop(), 0)
        if subprocess.run(["mount", "--bind", "-o", "ro", store, store], capture_output=True, check=False).returncode:
            self.skipTest("mounting is refused here (needs root)")
        self.addCleanup(subprocess.run, ["umount", store], capture_output=True, check=False)
        self.assertEqual(self.end_of(chi.launch()), 1)
        self.assertIn(f"nothing can be written in {store}, where host.db lies", chi.log())
        self.assertIn("Read-only file system; see why ('dmesg'), then mount it read-write", chi.log())
        process_kit.run_quietly("umount", store)
        chi.start()

    def test_a_port_that_is_taken_is_said(self):
        alpha = self.world.host("alpha", start=False)
        with socket.create_server(("127.0.0.1", alpha.control_port)):
            self.assertEqual(self.end_of(alpha.launch()), 11)
        self.assertIn(f"cannot listen on 127.0.0.1:{alpha.control_port}", alpha.log())

    def test_wrong_configurations_and_identities_are_refused(self):
        alpha = self.world.host("alpha", start=False)
        beta = self.world.host("beta", start=False)
        check = subprocess.run([process_kit.AFTERIMAGED, "--check-config", "--config", alpha.config],
                               env=self.world.environment, capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        shutil.move(os.path.join(beta.folder, "pki"), os.path.join(beta.folder, "pki.aside"))
        self.assertEqual(self.end_of(beta.launch()), 15)
        self.assertIn("afterimage host init", beta.log())
        shutil.copytree(os.path.join(alpha.folder, "pki"), os.path.join(beta.folder, "pki"))
        self.assertEqual(self.end_of(beta.launch()), 15)
        os.chmod(os.path.join(alpha.folder, "pki", "host.key"), 0o644)
        self.assertEqual(self.end_of(alpha.launch()), 15)
        self.assertIn("can be read or written by others", alpha.log())
        with open(alpha.config, "a", encoding="utf-8") as config:
            config.write('\n[[stroe]]\nname = "a"\n')
        self.assertEqual(self.end_of(alpha.launch()), 2)
        self.assertIn("stroe", alpha.log())
        self.assertEqual(self.end_of(alpha.launch(config="/nowhere/afterimaged.toml")), 1)

    def test_the_service_manager_is_told(self):
        alpha = self.world.host("alpha", start=False)
        address = self.world.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(process_kit.PATIENCE)
            alpha.process = alpha.launch(environment={"NOTIFY_SOCKET": address})
            self.assertIn(b"EXTEND_TIMEOUT_USEC=", manager.recv(4096))
            self.assertIn(b"READY=1", manager.recv(4096))
            self.assertEqual(alpha.run("status").status, 0)
            alpha.process.send_signal(signal.SIGHUP)
            self.assertIn(b"RELOADING=1", manager.recv(4096))
            self.assertIn(b"READY=1", manager.recv(4096))
            alpha.process.send_signal(signal.SIGTERM)
            self.assertIn(b"STOPPING=1", manager.recv(4096))
        self.assertEqual(self.end_of(alpha.process), 0)
        self.assertIn("was read again", alpha.log())

    def test_the_journal_gets_priorities(self):
        alpha = self.world.host("alpha", start=False)
        alpha.process = alpha.launch(environment={"JOURNAL_STREAM": "1:1"})
        wait_until("it answers", alpha.answers)
        self.assertEqual(alpha.stop(), 0)
        self.assertTrue(all(line.startswith("<6>") for line in alpha.log().splitlines()), alpha.log())


def main():
    process_kit.AFTERIMAGED, process_kit.AFTERIMAGE = map(os.path.abspath, sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()
