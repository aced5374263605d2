"""The things that the issues of one Jira file refer to, each by its id: statuses, versions, sprints, people. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from portal.connectors import jira_sprints
from portal.connectors.inferred import BEGINNING, beginning
from portal.connectors.jira_history import Raw
from portal.connectors.jira_survey import Columns, Survey
from portal.connectors.losses import Losses
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.mapping import meaning
from portal.connectors.model import SourceIteration, SourceMilestone, SourcePerson, SourceStatus
from portal.connectors.moments import Zoned, iso_day
from portal.connectors.reading import clean, one_line, reference

_NO_DAY = "9999"


class Known:
    """What was surveyed, in our terms; people are collected as they are met."""

    def __init__(
        self, survey: Survey, columns: Columns, key: str, wanted: Wanted, zoned: Zoned, losses: Losses
    ) -> None:
        self.survey = survey
        self.columns = columns
        self.key = key
        self.wanted = wanted
        self.losses = losses
        self.has_history = survey.with_history > 0
        self.takes_sprints = wanted.sprints == "iterations"
        self.people: dict[str, SourcePerson] = {}
        self.statuses = _statuses(survey, wanted, losses)
        self.beginning = beginning(list(self.statuses.values()))
        self.milestones = _milestones(survey, losses)
        self.iterations = {ref: jira_sprints.iteration(one, zoned, losses) for ref, one in survey.sprints.items()}

    def status(self, ref: str) -> str:
        """The reference of a status, also of one that only the history knows by its name."""
        if ref not in self.statuses:
            self.statuses[ref] = _status(ref, ref or "Unknown", None, self.wanted)
        return self.statuses[ref].ref

    def all_statuses(self) -> tuple[SourceStatus, ...]:
        """The statuses, and where issues without history began, if the source has no such status."""
        extra = (BEGINNING,) if self.beginning is BEGINNING and not self.has_history else ()
        return (*self.statuses.values(), *extra)

    def named(self, kind: str, ref: Any, text: Any) -> str:
        """The present name of a type or priority, which may have been renamed since; else the name of then."""
        now = (self.survey.types if kind == "issuetype" else self.survey.priorities).get(str(ref))
        return now or str(text or "")

    def person(self, who: Any) -> str | None:
        """The reference of somebody who wrote or made something; their address is not kept."""
        if not isinstance(who, dict):
            return None
        ref = who.get("accountId") or who.get("key") or who.get("name")
        return self._person(reference(ref), str(who.get("displayName") or who.get("name") or ref)) if ref else None

    def assignee(self, who: Any) -> str | None:
        """The reference of an assignee: an object today, a pair of id and name in the history."""
        if isinstance(who, tuple):
            return self._person(reference(who[0]), str(who[1] or who[0]))
        return self.person(who)

    def _person(self, ref: str, name: str) -> str:
        full = f"jira-user:{ref}"
        if full not in self.people:
            self.people[full] = SourcePerson(full, one_line(name, full, self.losses, length=200, otherwise="?"))
        return full

    def parent(self, ref: str, name: str, key: str) -> str | None:
        """The reference of a parent or epic, if the file holds it."""
        if ref in self.survey.ids:
            return f"jira:{ref}"
        self.losses.lost("parent", key, f"{name[:40]} is not in the file")
        return None

    def sprints_in_order(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The ids of sprints in order of time."""
        by_ref = {self.iterations[one].ref: one for one in ids if one in self.iterations}
        return tuple(by_ref[one.ref] for one in jira_sprints.in_order(self.iterations[i] for i in by_ref.values()))

    def iteration(self, raw: Raw, key: str) -> str | None:
        """The iteration of an issue: its last sprint, or its version where versions are iterations."""
        if self.wanted.versions == "iterations":
            return self._version(raw["versions"], key)
        if not self.takes_sprints or not raw["sprints"]:
            return None
        ref = raw["sprints"][-1]
        if ref not in self.iterations:
            name = self.survey.old_names.get(("Sprint", ref), (f"Sprint {ref}", ""))[0]
            self.iterations[ref] = SourceIteration(
                f"jira-sprint:{reference(ref)}", one_line(name, key, self.losses, length=200)
            )
        return self.iterations[ref].ref

    def milestone(self, raw: Raw, key: str) -> str | None:
        """The milestone of an issue: its version."""
        return self._version(raw["versions"], key) if self.wanted.versions == "milestones" else None

    def _version(self, ids: tuple[str, ...], key: str) -> str | None:
        if not ids:
            return None
        first, *others = sorted(ids, key=self._release)
        if others:
            self.losses.changed("fix versions", key, "an item is in one: the version that is released first was taken")
        return self._milestone(first).ref

    def _release(self, ref: str) -> tuple[str, int, str]:
        version = self.survey.versions.get(ref, {})
        return str(version.get("releaseDate") or _NO_DAY), len(ref), ref

    def _milestone(self, ref: str) -> SourceMilestone:
        if ref not in self.milestones:
            name = self.survey.old_names.get(("Fix Version", ref), (ref, ""))[0]
            self.milestones[ref] = SourceMilestone(
                f"jira-version:{reference(ref)}", one_line(name, ref, self.losses, length=200)
            )
        return self.milestones[ref]


def _statuses(survey: Survey, wanted: Wanted, losses: Losses) -> dict[str, SourceStatus]:
    found = {ref: _status(ref, name, category, wanted) for ref, (name, category) in survey.statuses.items()}
    for (kind, ref), (name, _) in survey.old_names.items():
        if kind == "status" and ref not in found:
            found[ref] = _status(ref, name, None, wanted)
            losses.changed(
                "status", name, "only the history knows it: its meaning comes from its name or the mapping file"
            )
    return found


def _status(ref: str, name: str, category: str | None, wanted: Wanted) -> SourceStatus:
    meant = meaning(one_line(name, f"status {ref}", Losses(), length=100, otherwise="?"), wanted, category)
    return SourceStatus(f"jira-status:{reference(ref)}", meant.name, meant.category, meant.why)


def _milestones(survey: Survey, losses: Losses) -> dict[str, SourceMilestone]:
    return {ref: _version(ref, version, losses) for ref, version in survey.versions.items()}


def _version(ref: str, version: Mapping[str, Any], losses: Losses) -> SourceMilestone:
    name = one_line(str(version.get("name") or ""), f"version {ref}", losses, length=200, otherwise=f"Version {ref}")
    released = iso_day(version.get("releaseDate")) if version.get("releaseDate") else None
    if version.get("released") and not released:
        losses.changed("version", name, "released without a date: its milestone is left without one")
    return SourceMilestone(
        ref=f"jira-version:{reference(ref)}",
        name=name,
        description=clean(str(version.get("description") or ""), name, losses),
        expected_on=released,
        done_on=released if version.get("released") else None,
    )


def milestones_as_iterations(known: Known) -> dict[str, SourceIteration]:
    """Versions where a mapping file says that they are iterations: they end on the day of their release."""
    return {
        ref: SourceIteration(one.ref, one.name, goal=one.description[:4000]) for ref, one in known.milestones.items()
    }
