"""The API with something of everything in it, so that each operation has what it works on."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from portal import clock
from portal.people.models import Company
from tests.api.conftest import Api, api, cast, portal  # fixtures
from tests.support import acceptance, billing, designs
from tests.support.decisions import answer, ask, keys_in
from tests.support.files import add_file

__all__ = ["api", "cast", "portal"]

B = "/v1/projects/BRIDGE"
EXAMPLE_COMPANY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def stage(api: Api, tmp_path: Path) -> dict[str, Any]:
    """What there is, by the names that addresses use for it."""
    now = clock.now()
    async with api.database.write() as db:
        db.add(Company(id=UUID(EXAMPLE_COMPANY), name="Example", external_ref=None, created_at=now, updated_at=now))
    await api.post(f"{B}/items", {"title": "A", "points": "3", "audience": "client"})
    await api.post(f"{B}/milestones", {"name": "Beta", "expected_on": "2026-12-18"})
    await api.post(f"{B}/iterations", {"name": "Sprint 7", "starts_on": "2026-11-09", "ends_on": "2026-11-20"})
    invited = await api.post(f"{B}/invitations", {"email": "jo@client.example", "roles": ["viewer"]})
    await add_file(api.database, api.cast, api.client._transport.app.state.files, "A file")  # type: ignore[attr-defined]
    await designs.shown(api.database, api.cast)
    await designs.shown(api.database, api.cast, "Decided")
    await designs.ask(api.database, api.cast, 2)
    await api.post(f"{B}/designs/1/pins", {"version": 1, "position": 1, "x": 1, "y": 1, "text": "Larger."})
    status = (await api.get(f"{B}/statuses"))["items"][0]["id"]
    hook = await api.post("/v1/webhooks", {"name": "Hook", "url": "https://hooks.example/"}, by="root")
    complete = {"description": "What it does.", "priority": "must", "criteria": ["It does."], "audience": "client"}
    for title in ("One", "Two"):
        await api.post(f"{B}/requirements", complete | {"title": title})
    await ask(api.database, api.cast, subject_number=99)
    second = await ask(api.database, api.cast, subject_number=98)
    answered = await answer(api.database, api.cast, keys_in(tmp_path), second)
    line = {"text": "Work", "quantity": "1", "unit": "LS", "unit_price": "1000", "tax_category": "Z", "tax_rate": "0"}
    await api.post(f"{B}/contract", {"kind": "fixed_price", "bought": "It", "lines": [line], "signed_on": "2026-11-02"})
    await api.post(f"{B}/changes", {"title": "More", "wanted": "More of it."})
    await api.post(f"{B}/changes/1/pricing", {"alternatives": [{"title": "Now", "lines": [line]}]}, expect=200)
    entries = await billing.stage(api.database, api.cast)
    return {
        "entry_id": str(entries[0]),
        "aside_id": str(entries[1]),
        **await acceptance.stage(api.database, api.cast),
        "key": "BRIDGE",
        "number": 1,
        "company_id": EXAMPLE_COMPANY,
        "person_id": str(api.cast.people["eve"]),
        "nobody_id": str(api.cast.people["nemo"]),
        "status_id": status,
        "invitation_id": invited["id"],
        "client_id": "sync-job",
        "webhook_id": hook["id"],
        "import_id": EXAMPLE_COMPANY,
        "version": 1,
        "pin": 1,
        "decision": second.number,
        "seq": answered.receipt.seq,
        "from_kind": "requirement",
        "from_number": 1,
        "to_kind": "item",
        "to_number": 1,
    }
