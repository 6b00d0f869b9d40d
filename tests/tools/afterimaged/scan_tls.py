#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the scanners that people point at TLS servers say of both ports.

    scan_tls.py AFTERIMAGED AFTERIMAGE

Needs sslscan and testssl.sh (both in Debian). The control port takes clients of any kind, so the scanners see it; the
replication port takes only those that name its protocol, so OpenSSL's own client looks there. Exit status 0 if there is
nothing to complain of but what is meant so.
"""
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "kit"))

import process_kit  # noqa: E402
from process_kit import World  # noqa: E402

MEANT_SO = {
    "cert_trust": "the identity is a URI with the host's id; names and addresses are none",
    "cert_chain_of_trust": "each host has an authority of its own, which its peers have pinned",
    "cert_revocation": "revocation is by host, on the host that revokes, at once: afterimage peers revoke",
    "DNS_CAArecord": "no public authority issues these certificates",
    "HSTS": "no browser comes here, and there is no port without TLS to turn to",
}
HARMLESS = {"OK", "INFO"}


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=900, **options)


def scan_with_sslscan(port):
    text = run("sslscan", "--no-colour", f"127.0.0.1:{port}").stdout
    print(text)
    wrong = [f"sslscan: {name} is not disabled" for name in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")
             if f"{name:<10}disabled" not in text]
    if "TLSv1.3   enabled" not in text:
        wrong.append("sslscan: TLSv1.3 is not enabled")
    offers = [line for line in text.splitlines() if line.startswith(("Accepted", "Preferred"))]
    return wrong + [f"sslscan: {line}" for line in offers if "TLSv1.3" not in line]


def scan_with_testssl(port, folder):
    report = os.path.join(folder, "testssl.json")
    run("testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "one", "--jsonfile", report,
        f"127.0.0.1:{port}")
    with open(report, encoding="utf-8") as text:
        findings = json.load(text)
    for finding in findings:
        if finding["severity"] not in HARMLESS:
            print(f"testssl: {finding['severity']} {finding['id']}: {finding['finding']}: "
                  f"{MEANT_SO.get(finding['id'], 'NOT MEANT SO')}")
    print(f"testssl: {len(findings)} findings")
    if len(findings) < 50:
        return [f"testssl: it has looked at {len(findings)} things only"]
    return [f"testssl: {finding['id']}: {finding['finding']}" for finding in findings
            if finding["severity"] not in HARMLESS and finding["id"] not in MEANT_SO]


def look_with_openssl(port):
    def meets(*words):
        text = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words, input="").stdout
        return "Cipher is TLS_" in text or "Cipher is EC" in text
    wrong = [f"openssl: the replication port takes {version}" for version in ("-tls1", "-tls1_1", "-tls1_2")
             if meets(version, "-alpn", "afterimage/1", "-cipher", "ALL:@SECLEVEL=0")]
    if not meets("-tls1_3", "-alpn", "afterimage/1"):
        wrong.append("openssl: the replication port does not take TLS 1.3")
    if meets("-tls1_3"):
        wrong.append("openssl: the replication port takes a client that names no protocol")
    if meets("-tls1_3", "-alpn", "afterimage/1", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"):
        wrong.append("openssl: the replication port takes a short tag")
    return wrong


def main():
    process_kit.AFTERIMAGED, process_kit.AFTERIMAGE = map(os.path.abspath, sys.argv[1:3])
    world = World()
    try:
        chi = world.host("chi", "--store", world.path("store"))
        wrong = look_with_openssl(chi.replication_port) + scan_with_sslscan(chi.control_port)
        wrong += scan_with_testssl(chi.control_port, world.folder)
    finally:
        world.close(False)
    print("\n".join(wrong) or "nothing to complain of")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
