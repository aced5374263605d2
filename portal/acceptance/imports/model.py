"""What is read out of a file, whatever tool wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from portal.acceptance.models import Outcome


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and what should come of it."""

    action: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class ImportedCase:
    """A test case as a file has it. `external_ref` is the tool's own name for it, empty where it has none."""

    title: str
    section: str = ""
    precondition: str = ""
    steps: tuple[Step, ...] = ()
    expected: str = ""
    priority: int = 2
    external_ref: str = ""
    criterion: str = ""


@dataclass(frozen=True, slots=True)
class ImportedResult:
    """A machine's result of a case, found again by the case's `external_ref` or else by its title."""

    name: str
    outcome: Outcome
    message: str = ""
    seconds: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A file's cases or results, and everything that was left out or changed, in sentences."""

    kind: str
    """What the file was taken for: `table`, `testrail` or `junit`."""
    cases: Sequence[ImportedCase] = ()
    results: Sequence[ImportedResult] = ()
    losses: Sequence[str] = field(default=())
