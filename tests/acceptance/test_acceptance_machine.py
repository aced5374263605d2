"""Random testing by people: rounds that close while results come, a plan changed under its testers, two approvers.

Beside the room stands a plain model of what everybody said; verdicts, counters, what is asked and what is accepted must
be what the model says.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from portal.acceptance import defects, editing, pages, queries, results, standing
from portal.acceptance.models import Acceptance, AcceptanceState, Outcome, Severity
from portal.acceptance.results import RoundClosed
from portal.acceptance.verdicts import WORST
from portal.access import Role
from portal.backlog import commands as backlog
from portal.decisions.models import Verdict
from portal.errors import Conflict, Invalid, NotFound, Stale
from portal.projects import queries as projects
from tests.support.acceptance import (
    add_milestone,
    add_plan,
    answer,
    ask,
    close_round,
    offer,
    open_round,
    say,
    say_all,
)
from tests.support.decisions import grant
from tests.support.machine import Machine

TESTERS = ("ada", "eve")
CASES = (1, 2, 3)
SETTLED = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
SAID = st.sampled_from(Outcome)


@dataclass
class Told:
    """One result: who said what of which case, and whether it was taken back."""

    id: UUID
    who: str
    case: int
    outcome: Outcome
    at: int
    undone: bool = False


@dataclass
class Turn:
    """A round as the model keeps it."""

    words: dict[int, str]
    """The cases that it asks, and how they read."""
    told: list[Told] = field(default_factory=list)
    is_open: bool = True

    def latest(self, case: int) -> dict[str, Outcome]:
        """Of each tester the newest that was not taken back."""
        return {one.who: one.outcome for one in self.told if one.case == case and not one.undone}

    def said_at(self, case: int) -> int:
        """When the newest of those was said."""
        return max({one.who: one.at for one in self.told if one.case == case and not one.undone}.values())

    def verdict(self, case: int) -> Outcome | None:
        """The worst of those."""
        return max(self.latest(case).values(), key=WORST.index, default=None)


class Rounds(Machine):
    """One plan of three cases, of a milestone."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[Turn] = []
        self.defects: dict[int, int] = {}
        """Items that are still to be done, and their cases."""
        self.mended: dict[int, int] = {}
        """Cases of which a defect was done, and when the last one was."""
        self.clock = 0
        self.asked: Acceptance | None = None
        self.answers: dict[str, Verdict] = {}
        self.is_accepted = False

    async def furnish(self) -> None:
        async with self.database.write() as db:
            await grant(db, self.cast, "eve", Role.APPROVER)
        await add_milestone(self.database, self.cast)
        self.draft = {case: f"Case {case}" for case in CASES}
        await add_plan(self.database, self.cast, [{"title": one} for one in self.draft.values()], milestone_number=1)
        await offer(self.database, self.cast)
        self.offered = dict(self.draft)
        await open_round(self.database, self.cast, *TESTERS)
        self.turns.append(Turn(dict(self.offered)))

    @property
    def now(self) -> Turn | None:
        return self.turns[-1] if self.turns and self.turns[-1].is_open else None

    def stands(self, case: int) -> Outcome | None:
        """How a case stands: by the last round that says anything, if it read so then."""
        for turn in reversed(self.turns):
            if case in turn.words and turn.verdict(case) is not None:
                return turn.verdict(case) if turn.words[case] == self.offered[case] else None
        return None

    def was_mended(self, case: int) -> bool:
        """Whether a defect of the case was done since it was last run."""
        said_at = next(
            (turn.said_at(case) for turn in reversed(self.turns) if case in turn.words and turn.verdict(case)), 0
        )
        return self.mended.get(case, 0) > said_at

    def to_ask(self) -> set[int]:
        """What the next round asks."""
        waiting = set(self.defects.values())
        return {case for case in CASES if self._is_asked(case, self.stands(case), case in waiting)}

    def _is_asked(self, case: int, verdict: Outcome | None, is_waiting: bool) -> bool:
        if verdict in SETTLED:
            return self.was_mended(case)
        return verdict is None or not is_waiting

    def tick(self) -> int:
        """A moment later than all before."""
        self.clock += 1
        return self.clock

    @precondition(lambda self: self.now is None)
    @rule()
    def open(self) -> None:
        wanted = self.to_ask()
        try:
            row = self.run(open_round(self.database, self.cast, *TESTERS))
        except Conflict:
            assert self.now is not None or not wanted
            return
        assert self.now is None
        assert row.cases == len(wanted)
        self.turns.append(Turn({case: self.offered[case] for case in wanted}))
        self._take_back()

    @precondition(lambda self: self.now is not None and self.now.told)
    @rule()
    def close(self) -> None:
        self.run(close_round(self.database, self.cast, len(self.turns)))
        self.turns[-1].is_open = False

    @precondition(lambda self: self.now is not None)
    @rule()
    def open_another(self) -> None:
        with pytest.raises(Conflict):
            self.run(open_round(self.database, self.cast, *TESTERS))

    @precondition(lambda self: self.now is not None)
    @rule(who=st.sampled_from(TESTERS), outcomes=st.lists(SAID, min_size=3, max_size=3))
    def mark_all(self, who: str, outcomes: list[Outcome]) -> None:
        """Somebody marks every case of the round at once."""
        turn = self.turns[-1]
        marked = dict(zip(sorted(turn.words), outcomes, strict=False))
        ids = self.run(say_all(self.database, self.cast, marked, who, number=len(self.turns)))
        at = self.tick()
        turn.told += [
            Told(one, who, case, outcome, at) for one, (case, outcome) in zip(ids, marked.items(), strict=True)
        ]

    @precondition(lambda self: self.turns)
    @rule(who=st.sampled_from(TESTERS), case=st.sampled_from(CASES), outcome=SAID)
    def tell(self, who: str, case: int, outcome: Outcome) -> None:
        turn, told = self.turns[-1], Told(uuid4(), who, case, outcome, self.tick())
        try:
            self.run(say(self.database, self.cast, who, case, outcome, number=len(self.turns), id=told.id))
        except RoundClosed:
            assert not turn.is_open
        except NotFound:
            assert case not in turn.words
        else:
            assert turn.is_open
            turn.told.append(told)

    @precondition(lambda self: any(turn.told for turn in self.turns))
    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        """The network comes back, and sends what was kept: it is one result, whatever became of the round."""
        sent = [(at, one) for at, turn in enumerate(self.turns, start=1) for one in turn.told]
        at, one = data.draw(st.sampled_from(sent))
        again = self.run(say(self.database, self.cast, one.who, one.case, one.outcome, number=at, id=one.id))
        assert again.id == one.id

    @precondition(lambda self: self.turns and self.turns[-1].told)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.turns[-1].told))
        try:
            count = self.run(self._undo(one))
        except RoundClosed:
            assert self.now is None
            return
        assert count == (not one.undone)
        one.undone = True

    async def _undo(self, one: Told) -> int:
        async with self.database.write() as db:
            return await results.undo(db, await self.cast.scope(db, one.who), 1, len(self.turns), [one.id])

    @rule(case=st.sampled_from(CASES), word=st.sampled_from(["reads", "says", "means"]))
    def edit(self, case: int, word: str) -> None:
        self.draft[case] = f"Case {case} {word}"
        self.run(self._edit(case, self.draft[case]))

    async def _edit(self, case: int, title: str) -> None:
        async with self.database.write() as db:
            await editing.change_case(db, await self.cast.scope(db, "dan"), 1, case, {"title": title})

    @precondition(lambda self: self.draft != self.offered)
    @rule()
    def put(self) -> None:
        """The newest version is offered; rounds that run go on with theirs."""
        try:
            self.run(offer(self.database, self.cast))
        except Conflict:
            return
        self.offered = dict(self.draft)
        self._take_back()

    def _take_back(self) -> None:
        self.asked, self.answers = None, {}

    @rule()
    def ask(self) -> None:
        try:
            self.asked = self.run(
                ask(self.database, self.cast, people=tuple(self.cast.people[name] for name in TESTERS))
            )
        except Conflict:
            assert self.now is not None or self.is_accepted
            return
        assert self.now is None
        assert not self.is_accepted
        self.answers = {}

    @precondition(lambda self: self.asked is not None)
    @rule(who=st.sampled_from(TESTERS), verdict=st.sampled_from([*Verdict, *2 * [Verdict.APPROVED]]))
    def sign(self, who: str, verdict: Verdict) -> None:
        try:
            kept = self.run(answer(self.database, self.cast, self.keys, self.asked, verdict, "- As it is", who)).is_new
        except (Conflict, Invalid, Stale):
            assert verdict is Verdict.CHANGES_WANTED or who in self.answers
            return
        assert verdict is not Verdict.CHANGES_WANTED
        if not kept:
            return
        self.answers[who] = verdict
        if not verdict.is_approval:
            self._take_back()
        elif len(self.answers) == len(TESTERS):
            self.is_accepted = True
            self._take_back()

    @precondition(lambda self: not self.is_accepted and len(self.turns) > 1)
    @rule(verdict=st.sampled_from([one for one in Verdict if one is not Verdict.CHANGES_WANTED]))
    def end(self, verdict: Verdict) -> None:
        """The round is closed, and both approvers answer at once: one agrees, the other as it comes."""
        if self.now is not None:
            self.run(close_round(self.database, self.cast, len(self.turns)))
            self.turns[-1].is_open = False
        self.ask()
        self.sign("ada", Verdict.APPROVED)
        self.sign("eve", verdict)
        assert self.asked is None
        assert self.is_accepted is verdict.is_approval

    @precondition(lambda self: self.now is not None and self.now.told)
    @rule()
    def next_round(self) -> None:
        """Everything is closed, and what is left is asked anew."""
        self.run(close_round(self.database, self.cast, len(self.turns)))
        self.turns[-1].is_open = False
        self.open()

    @precondition(lambda self: self.turns and self.turns[-1].told)
    @rule(case=st.sampled_from(CASES))
    def raise_defect(self, case: int) -> None:
        given = defects.NewDefect(f"Defect {uuid4()}", Severity.MAJOR)
        bad = case in self.turns[-1].words and any(
            one in (Outcome.FAILED, Outcome.BLOCKED) for one in self.turns[-1].latest(case).values()
        )
        try:
            made = self.run(self._raise(case, given))
        except Conflict:
            assert not bad
            return
        assert bad
        self.defects[made.item_number] = case

    async def _raise(self, case: int, given: Any) -> Any:
        async with self.database.write() as db:
            return await defects.raise_defect(
                db, await self.cast.scope(db, "dan"), 1, len(self.turns), case, given
            )  # fmt: skip

    @precondition(lambda self: self.defects)
    @rule(data=st.data())
    def mend(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(sorted(self.defects)))
        self.run(self._mend(item))
        self.mended[self.defects.pop(item)] = self.tick()

    async def _mend(self, item: int) -> None:
        async with self.database.write() as db:
            await backlog.change_item(db, await self.cast.scope(db, "dan"), item, {"status": "Done"})

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        if hasattr(self, "offered"):
            self.run(self._compare())

    async def _compare(self) -> None:
        async with self.database.read() as db:
            scope = await self.cast.scope(db, "ada")
            for number, turn in enumerate(self.turns, start=1):
                await self._compare_round(db, scope, number, turn)
            view = await standing.criteria_view(db, scope, 1)
            counts = Counter(self.stands(case) for case in CASES)
            assert {outcome: view.count(outcome) for outcome in (None, *Outcome)} == {
                outcome: counts[outcome] for outcome in (None, *Outcome)
            }
            milestone = await projects.milestone(db, scope, 1)
            assert (milestone.accepted_on is not None) is self.is_accepted
            states = Counter(one.state for one in await standing.acceptances(db, scope, 1))
            assert states[AcceptanceState.ASKED] == (self.asked is not None)

    async def _compare_round(self, db: Any, scope: Any, number: int, turn: Turn) -> None:
        head = await pages.round_head(db, scope, 1, number)
        lines = await pages.round_cases(db, scope, head.round)
        assert {one.number: one.title for one in lines} == turn.words
        assert {one.number: one.verdict for one in lines} == {case: turn.verdict(case) for case in turn.words}
        assert {one.number: one.mine for one in lines} == {case: turn.latest(case).get("ada") for case in turn.words}
        counts = Counter(turn.verdict(case) for case in turn.words)
        row = head.round
        assert (row.passed, row.failed, row.blocked, row.not_applicable) == (
            counts[Outcome.PASSED], counts[Outcome.FAILED], counts[Outcome.BLOCKED], counts[Outcome.NOT_APPLICABLE],
        )  # fmt: skip
        done = {one.name: one.tester.done for one in await queries.testers(db, scope, 1, number)}
        assert done == {
            name.title(): sum(name in turn.latest(case) for case in turn.words) for name in TESTERS
        }  # fmt: skip


TestRounds = pytest.mark.slow(Rounds.TestCase)
TestRounds.settings = settings(max_examples=25, stateful_step_count=30, suppress_health_check=list(HealthCheck))
