"""A real time stamping authority (RFC 3161) on this machine: `openssl ts` behind a small HTTP server."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

CONFIG = """
[ tsa ]
default_tsa = made
[ made ]
dir = .
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ req ]
distinguished_name = name
prompt = no
[ name ]
CN = Test Authority
[ ca ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[ stamping ]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
authorityKeyIdentifier = keyid
"""


@dataclass
class Authority:
    """The authority: its address, its root certificate, and how it answers (`None`: rightly)."""

    folder: Path
    url: str = ""
    wrong: bytes | None = None
    status: int = 200
    media_type: str = "application/timestamp-reply"
    asked: list[bytes] = field(default_factory=list)

    @property
    def roots(self) -> Path:
        """The certificate by which its stamps are checked."""
        return self.folder / "ca.pem"

    def reply(self, query: bytes) -> bytes:
        """What the authority answers to a query."""
        (self.folder / "query.tsq").write_bytes(query)
        openssl(self.folder, "ts", "-reply", "-queryfile", "query.tsq", "-config", "tsa.cnf", "-out", "answer.tsr")
        return (self.folder / "answer.tsr").read_bytes()


def openssl(folder: Path, *arguments: str) -> str:
    """Runs openssl in a folder. Raises RuntimeError with its words when it fails, or with the cure when missing."""
    program = shutil.which("openssl")
    if program is None:
        raise RuntimeError("These tests need a time stamping authority: install it with `apt install openssl`.")
    ended = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=180)
    if ended.returncode:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {ended.stdout}{ended.stderr}")
    return ended.stdout


def make(folder: Path, name: str = "Test Authority", *, days: str = "3650") -> Authority:
    """An authority with keys and certificates of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", "tsa.cnf")
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", f"/CN={name} root",
            "-extensions", "ca", "-days", days)  # fmt: skip
    openssl(folder, "req", "-new", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name}")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "tsa.pem", "-extfile", "tsa.cnf", "-extensions", "stamping", "-days", days)  # fmt: skip
    return Authority(folder)


@contextmanager
def serving(authority: Authority) -> Iterator[Authority]:
    """The authority, answering on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            authority.asked.append(query)
            answer = authority.reply(query) if authority.wrong is None else authority.wrong
            self.send_response(authority.status)
            self.send_header("Content-Type", authority.media_type)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/stamp"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
