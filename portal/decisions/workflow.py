"""What answers add up to, and which answers are allowed. Pure."""

from collections.abc import Sequence
from uuid import UUID

from portal.decisions.models import Verdict
from portal.errors import Conflict, Invalid

LONGEST_COMMENT = 4_000
NEED_COMMENT = {
    Verdict.APPROVED_WITH_REMARKS: "Say which remarks the approval carries.",
    Verdict.CHANGES_WANTED: "Say what should be changed.",
    Verdict.DECLINED: "Say why, so that the team can answer.",
}


Given = tuple[UUID, Verdict]
"""An answer as the rules see it: the human being who gave it, in whoever's name, and what they said."""


def counts_people(needed: int, asked: int | None) -> bool:
    """Whether a rule counts people ("two of these three", "two who approve"): then every human being counts once.

    "All of these" does not: it wants the consent of each, which each may give through whom they trust. `asked` is how
    many people were named, None when everybody with the role may answer.
    """
    return needed > 1 and needed != asked


def approvals(needed: int, asked: int | None, answers: Sequence[Given]) -> int:
    """How many approvals these answers are, by a rule that may count people."""
    approving = [person for person, verdict in answers if verdict.is_approval]
    return len(set(approving) if counts_people(needed, asked) else approving)


def outcome(needed: int, asked: int | None, answers: Sequence[Given]) -> Verdict | None:
    """What these answers decide together, or None while it is open.

    It is approved by `needed` approvals (with remarks as soon as one has some), and refused as soon as those can no
    longer be reached: among named people when too few are left, else by the first refusal. The latest refusal names
    the outcome.
    """
    verdicts = [verdict for _person, verdict in answers]
    so_far = approvals(needed, asked, answers)
    if so_far >= needed:
        return Verdict.APPROVED_WITH_REMARKS if Verdict.APPROVED_WITH_REMARKS in verdicts else Verdict.APPROVED
    refusals = [verdict for verdict in verdicts if not verdict.is_approval]
    if refusals and (asked is None or so_far + asked - len(answers) < needed):
        return refusals[-1]
    return None


def check_comment(verdict: Verdict, comment: str) -> str:
    """The comment as it is kept. Raises Invalid when this verdict needs one, or for one that is too long."""
    text = comment.strip()
    if not text and verdict in NEED_COMMENT:
        raise Invalid(NEED_COMMENT[verdict], field="comment", value=comment)
    if len(text) > LONGEST_COMMENT:
        raise Invalid(f"A comment may have {LONGEST_COMMENT:,} characters.", field="comment", value=len(text))
    return text


def check_choice(verdict: Verdict, choice: str | None, offered: Sequence[str], chosen: str | None) -> str | None:
    """The alternative that an answer takes: needed with an approval where there are some, otherwise none.

    `chosen` is what those who approved before took: one thing is agreed, so who approves after them takes the same.
    Raises Invalid for an alternative that was not offered, Conflict for another one than theirs.
    """
    if not verdict.is_approval or not offered:
        return None
    if choice not in offered:
        raise Invalid(f"Choose one of {', '.join(offered)}.", field="choice", value=choice)
    if chosen is not None and choice != chosen:
        raise Conflict(f"{chosen} was chosen before you. Choose it too, or decline.", field="choice", value=choice)
    return choice
