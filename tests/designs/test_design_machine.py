"""Random versions, publications, questions, answers and remarks: what was decided stands, and drafts stay inside."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.models import DecisionKind, DecisionState, Verdict
from portal.designs import commands, pins, queries
from portal.designs.carrying import Place, shows
from portal.designs.rules import Asking
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger.models import Audience
from tests.support.decisions import answer
from tests.support.designs import draw
from tests.support.machine import Machine

REFUSED = (Conflict, Invalid, NotFound)
VERDICTS = st.sampled_from(list(Verdict))
FILES = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True)


class Designs(Machine):
    """One design with four pictures to make versions of; beside it a plain model of what must be true."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[int, list[int]] = {}
        self.published: set[int] = set()
        self.decided: dict[int, tuple[int, Verdict, bytes]] = {}
        self.was_asked = False
        self.remarks: dict[int, tuple[str, int, int | None]] = {}

    def write(self, who: str, command: Any, *given: Any, **named: Any) -> Any:
        async def work() -> Any:
            async with self.database.write() as db:
                return await command(db, await self.cast.scope(db, who), 1, *given, **named)

        return self.run(work())

    def read(self, who: str, query: Any, *given: Any) -> Any:
        async def work() -> Any:
            async with self.database.read() as db:
                return await query(db, await self.cast.scope(db, who), *given)

        return self.run(work())

    async def furnish(self) -> None:
        async with self.database.write() as db:
            scope = await self.cast.scope(db, "wei")
            await commands.add_design(db, scope, title="Checkout")
            for _ in range(4):
                await draw(db, scope)

    @property
    def shown(self) -> int:
        return max(self.published, default=0)

    @rule(files=FILES)
    def add_version(self, files: list[int]) -> None:
        row = self.write("dan", commands.add_version, files=files)
        self.made[row.version] = files
        assert row.version == len(self.made)

    @rule(version=st.integers(1, 6))
    def publish(self, version: int) -> None:
        allowed = version in self.made and (version > self.shown or version in self.published)
        is_new = version not in self.published
        try:
            question = self.write("wei", commands.publish, version)
        except REFUSED:
            assert not allowed
            return
        assert allowed
        self.published.add(version)
        assert (question is not None) == (is_new and self.was_asked)
        if question is not None:
            assert question.subject_version == version

    @rule()
    def ask(self) -> None:
        newest = max(self.decided, default=0)
        done = newest and self.decided[newest][0] == self.shown and self.decided[newest][1].is_approval
        last = next(iter(self.questions()), None)
        is_approved = bool(done) and last is not None and last.number == newest
        try:
            self.write("wei", commands.ask, Asking())
        except Conflict:
            assert not self.published or is_approved
            return
        assert self.published
        assert not is_approved
        self.was_asked = True

    @rule()
    def withdraw(self) -> None:
        last = next(iter(self.questions()), None)
        if last is not None and last.state is DecisionState.ASKED:

            async def work(db: Any, scope: Any, _: int) -> None:
                await decisions.withdraw(db, scope, last.number, "Later.")

            self.write("wei", work)
            self.was_asked = False

    @rule(verdict=VERDICTS)
    def decide(self, verdict: Verdict) -> None:
        last = next(iter(self.questions()), None)
        if last is not None and last.state is DecisionState.ASKED:
            self.run(answer(self.database, self.cast, self.keys, last, verdict=verdict, comment="Because."))
            self.decided[last.number] = (last.subject_version, verdict, last.digest)

    @rule(who=st.sampled_from(["ada", "eve", "dan"]), version=st.integers(1, 4), position=st.integers(1, 3))
    def pin(self, who: str, version: int, position: int) -> None:
        known = self.made if who == "dan" else {one: self.made[one] for one in self.published}
        allowed = version in known and position <= len(known[version])
        try:
            row = self.write(who, pins.pin, version, Place(position, 10, 20), "Here.")
        except REFUSED:
            assert not allowed
            return
        assert allowed
        assert row.number == len(self.remarks) + 1
        self.remarks[row.number] = ("client" if version in self.published else "internal", version, None)

    @rule(who=st.sampled_from(["eve", "wei"]), number=st.integers(1, 4), settles=st.booleans())
    def settle(self, who: str, number: int, settles: bool) -> None:
        known = self.remarks.get(number)
        try:
            self.write(who, pins.resolve if settles else pins.reopen, number)
        except NotFound:
            assert known is None or (known[0] == "internal" and who == "eve")
            return
        assert known is not None
        audience, version, resolved = known
        last = len(self.made) if audience == "internal" else self.shown
        self.remarks[number] = (audience, version, (resolved or last) if settles else None)

    def questions(self) -> Any:
        return self.read("wei", asked.of_subject, DecisionKind.DESIGN, 1)

    @invariant()
    def at_most_one_question_is_open_and_it_is_about_what_the_client_sees(self) -> None:
        open_ = [one for one in self.questions() if one.state is DecisionState.ASKED]
        assert len(open_) <= 1
        assert all(one.subject_version == self.shown for one in open_)

    @invariant()
    def what_was_decided_stands(self) -> None:
        found = {one.number: one for one in self.questions()}
        for number, (version, verdict, digest) in self.decided.items():
            one = found[number]
            assert (one.subject_version, one.outcome, one.digest, one.state) == (version, verdict, digest, "decided")

    @invariant()
    def a_client_sees_what_was_published_and_nothing_else(self) -> None:
        try:
            found = self.read("eve", queries.with_versions, 1)
        except NotFound:
            assert not self.published
            return
        assert [one.version.version for one in found.versions] == sorted(self.published)
        assert all(one.file is not None for line in found.versions for one in line.parts)
        for line in self.read("eve", queries.pins, 1):
            assert line.pin.audience is Audience.CLIENT

    @invariant()
    def each_version_shows_the_remarks_that_it_should_and_to_both_sides_at_the_same_place(self) -> None:
        found, remarks = self.read("wei", queries.with_versions, 1), self.read("wei", queries.pins, 1)
        for version in self.made:
            places = queries.places(found, remarks, version)
            wanted = {n for n, (_, made, resolved) in self.remarks.items() if shows(made, resolved, version)}
            assert places.keys() == wanted
            if version in self.published:
                client = self.read("eve", queries.with_versions, 1), self.read("eve", queries.pins, 1)
                theirs = queries.places(*client, version)
                assert theirs == {n: places[n] for n in wanted if self.remarks[n][0] == "client"}


Designs.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, suppress_health_check=list(HealthCheck), database=None
)


@pytest.mark.slow
class TestDesigns(Designs.TestCase):
    """Runs the machine."""
