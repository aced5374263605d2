"""Running the demo: settings of its own, its provider on loopback and the portal, in one process."""

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from portal import logs, migrate, settings
from portal.app import create_app
from portal.db import Database
from portal.demo import acceptance, serving
from portal.demo.cast import CAST
from portal.demo.load import PROJECTS, load
from portal.demo.provider import DemoProvider
from portal.errors import Conflict, NotFound, PortalError, Unavailable
from portal.serve import listening, server
from portal.settings import Settings

HOST = "127.0.0.1"
ADDRESSES = "addresses.json"
SECRET = "secret"

Say = Callable[[str], None]


def run(folder: Path, *, port: int, provider_port: int, say: Say) -> None:
    """Loads the demo into `folder` if it is not there yet, says where it is, and serves it until told to stop."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(folder, port, provider_port, say))


async def _run(folder: Path, port: int, provider_port: int, say: Say) -> None:
    provider = provider_of(port, provider_port)
    chosen = settings_of(folder, provider)
    logs.configure(chosen)
    await fill(chosen, provider.issuer, say)
    app = create_app(chosen, with_background=True)
    with listening(HOST, port) as place:
        async with serving.running(provider, HOST, provider_port):
            (folder / ADDRESSES).write_text(json.dumps({"portal": chosen.base_url, "provider": provider.issuer}))
            for line in welcome(chosen, provider):
                say(line)
            testing = asyncio.create_task(acceptance.begin(app.state.database, PROJECTS[0].key))
            await server(app, chosen).serve([place])
            testing.cancel()


def provider_of(port: int, provider_port: int) -> DemoProvider:
    """The provider for a portal at this port."""
    portal_url = f"http://{HOST}:{port}"
    return DemoProvider(f"http://{HOST}:{provider_port}", portal_url, f"{portal_url}/api")


def settings_of(folder: Path, provider: DemoProvider) -> Settings:
    """The demo's settings. The environment is not asked: the demo never touches a real portal's database."""
    fixed: dict[str, Any] = {
        "environment": "demo",
        "base_url": provider.portal_url,
        "data_dir": folder,
        "secret_key": _secret(folder),
        "agency_name": "Bright Harbour",
        "oidc_providers": (provider.settings,),
        "api_issuer": provider.issuer,
        "api_audience": provider.audience,
        "api_staff_groups": dict(provider.settings.staff_groups),
        "robots": (provider.robot,),
        "mail_folder": folder / "mail",
        "log_level": "WARNING",
    }
    return settings.load({}, **fixed)


def _secret(folder: Path) -> str:
    """The demo's secret key: kept, so that paging links outlive a restart."""
    path = folder / SECRET
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


async def fill(chosen: Settings, issuer: str, say: Say) -> None:
    """Makes the demo's database and loads its projects, as far as they are not there.

    Raises Conflict when what an older release loaded does not take what this one adds.
    """
    database = Database(chosen.database)
    try:
        async with database.read() as db:
            is_current = await migrate.current(db) == migrate.head()
        if not is_current:
            await migrate.upgrade(database)
        await load(database, chosen, issuer, say)
    except PortalError as error:
        raise Conflict(
            f"The demo in {chosen.data_dir} was loaded by another release, and this one's additions do not fit: "
            f"{error.message} Remove that folder to load it anew."
        ) from error
    finally:
        await database.dispose()


def welcome(chosen: Settings, provider: DemoProvider) -> list[str]:
    """What somebody who has just started the demo needs to know."""
    people = [f"  {person.name:<16} {person.says}" for person in CAST]
    pages = [f"  {chosen.base_url}/projects/{project.key:<10} {project.company}" for project in PROJECTS]
    return [
        "",
        f"The portal:   {chosen.base_url}",
        f"Sign-in at:   {provider.issuer} (choose a name; no password)",
        *pages,
        "",
        "Who can sign in:",
        *people,
        "",
        f"Mail lies in {chosen.mail_folder}. A token for the API: portal demo token",
        "Stop with Ctrl-C; the data stays.",
        "",
    ]


async def token(folder: Path, who: str, scope: str | None) -> str:
    """An API token from the running demo. Raises NotFound for somebody unknown, Unavailable when no demo runs."""
    import httpx2

    try:
        address = json.loads((folder / ADDRESSES).read_text())["provider"]
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
            form = {"who": who} | ({"scope": scope} if scope else {})
            answer = await client.post(f"{address}/demo/token", data=form)
    except (FileNotFoundError, httpx2.HTTPError) as error:
        raise Unavailable("The demo does not run: start it with `portal demo`.") from error
    if answer.status_code == 404:
        raise NotFound(f"{answer.json()['detail']}.", field="WHO", value=who)
    return str(answer.raise_for_status().json()["access_token"])
