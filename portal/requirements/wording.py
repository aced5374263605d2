"""What the client is shown when they are asked to confirm a requirement, to the byte. Pure."""

from typing import Any

from portal.requirements.models import Priority, Requirement, RequirementKind, RequirementVersion

KINDS = {
    RequirementKind.FUNCTIONAL: "Functional: what it does",
    RequirementKind.NON_FUNCTIONAL: "Non-functional: how well",
}
PRIORITIES = {
    Priority.MUST: "Must have", Priority.SHOULD: "Should have", Priority.COULD: "Could have",
    Priority.WONT: "Won't have this time",
}  # fmt: skip


def content_of(head: Requirement, version: RequirementVersion) -> dict[str, Any]:
    """Everything that is confirmed: the texts as they stand, and the short facts as people read them."""
    return {
        "number": head.number,
        "version": version.version,
        "title": version.title,
        "description": version.description,
        "criteria": list(version.criteria),
        "facts": _facts(head, version),
    }


def _facts(head: Requirement, version: RequirementVersion) -> list[list[str]]:
    facts = [["Kind", KINDS[version.kind]]]
    if version.priority:
        facts.append(["Priority", PRIORITIES[version.priority]])
    measure = [("What is measured", version.metric), ("Target", version.target),
               ("How it is measured", version.how_measured)]  # fmt: skip
    facts += [[term, text] for term, text in measure if text]
    if head.confirmed_version is not None:
        facts.append(["Last confirmed version", str(head.confirmed_version)])
    return facts
