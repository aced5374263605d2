"""What is said about a decision, by both sides or among staff alone. No word of it answers."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions import queries, turns, workflow
from portal.decisions.commands import Closed
from portal.decisions.models import DecisionJudgement, DecisionRemark, DecisionState, Side
from portal.decisions.telling import tell
from portal.errors import Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_text


async def remark(
    db: AsyncSession, scope: Scope, number: int, text: str, *, is_question: bool = False, by_mail: bool = False
) -> DecisionRemark:
    """Keeps what somebody says about a decision. A client's question passes the turn to the agency; any word of staff
    passes it back. It never counts as an answer. Raises Invalid, NotFound, NotAllowed; Closed for a question too late.
    """
    scope.require_writable()
    await ledger.lock(db, scope.project_id)
    decision = await queries.decision(db, scope, number)
    if is_question and decision.state is not DecisionState.ASKED:
        raise Closed(decision)
    words = _words(text)
    asks = is_question and not scope.is_staff
    replies = scope.is_staff and decision.turn is Side.AGENCY and decision.state is DecisionState.ASKED
    kind = "decision.question_asked" if asks else "decision.question_answered" if replies else "decision.remarked"
    decision.seq = await tell(db, scope, decision, kind, {"text": words, "by_mail": by_mail})
    row = DecisionRemark(
        project_id=scope.project_id, seq=decision.seq, decision_number=number, person_id=scope.viewer.person_id,
        by_staff=scope.is_staff, is_question=asks, text=words, at=clock.now(), by_mail=by_mail,
    )  # fmt: skip
    db.add(row)
    if asks or replies:
        await turns.pass_to(db, scope, decision, Side.AGENCY if asks else Side.CLIENT)
    await db.flush()
    return row


async def judge(db: AsyncSession, scope: Scope, number: int, text: str) -> DecisionJudgement:
    """Keeps a private word of staff about a decision: internal in the ledger, and on no client's page."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    decision = await queries.decision(db, scope, number)
    words = _words(text)
    seq = await tell(db, scope, decision, "decision.judged", {"text": words}, audience=Audience.INTERNAL)
    row = DecisionJudgement(
        project_id=scope.project_id,
        seq=seq,
        decision_number=number,
        author=scope.viewer.actor,
        text=words,
        at=clock.now(),
    )
    db.add(row)
    await db.flush()
    return row


def _words(text: str) -> str:
    words = check_text(text.strip(), "text", length=workflow.LONGEST_COMMENT)
    if not words:
        raise Invalid("Write something first.", field="text", value=text)
    return words
