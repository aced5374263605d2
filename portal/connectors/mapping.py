"""How a source's words become ours: a mapping file's word, else a guess with its reason. Pure."""

import json
import re
import tomllib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from portal.backlog.models import Category, ItemType
from portal.connectors.losses import Losses
from portal.connectors.reading import decode
from portal.errors import Invalid

CategoryName = Literal["todo", "doing", "done", "dropped"]


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be an IANA time zone such as Europe/Berlin")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StatusRule(_Strict):
    """What a status of the source becomes."""

    category: CategoryName
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class ListRule(_Strict):
    """What a Trello list becomes: cards in it have this status, and with `milestone` also a milestone of its name."""

    category: CategoryName
    status: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    milestone: bool = False


class FieldNames(_Strict):
    """Which field of the source holds what: its id, or its name."""

    points: str | None = None
    sprint: str | None = None
    rank: str | None = None


class Mapping(_Strict):
    """A mapping file. Everything is optional: what it leaves open is guessed, and the guess is told."""

    source_project: str | None = None
    """Which project to take from a file that holds several."""
    audience: Literal["client", "internal"] = "client"
    """Who sees imported items that the source does not restrict; restricted ones are always internal."""
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    """The zone of times that carry none; without it, the project's."""
    day_first: bool | None = None
    """Whether 03/04/2023 is 3 April; without it, guessed from the whole column."""
    sprints: Literal["iterations", "ignore"] = "iterations"
    versions: Literal["milestones", "iterations", "ignore"] = "milestones"
    statuses: dict[str, CategoryName | StatusRule] = {}
    types: dict[str, Literal["story", "task", "bug", "other"]] = {}
    fields: FieldNames = FieldNames()
    lists: dict[str, Literal["todo", "doing", "done", "dropped", "ignore"] | ListRule] = {}
    title_points: bool | None = None
    """Whether "(3) title" and "title [3]" on Trello cards are points; without it, guessed from the board."""

    @model_validator(mode="after")
    def _one_kind_of_iteration(self) -> Self:
        if self.versions == "iterations" and self.sprints == "iterations":
            raise ValueError('versions = "iterations" needs sprints = "ignore": an item is in one iteration at a time')
        return self

    def status_rule(self, name: str) -> StatusRule | None:
        """What the file says of a status, whatever its case."""
        rule: CategoryName | StatusRule | None = _ignoring_case(self.statuses, name)
        return rule if rule is None or isinstance(rule, StatusRule) else StatusRule(category=rule)

    def list_rule(self, name: str) -> ListRule | Literal["ignore"] | None:
        """What the file says of a Trello list, whatever its case."""
        rule: CategoryName | Literal["ignore"] | ListRule | None = _ignoring_case(self.lists, name)
        if rule is None or isinstance(rule, ListRule):
            return rule
        return "ignore" if rule == "ignore" else ListRule(category=rule)


def _ignoring_case(rules: dict[str, Any], name: str) -> Any:
    wanted = " ".join(name.split()).casefold()
    return next((rule for key, rule in rules.items() if " ".join(key.split()).casefold() == wanted), None)


def load(data: bytes) -> Mapping:
    """A mapping file, TOML or JSON. Raises Invalid naming each key that is unknown or wrong."""
    text = decode(data, Losses())
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The mapping file is neither TOML nor JSON: {error}.", field="mapping") from error
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        problems = tuple(
            (".".join(["mapping", *map(str, fault["loc"])]), fault["msg"], str(fault["input"])[:100])
            for fault in error.errors()
        )
        told = "; ".join(f"{where}: {message}" for where, message, _ in problems[:10])
        raise Invalid(f"The mapping file is wrong. {told}.", field=problems[0][0], problems=problems) from error


class Guess(NamedTuple):
    """How one word of the source was understood, and why."""

    what: str
    source: str
    became: str
    why: str

    def line(self) -> str:
        """The guess in one line of text."""
        return f"{self.what} {self.source!r} → {self.became} ({self.why})"


