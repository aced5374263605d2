"""A store of the test's own beside its database, in a folder and in a bucket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.files.store import Store, open_store
from portal.settings import Settings
from tests.support.bucket import Buckets, s3_server


def settings_for(folder: Path, **more: Any) -> Settings:
    """Settings that are fit for a test."""
    fit = {
        "environment": "test", "base_url": "http://portal.example", "data_dir": folder,
        "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz",
    }  # fmt: skip
    return Settings.model_validate(fit | more)


@pytest.fixture(scope="session")
def s3() -> Iterator[Buckets]:
    """The run's S3 server."""
    with s3_server() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a folder."""
    return open_store(settings_for(tmp_path))


class Place:
    """A store, and what lies in it as one sees who looks past it."""

    def __init__(self, store: Store, bucket: str, s3: Buckets | None) -> None:
        self.store, self.bucket, self.s3 = store, bucket, s3

    def lying(self) -> list[str]:
        """All keys, half files too."""
        if self.s3:
            return [key.removeprefix("portal/") for key in self.s3.keys(self.bucket)]
        folder = self.store.folder
        assert folder is not None
        return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())

    def arrived(self) -> int:
        """Bytes of unfinished uploads that lie in the bucket."""
        assert self.s3 is not None
        return self.s3.arrived(self.bucket)

    def half(self) -> int:
        """Uploads that were begun and not ended."""
        return self.s3.half(self.bucket) if self.s3 else 0


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A store, in a folder and in a bucket."""
    if request.param == "folder":
        return Place(open_store(settings_for(tmp_path)), "", None)
    s3: Buckets = request.getfixturevalue("s3")
    bucket = s3.create()
    return Place(open_store(settings_for(tmp_path, **s3.settings(bucket))), bucket, s3)


async def hang_up(portal: Any, method: str, path: str, headers: dict[str, str], begun: bytes) -> int:
    """A request whose sender goes away after the first bytes; the status of the answer that nobody reads."""
    waiting: list[Any] = [{"type": "http.request", "body": begun, "more_body": True}, {"type": "http.disconnect"}]
    answered: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def answer(message: Any) -> None:
        answered.append(message)

    path, _, query = path.partition("?")
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(b"host", b"portal.example"), *raw], "scheme": "http", "server": ("portal.example", 80),
        "client": ("127.0.0.1", 1), "http_version": "1.1", "asgi": {"version": "3.0"}, "root_path": "",
    }  # fmt: skip
    await portal(scope, receive, answer)
    return int(answered[0]["status"])
