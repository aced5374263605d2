"""Random edits, questions, answers and withdrawals: what was asked about is frozen, and stands where it should."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from sqlalchemy import select

from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.models import Decision, DecisionState, Verdict
from portal.errors import Conflict, Invalid, Stale
from portal.requirements import queries, workflow
from portal.requirements.models import RequirementVersion, State
from portal.requirements.workflow import Wording
from tests.support.machine import Machine
from tests.support.requirements import COMPLETE, add, answer, ask, change

REFUSED = (Conflict, Invalid, Stale)
EDITS = st.one_of(
    st.sampled_from(["", "One text.", "Another text."]).map(lambda text: {"description": text}),
    st.sampled_from(["must", "could", None]).map(lambda priority: {"priority": priority}),
    st.lists(st.sampled_from(["It works.", "It is fast."]), max_size=2).map(lambda criteria: {"criteria": criteria}),
    st.sampled_from(["functional", "non_functional"]).map(lambda kind: {"kind": kind}),
    st.sampled_from([None, {"metric": "Time"}, {"metric": "Time", "target": "1 s", "how_measured": "Test"}]).map(
        lambda measure: {"measure": measure}
    ),
)
OUTCOMES = {
    Verdict.APPROVED: State.CONFIRMED,
    Verdict.APPROVED_WITH_REMARKS: State.CONFIRMED,
    Verdict.CHANGES_WANTED: State.CHANGES_WANTED,
    Verdict.DECLINED: State.DECLINED,
}


@dataclass(frozen=True)
class Expected:
    """What a version should be: its words, where it stands, and whether anybody was ever asked about it."""

    wording: Wording
    state: State = State.DRAFT
    was_asked: bool = False


class Wordings(Machine):
    """One requirement; beside it a plain model of its versions."""

    def __init__(self) -> None:
        super().__init__()
        self.open: Decision | None = None
        self.all: list[Decision] = []

    async def furnish(self) -> None:
        await add(self.database, self.cast)
        self.versions = {1: Expected((await self._rows())[0])}

    async def _rows(self) -> list[Wording]:
        async with self.database.read() as db:
            scope = await self.cast.scope(db, "ada")
            statement = select(RequirementVersion).where(RequirementVersion.project_id == scope.project_id)
            rows = await db.scalars(statement.order_by(RequirementVersion.version))
            return [workflow.wording(row) for row in rows]

    @property
    def last(self) -> int:
        return max(self.versions)

    @rule(edit=EDITS)
    def edit(self, edit: dict[str, Any]) -> None:
        self.run(change(self.database, self.cast, 1, "Because.", **edit))
        after, before = self.run(self._rows())[-1], self.versions[self.last]
        if after == before.wording:
            return
        if not before.was_asked:
            self.versions[self.last] = replace(before, wording=after)
            return
        if before.state is State.OFFERED:
            self.versions[self.last] = replace(before, state=State.WITHDRAWN)
            self.open = None
        self.versions[self.last + 1] = Expected(after)

    @rule()
    def ask(self) -> None:
        now = self.versions[self.last]
        allowed = now.state in (State.DRAFT, State.WITHDRAWN) and not workflow.missing(now.wording)
        try:
            (decision,) = self.run(ask(self.database, self.cast, 1))
        except Invalid:
            assert not allowed
            return
        assert allowed
        self.open = decision
        self.all.append(decision)
        self.versions[self.last] = replace(now, state=State.OFFERED, was_asked=True)

    @rule(verdict=st.sampled_from(Verdict), data=st.data())
    def answer(self, verdict: Verdict, data: st.DataObject) -> None:
        if not self.all:
            return
        decision = data.draw(st.sampled_from(self.all))
        is_open = self.open is not None and decision.number == self.open.number
        try:
            kept = self.run(answer(self.database, self.cast, self.keys, decision, verdict)).is_new
        except REFUSED:
            kept = False
        assert kept is is_open
        if kept:
            self.versions[self.last] = replace(self.versions[self.last], state=OUTCOMES[verdict])
            self.open = None

    @rule()
    def withdraw(self) -> None:
        if self.open is not None:
            self.run(self._withdraw(self.open.number))
            self.versions[self.last] = replace(self.versions[self.last], state=State.WITHDRAWN)
            self.open = None

    async def _withdraw(self, number: int) -> None:
        async with self.database.write() as db:
            await decisions.withdraw(db, await self.cast.scope(db, "dan"), number, "Not now.")

    @invariant()
    def every_version_says_and_stands_as_it_should(self) -> None:
        if hasattr(self, "versions"):
            self.run(self._compare())

    async def _compare(self) -> None:
        assert dict(enumerate(await self._rows(), start=1)) == {n: one.wording for n, one in self.versions.items()}
        async with self.database.read() as db:
            scope = await self.cast.scope(db, "ada")
            found = await queries.versions(db, scope, 1)
            of_it = await asked.of_subject(db, scope, "requirement", 1)
        assert {one.version: one.state for one in found} == {n: one.state for n, one in self.versions.items()}
        confirmed = [n for n, one in self.versions.items() if one.state is State.CONFIRMED]
        assert found[0].confirmed_version == max(confirmed, default=None)
        assert [one.number for one in of_it if one.state is DecisionState.ASKED] == (
            [self.open.number] if self.open else []
        )
        for decision in of_it:
            wording = self.versions[decision.subject_version].wording
            content = asked.content_of(decision)
            assert (content["description"], content["criteria"]) == (wording.description, wording.criteria)


TestWordings = pytest.mark.slow(Wordings.TestCase)
TestWordings.settings = settings(max_examples=15, stateful_step_count=25, suppress_health_check=list(HealthCheck))


def test_the_model_begins_with_what_can_be_asked() -> None:
    assert workflow.missing(replace(workflow.NOTHING, **COMPLETE)) == []