class Meaning(NamedTuple):
    """What a status means."""

    name: str
    category: Category
    why: str


_JIRA_CATEGORIES = {
    "new": Category.TODO, "to do": Category.TODO, "undefined": Category.TODO, "indeterminate": Category.DOING,
    "in progress": Category.DOING, "done": Category.DONE, "complete": Category.DONE,
}  # fmt: skip

_WORDS: tuple[tuple[Category, str], ...] = (
    (
        Category.DROPPED,
        r"won'?t|cancel|reject|declin|duplicate|obsolete|invalid|abandon|dropped|discard|не будет|отмен|отклон"
        r"|取消|拒绝|废弃",
    ),
    (Category.DOING, r"re-?test|not done|waiting|await|pending|to be deployed"
                     r"|ready for (review|test|qa|release|deploy)"),
    (Category.TODO, r"re-?open|new\b|backlog|to.?do|open\b|ready|icebox|inbox|idea|wish|next|later|planned|received"
                    r"|selected|unstarted|not started|unscheduled|к выполнению|сделать|нов|待办|未开始|打开"),
    (
        Category.DONE,
        r"\bdone|complete|closed?\b|resolved|finish|released?\b|shipped|live\b|deployed|accepted|verified|merged|fixed|delivered"
        r"|готов|выполнен|закрыт|完成|已关闭|已解决|已发布",
    ),
    (Category.DOING, r"progress|doing|develop|implement|review|test|\bqa\b|deploy|started|active|work ?list"
                     r"|today|blocked|wip|analysis|research|design|approv|в работе|тест|провер|进行|处理中|测试|评审"),
)  # fmt: skip
_PATTERNS = tuple((category, re.compile(words, re.IGNORECASE)) for category, words in _WORDS)


def meaning(name: str, mapping: Mapping, source_category: str | None = None) -> Meaning:
    """What a status means: the mapping file's word, else the source's own category, else a guess by its name."""
    if rule := mapping.status_rule(name):
        return Meaning(rule.name or name, Category(rule.category), "the mapping file says so")
    if source_category and (known := _JIRA_CATEGORIES.get(source_category.casefold())):
        if known is Category.DONE and _PATTERNS[0][1].search(name):
            return Meaning(name, Category.DROPPED, "the source calls it done, its name says that it will not be")
        return Meaning(name, known, f"the source's own category is {source_category!r}")
    return guess_by_name(name)


def guess_by_name(name: str) -> Meaning:
    """What a status means by its name alone; what says nothing is still to be done."""
    for category, pattern in _PATTERNS:
        if found := pattern.search(name):
            return Meaning(name, category, f"guessed from {found.group()!r} in its name")
    return Meaning(name, Category.TODO, "its name says nothing: still to be done until the mapping file says otherwise")


TYPES: tuple[tuple[ItemType, str], ...] = (
    (ItemType.BUG, r"bug|defect|fault|incident|problem|ошибка|дефект|缺陷|故障"),
    (ItemType.STORY, r"story|feature|improvement|enhancement|requirement|история|улучшени|故事|需求"),
    (ItemType.TASK, r"task|chore|to-?do|documentation|spike|test|задача|任务"),
)


def item_type(name: str, mapping: Mapping) -> tuple[ItemType, str]:
    """Our type for a type of the source, and why."""
    if rule := _ignoring_case(mapping.types, name):
        return ItemType(rule), "the mapping file says so"
    for kind, words in TYPES:
        if re.search(words, name, re.IGNORECASE):
            return kind, "guessed from its name"
    return (ItemType.OTHER, "no type of ours by its name") if name else (ItemType.STORY, "the source has no types")


def unused(mapping: Mapping, statuses: Iterable[str], types: Iterable[str], lists: Iterable[str]) -> list[str]:
    """The mapping file's words that the source does not have: most likely misspelt."""
    known = {" ".join(name.split()).casefold() for name in (*statuses, *types, *lists)}
    said = [*mapping.statuses, *mapping.types, *mapping.lists]
    return [word for word in said if " ".join(word.split()).casefold() not in known]
