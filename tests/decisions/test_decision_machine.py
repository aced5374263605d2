"""Random people in random order, two at once now and then: whatever happens, one outcome, and the books agree."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Role
from portal.decisions import commands, delegations, queries, remarks, waiting, workflow
from portal.decisions.models import Decision, DecisionState, DecisionTurn, Side, Verdict
from portal.errors import Conflict, Invalid, NotAllowed, NotFound, Stale
from portal.ledger import receipts
from portal.ledger.models import Receipt
from portal.mailing.telling import can_answer
from tests.support.decisions import QUESTION, answer, grant, join, proof_of
from tests.support.machine import Machine

APPROVERS = ("ada", "eve", "finn")
DELEGATE = "nemo"
"""A member without a say of their own."""
REFUSED = (Conflict, Invalid, NotAllowed, NotFound, Stale)
PEOPLE = st.sampled_from((*APPROVERS, DELEGATE, "wei", "mallory"))
VERDICTS = st.sampled_from(Verdict)


class Deciding(Machine):
    """One project's decisions about two subjects; what was accepted is kept beside, to compare."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Decision] = []
        self.accepted: dict[int, list[str]] = {}

    async def furnish(self) -> None:
        async with self.database.write() as db:
            for name in APPROVERS:
                await grant(db, self.cast, name, Role.APPROVER)
            await join(db, self.cast, DELEGATE)

    @rule(subject=st.integers(1, 2), names=st.sets(st.sampled_from(APPROVERS)), data=st.data())
    def ask(self, subject: int, names: set[str], data: st.DataObject) -> None:
        people = tuple(self.cast.people[name] for name in sorted(names))
        needed = data.draw(st.integers(1, len(people) or 3))
        question = replace(
            QUESTION, subject_number=subject, subject_version=len(self.asked), people=people, needed=needed
        )
        self.asked.append(self.run(self._ask(replace(question, content={"version": len(self.asked)}))))
        self.accepted[self.asked[-1].number] = []

    async def _ask(self, question: Any) -> Decision:
        async with self.database.write() as db:
            return await commands.ask(db, await self.cast.scope(db, "wei"), question)

    @rule(who=PEOPLE, verdict=VERDICTS, data=st.data())
    def answer(self, who: str, verdict: Verdict, data: st.DataObject) -> None:
        if self.asked:
            decision = data.draw(st.sampled_from(self.asked))
            self._keep(decision, who, self.run(self._answer(decision, who, verdict)))

    @rule(first=PEOPLE, second=PEOPLE, verdicts=st.tuples(VERDICTS, VERDICTS), data=st.data())
    def answer_at_once(self, first: str, second: str, verdicts: tuple[Verdict, Verdict], data: st.DataObject) -> None:
        if self.asked:
            decision = data.draw(st.sampled_from(self.asked))
            pairs = list(zip((first, second), verdicts, strict=True))
            for (who, _verdict), kept in zip(pairs, self.run(self._all(decision, pairs)), strict=True):
                self._keep(decision, who, kept)

    async def _all(self, decision: Decision, pairs: list[tuple[str, Verdict]]) -> list[bool]:
        return await asyncio.gather(*(self._answer(decision, who, verdict) for who, verdict in pairs))

    async def _answer(self, decision: Decision, who: str, verdict: Verdict) -> bool:
        try:
            kept = await answer(self.database, self.cast, self.keys, decision, who, verdict, comment="Because")
        except REFUSED:
            return False
        return kept.is_new

    def _keep(self, decision: Decision, who: str, kept: bool) -> None:
        if kept:
            self.accepted[decision.number].append(who)

    @rule(who=st.sampled_from(APPROVERS), to=st.sampled_from((*APPROVERS, DELEGATE)))
    def delegate(self, who: str, to: str) -> None:
        self.run(self._delegate(who, to))

    async def _delegate(self, who: str, to: str) -> None:
        async with self.database.write() as db:
            scope = await self.cast.scope(db, who)
            try:
                await delegations.delegate(db, scope, self.cast.people[to], scope.today, scope.today, proof_of(who))
            except REFUSED:
                await db.rollback()

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        if self.asked:
            self.run(self._try(commands.withdraw, "wei", data.draw(st.sampled_from(self.asked)).number, "Not now"))

    @rule(who=st.sampled_from(("ada", "wei")), is_question=st.booleans(), data=st.data())
    def remark(self, who: str, is_question: bool, data: st.DataObject) -> None:
        if self.asked:
            number = data.draw(st.sampled_from(self.asked)).number
            self.run(self._try(remarks.remark, who, number, "Well", is_question=is_question))

    async def _try(self, command: Any, who: str, *given: Any, **more: Any) -> None:
        async with self.database.write() as db:
            try:
                await command(db, await self.cast.scope(db, who), *given, **more)
            except REFUSED:
                await db.rollback()

    @invariant()
    def the_books_agree(self) -> None:
        if self.asked:
            self.run(self._check())

    async def _check(self) -> None:
        async with self.database.read() as db:
            scope = await self.cast.scope(db, "wei")
            rows = await queries.decisions(db, scope, limit=500)
            turns = (await db.scalars(select(DecisionTurn).where(DecisionTurn.project_id == scope.project_id))).all()
            proofs = (await db.scalars(select(Receipt).where(Receipt.project_id == scope.project_id))).all()
            for row in rows:
                named, answers = await queries.people_and_answers(db, scope, row.number)
                by = [one.person_id for one in answers]
                assert sorted(by) == sorted(self.cast.people[who] for who in self.accepted[row.number])
                self._check_row(
                    row, len(named) if row.is_named else None, [(one.person_id, one.verdict) for one in answers]
                )
            listed = await waiting.waiting(db, scope)
            await self._check_who_is_waited_for(db, rows)
        assert {one.number for one in listed} == {row.number for row in rows if row.turn}
        assert {one.decision_number: one.side for one in turns if one.until_at is None} == {
            row.number: row.turn for row in rows if row.turn
        }
        assert len(proofs) == sum(map(len, self.accepted.values()))
        assert all(receipts.verify(one.token, self.keys.public).event["seq"] == one.seq for one in proofs)
        open_subjects = [row.subject_number for row in rows if row.state is DecisionState.ASKED]
        assert len(open_subjects) == len(set(open_subjects))

    async def _check_who_is_waited_for(self, db: AsyncSession, rows: Sequence[Decision]) -> None:
        """The rule in SQL, by which a list says what waits for somebody, is that of the command."""
        for who in (*APPROVERS, DELEGATE):
            scope = await self.cast.scope(db, who)
            listed = {one.number for one in await waiting.waiting(db, scope) if one.is_mine}
            theirs = {row.number for row in rows if row.turn is Side.CLIENT and await can_answer(db, scope, row)}
            assert listed == theirs

    def _check_row(self, row: Decision, named: int | None, given: list[workflow.Given]) -> None:
        outcome = workflow.outcome(row.needed, named, given)
        if workflow.counts_people(row.needed, named):
            assert len({person for person, _verdict in given}) == len(given)
        assert row.outcome == outcome
        assert (row.state is DecisionState.DECIDED) == (outcome is not None)
        if row.state is DecisionState.ASKED:
            assert row.turn is not None
        else:
            assert row.turn in (None, Side.AGENCY)


Deciding.TestCase.settings = settings(max_examples=25, stateful_step_count=25, suppress_health_check=list(HealthCheck))
TestDeciding = pytest.mark.slow(Deciding.TestCase)
