"""What testing came to, in words of a language: criteria and results as an acceptance and its protocol state them."""

from collections.abc import Iterable, Mapping
from typing import Any

from portal.decisions.wording import Gettext, moment_of

EVERY_CASE = ["all_run", None, 0]
"""The criterion that is about no priority and has no limit."""


def outcomes(_: Gettext) -> dict[str | None, str]:
    """What each outcome is called, as protocols name it; None: not run."""
    return {
        None: _("Not run"), "passed": _("Passed"), "failed": _("Failed"), "blocked": _("Blocked"),
        "not_applicable": _("Not applicable"),
    }  # fmt: skip


def is_criterion(value: Any) -> bool:
    """Whether a value states a criterion and how it stands."""
    return (
        isinstance(value, dict)
        and value.keys() == {"what", "priority", "limit", "actual", "is_met"}
        and (value["what"] == "most_failed" or [value[name] for name in ("what", "priority", "limit")] == EVERY_CASE)
        and isinstance(value["is_met"], bool)
    )


def criterion(one: Mapping[str, Any], _: Gettext) -> tuple[str, str]:
    """A criterion in words, and how it stands."""
    if one["what"] == EVERY_CASE[0]:
        text = _("Every case was run, none is blocked")
    else:
        given = {"limit": one["limit"], "priority": one["priority"]}
        text = _("At most %(limit)s failed cases of priority %(priority)s") % given
    state = _("Met") if one["is_met"] else _("Missing")
    return text, f"{state}: {one['actual']}" if one["actual"] or not one["is_met"] else state


def is_result(value: Any) -> bool:
    """Whether a value states how a case stands, and who said what of it."""
    return (
        isinstance(value, dict)
        and value.keys() == {"case", "title", "outcome", "said", "defects"}
        and all(
            isinstance(one, dict) and one.keys() == {"name", "is_machine", "outcome", "at"} for one in value["said"]
        )
    )


def result(one: Mapping[str, Any], _: Gettext, locale: str) -> tuple[str, str]:
    """A case by number and title, and how it stands: who said what when, and its defects by their items' numbers."""
    names = outcomes(_)
    stands = [names.get(one["outcome"], str(one["outcome"])), _said(one["said"], _, locale)]
    if one["defects"]:
        stands.append(f"{_('Defects')}: {', '.join(map(str, one['defects']))}")
    return f"{one['case']}. {one['title']}", " – ".join(part for part in stands if part)


def _said(said: Iterable[Mapping[str, Any]], _: Gettext, locale: str) -> str:
    names = outcomes(_)
    return "; ".join(
        f"{_who(one, _)}: {names.get(one['outcome'], one['outcome'])}, {moment_of(one['at'], locale)}" for one in said
    )


def _who(said: Mapping[str, Any], _: Gettext) -> str:
    """The agency names its machines as it likes: nothing of theirs may look as if a tester had said it."""
    return f"{said['name']} ({_('automatic')})" if said["is_machine"] else str(said["name"])
