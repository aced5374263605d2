"""No mail carries a word of another client, of the inside, or of money to whoever may not see it."""

from datetime import timedelta

import time_machine
from sqlalchemy import select

from portal import clock
from portal.ledger.models import Audience
from portal.mailing import digests, telling
from portal.mailing.sending import preparer
from portal.notify import outbox
from portal.notify.compose import composer
from portal.notify.models import Mail
from tests.isolation import table
from tests.isolation.conftest import SECRETS, Stage
from tests.support.cast import add_item
from tests.support.decisions import ask
from web.catalogues import catalogue

MONEY = "4711"


async def everything_mailed(stage: Stage) -> dict[str, str]:
    """All that everybody is mailed about both projects until the next morning, subject, headers and texts, by name."""
    state, sent = stage.app.state, dict[str, str]()

    async def deliver(message) -> None:
        bodies = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
        who = str(message["To"]).partition("@")[0]
        sent[who] = sent.get(who, "") + "\n".join([*map(str, message.values()), *bodies])

    compose, prepare = composer(state.settings, catalogue), preparer(state.database, state.files)
    for moment in (clock.now(), clock.now() + timedelta(days=1)):
        with time_machine.travel(moment, tick=False):
            await telling.tell_people(state.database, state.settings)
            await digests.send_digests(state.database)
            while await outbox.send_one(state.database, compose, deliver, prepare):
                pass
    return sent


async def test_no_mail_carries_a_word_that_its_reader_may_not_read(stage: Stage):
    database, cast = stage.app.state.database, stage.cast
    await ask(database, cast, title=f"The price: {MONEY}", audience=Audience.BILLING, subject_number=77)
    await ask(database, cast, key="HARBOUR", title=f"{SECRETS['HARBOUR']} again", subject_number=78)
    await add_item(database, cast, title="A bridge to everybody")
    sent = await everything_mailed(stage)
    assert {"ada", "eve", "finn", "mallory"} <= sent.keys()
    assert "A bridge to everybody" in sent["eve"]
    assert SECRETS["HARBOUR"] in sent["mallory"]
    for who, text in sent.items():
        if who not in table.STAFF:
            assert SECRETS["internal"] not in text
        if who in table.CLIENTS:
            assert SECRETS["HARBOUR"] not in text
        if who in ("eve", "mallory"):
            assert MONEY not in text
    assert MONEY in sent["ada"]


async def test_the_outbox_holds_nothing_for_outsiders(stage: Stage):
    await everything_mailed(stage)
    async with stage.app.state.database.read() as db:
        recipients = set(await db.scalars(select(Mail.recipient)))
    assert {name.partition("@")[0] for name in recipients} == {"ada", "eve", "finn", "mallory"}
