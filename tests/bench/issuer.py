"""The issuer of the bench's API token: a real key, published on loopback by a real (tiny) HTTP server."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs access tokens."""

    issuer: str
    key: ECKey

    def token(self, audience: str) -> str:
        """An RFC 9068 access token of the robot `bench`, valid for a day."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": audience, "sub": "bench", "client_id": "bench", "iat": now, "exp": now + 86_400,
            "jti": uuid4().hex, "scope": "staff:read",
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "bench"}, claims, self.key)


@contextmanager
def running() -> Iterator[Issuer]:
    """An issuer that publishes its discovery document and keys while the block runs."""
    key = ECKey.generate_key("P-256", {"kid": "bench", "use": "sig", "alg": "ES256"})

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
            documents = {
                "/.well-known/openid-configuration": {
                    "issuer": base, "jwks_uri": f"{base}/keys", "authorization_endpoint": f"{base}/authorize",
                    "token_endpoint": f"{base}/token", "response_types_supported": ["code"],
                    "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
                },
                "/keys": {"keys": [key.as_dict(private=False)]},
            }  # fmt: skip
            body = json.dumps(documents.get(self.path, {})).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Issuer(f"http://127.0.0.1:{server.server_port}", key)
    finally:
        server.shutdown()
