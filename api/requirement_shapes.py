"""What is told of requirements and what callers may say of them: the models, and how rows become them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.shapes import Day, Incoming, Moment, Number, Outgoing, Reference, absent
from portal.ledger.models import Audience
from portal.requirements.asking import MOST_ASKED, Asking
from portal.requirements.commands import LONGEST_REASON
from portal.requirements.models import Priority, RequirementKind, State
from portal.requirements.queries import Shown
from portal.requirements.rules import CRITERION_LENGTH, DESCRIPTION_LENGTH, MEASURE_LENGTH, MOST_CRITERIA, TITLE_LENGTH

MOST_ROWS = 500
ONE_LINE = r"^[^\r\n]*\S[^\r\n]*$"
Title = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_LENGTH, pattern=ONE_LINE)]
Description = Annotated[str, Field(max_length=DESCRIPTION_LENGTH, description="Markdown.")]
Criterion = Annotated[str, StringConstraints(min_length=1, max_length=CRITERION_LENGTH, pattern=r"\S")]
MeasureLine = Annotated[str, StringConstraints(max_length=MEASURE_LENGTH, pattern=r"^[^\r\n]*$")]
Visibility = Annotated[
    Literal["internal", "client"], Field(description="Internal unless said otherwise; what is published stays so.")
]


class Measure(Incoming):
    """How a non-functional requirement is held against the facts."""

    metric: MeasureLine = absent()
    target: MeasureLine = absent()
    how_measured: Annotated[str, Field(max_length=CRITERION_LENGTH)] = absent()


class RequirementFields(Incoming):
    """What can be said of a requirement."""

    kind: RequirementKind = absent()
    description: Description = absent()
    priority: Priority | None = absent()
    criteria: Annotated[list[Criterion], Field(max_length=MOST_CRITERIA)] = absent()
    measure: Measure | None = absent()
    audience: Visibility = absent()

    def given(self) -> dict[str, Any]:
        """The fields that were sent; of a measure, its parts that were."""
        fields = super().given()
        if isinstance(measure := fields.get("measure"), Measure):
            fields["measure"] = measure.given()
        return fields


NEW: JsonDict = {
    "title": "Search by product",
    "description": "A visitor types a product's name and sees its recalls.",
    "priority": "must",
    "criteria": ["Each recall of the product is listed."],
}
FAST: JsonDict = {
    "title": "The first page is fast",
    "kind": "non_functional",
    "measure": {"metric": "Largest paint, 75th percentile", "target": "2.5 s", "how_measured": "Field data of a week"},
}


class RequirementNew(RequirementFields):
    """A requirement to be added, as a draft."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW, FAST]})

    title: Title
    external_ref: Reference | None = absent()


class RequirementPatch(RequirementFields):
    """Changes of a requirement; what is left out stays. `reason` is told in its history."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"priority": "should", "reason": "Agreed in the review."}]}
    )

    title: Title = absent()
    external_ref: Reference | None = absent()
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = absent()


class RequirementRow(RequirementFields):
    """A requirement of a bulk upsert: added when none has its `external_ref`, changed otherwise."""

    title: Title = absent()
    external_ref: Reference


class RequirementRows(Incoming):
    """Requirements to be added or changed together: all of them or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"requirements": [{"external_ref": "doc:3.1", **NEW}, {"external_ref": "doc:3.2", **FAST}]}]
        }
    )

    requirements: Annotated[list[RequirementRow], Field(min_length=1, max_length=MOST_ROWS)]


class ConfirmationsNew(Incoming):
    """Requirements that the client is asked to confirm: of people by id (all, unless `needed` says less), else of
    whoever approves.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"numbers": [1, 2], "due_on": "2030-06-01", "holds_up": "The next sprint."}]}
    )

    numbers: Annotated[list[Number], Field(min_length=1, max_length=MOST_ASKED)]
    people: Annotated[list[UUID], Field(max_length=20)] = absent()
    needed: Annotated[int | None, Field(ge=1, le=20)] = None
    due_on: Day | None = None
    holds_up: Annotated[str, Field(max_length=500, description="What waits on it; the client reads it.")] = absent()

    def asking(self) -> Asking:
        """The same for the room, without the numbers."""
        given = self.given()
        given.pop("numbers")
        return Asking(tuple(given.pop("people", ())), **given)


class MeasureOut(Outgoing):
    """How a non-functional requirement is held against the facts."""

    metric: str
    target: str
    how_measured: str


class RequirementVersionShort(Outgoing):
    """A version in the list of them. `decision` is the last in which the client was asked about it."""

    version: int
    title: str
    state: State
    decision: int | None
    created_at: Moment
    settled_at: Moment | None


class RequirementVersionList(Outgoing):
    """The versions of a requirement, the newest first."""

    items: list[RequirementVersionShort]


class RequirementOut(Outgoing):
    """A requirement in one of its versions."""

    number: int
    version: int
    latest: Annotated[int, Field(description="The version that stands now.")]
    kind: RequirementKind
    title: str
    description: str
    priority: Priority | None
    criteria: list[str]
    measure: MeasureOut | None
    state: State
    decision: Annotated[int | None, Field(description="In which the client was asked about this version last.")]
    settled_at: Moment | None
    confirmed_version: Annotated[int | None, Field(description="The latest version that the client confirmed.")]
    audience: Audience
    external_ref: str | None
    created_at: Moment
    updated_at: Moment


class RequirementPage(Outgoing):
    """A page of requirements, by number."""

    items: list[RequirementOut]
    next: str | None


class RequirementOutcome(Outgoing):
    """What an upsert did with one row."""

    external_ref: str
    number: int
    did: Literal["created", "changed", "unchanged"]


class RequirementOutcomes(Outgoing):
    """What an upsert did, row by row in the order sent."""

    items: list[RequirementOutcome]


def out(row: Shown) -> dict[str, Any]:
    """A requirement as JSON values."""
    parts = {part: getattr(row, part) for part in MeasureOut.model_fields}
    told = {name: getattr(row, name) for name in RequirementOut.model_fields if name != "measure"}
    return RequirementOut.model_validate(told | {"measure": parts if any(parts.values()) else None}).shown()


def version_short(row: Shown) -> RequirementVersionShort:
    """A version's line."""
    return RequirementVersionShort(
        version=row.version, title=row.title, state=row.state, decision=row.decision, created_at=row.version_at,
        settled_at=row.settled_at,
    )  # fmt: skip
