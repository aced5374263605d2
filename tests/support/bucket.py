"""An S3 server of the tests' own, and buckets in it."""

import contextlib
import itertools
import logging
from collections.abc import Iterator
from typing import Any

import httpx2

_numbers = itertools.count(1)


class Buckets:
    """A running server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def create(self) -> str:
        """A new, empty bucket's name."""
        name = f"files-{next(_numbers)}"
        httpx2.put(f"{self.address}/{name}").raise_for_status()
        return name

    def settings(self, bucket: str, prefix: str = "portal") -> dict[str, Any]:
        """What the portal is told so that its files lie there."""
        options = {"endpoint": self.address, "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
        return {"files_url": f"s3://{bucket}/{prefix}", "files_options": options}

    def keys(self, bucket: str) -> list[str]:
        """The keys of all objects of a bucket."""
        listed = httpx2.get(f"{self.address}/{bucket}?list-type=2").text
        return sorted(part.partition("</Key>")[0] for part in listed.split("<Key>")[1:])

    def half(self, bucket: str) -> int:
        """How many uploads were begun and neither finished nor given up."""
        return httpx2.get(f"{self.address}/{bucket}?uploads").text.count("<UploadId>")

    def arrived(self, bucket: str) -> int:
        """How many bytes of unfinished uploads have arrived; the server runs in this process."""
        from moto.backends import get_backend

        uploads = get_backend("s3")["123456789012"]["global"].buckets[bucket].multiparts
        return sum(part.size for upload in list(uploads.values()) for part in list(upload.parts.values()))


@contextlib.contextmanager
def s3_server() -> Iterator[Buckets]:
    """A server on loopback, as long as the block lasts."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Buckets(f"http://{host}:{port}")
    finally:
        server.stop()
