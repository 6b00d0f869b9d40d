# SPDX-License-Identifier: Apache-2.0
"""The tools people use instead: each is one shell pipeline that ends when the replica is durable."""
import subprocess
import time

LISTEN = ("OPENSSL-LISTEN:7001,bind=127.0.0.1,reuseaddr,cert={pki}/server.pem,cafile={pki}/ca-cert.pem,verify=1,"
          "openssl-min-proto-version=TLS1.3")
CONNECT = ("OPENSSL:127.0.0.1:7001,cert={pki}/client.pem,cafile={pki}/ca-cert.pem,commonname=localhost,"
           "openssl-min-proto-version=TLS1.3")


def make_pki(folder):
    """Certificates for mutual TLS with P-256, as Afterimage has them, under the names that the NBD tools look for."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "client.pem").exists():
        return folder
    script = r"""
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca-key.pem -out ca-cert.pem -days 3650 \
  -subj /CN=bench-ca -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
for end in server client; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $end-key.pem -out $end.csr -subj /CN=localhost
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%sAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n' $end >$end.ext
  openssl x509 -req -in $end.csr -CA ca-cert.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -extfile $end.ext -out $end-cert.pem
  cat $end-cert.pem $end-key.pem >$end.pem
done
"""
    subprocess.run(["bash", "-c", script], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def _wait_for_port(port):
    wanted = f":{port:04X} "
    for _ in range(2000):
        with open("/proc/net/tcp", encoding="ascii") as table:
            if any(wanted in line and " 0A " in line for line in table):
                return
        time.sleep(0.005)
    raise RuntimeError(f"port {port} never opened")


def pipe(pki, send, receive):
    """send | TLS 1.3, mutual | receive"""
    listen, connect = LISTEN.format(pki=pki), CONNECT.format(pki=pki)
    receiver = subprocess.Popen(["bash", "-o", "pipefail", "-c", f"socat -u -b 262144 {listen} - | ({receive})"])
    _wait_for_port(7001)
    subprocess.run(["bash", "-o", "pipefail", "-c", f"({send}) | socat -u -b 262144 - {connect}"], check=True)
    if receiver.wait() != 0:
        raise RuntimeError("the receiving end of a pipe failed")


def nbdcopy(pki, source, target, size):
    """nbdcopy to nbdkit's file plugin over TLS."""
    subprocess.run(["truncate", "-s", str(size), target], check=True)
    server = subprocess.Popen(["nbdkit", "-f", "-i", "127.0.0.1", "-p", "7002", "--tls=require",
                               f"--tls-certificates={pki}", "--tls-verify-peer", "file", target])
    _wait_for_port(7002)
    subprocess.run(["nbdcopy", "--destination-is-zero", "--flush", source,
                    f"nbds://localhost:7002/?tls-certificates={pki}"], check=True)
    server.terminate()
    server.wait()
    subprocess.run(["sync", "-d", target], check=True)
