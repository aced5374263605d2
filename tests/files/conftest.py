"""A store of the test's own beside its database, and files to put in it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from portal.files.store import Store, open_store
from portal.settings import Settings


def settings_for(folder: Path, **more: Any) -> Settings:
    """Settings that are fit for a test."""
    fit = {
        "environment": "test", "base_url": "http://portal.example", "data_dir": folder,
        "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz",
    }  # fmt: skip
    return Settings.model_validate(fit | more)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a folder."""
    return open_store(settings_for(tmp_path))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """Bytes as they arrive."""
    for part in parts:
        yield part
