"""What a receipt says, in words: for its page, for the page that verifies it, and for the command line.

Everything comes from the receipt itself, so that each shows the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.decisions.models import Verdict
from portal.decisions.parts import NOTHING, Part, parts_of
from portal.decisions.wording import Gettext, moment, moment_of
from portal.ledger.receipts import Proved


@dataclass(frozen=True, slots=True)
class Readable:
    """One answer in words of one language. `facts` say who answered, when and how; `proof` where it stands."""

    title: str
    subject: str
    verdict: str
    is_approval: bool
    comment: str
    who: str
    when: str
    at: datetime
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    proof: tuple[tuple[str, str], ...]


def readable(proved: Proved, gettext: Gettext, locale: str) -> Readable:
    """What a proved answer says, in a language; `gettext` are that language's words."""
    _ = gettext
    body, content, evidence = proved.event["body"], *(_document(proved, name) for name in ("content", "evidence"))
    at = datetime.fromisoformat(proved.event["at"])
    verdict = str(body.get("verdict", ""))
    return Readable(
        title=str(body.get("title") or content.get("title") or proved.event["kind"]),
        subject=_subject(body, _),
        verdict=verdicts(_, body.get("of")).get(verdict, verdict),
        is_approval=verdict in (Verdict.APPROVED, Verdict.APPROVED_WITH_REMARKS),
        comment=str(body.get("comment") or ""),
        who=str(evidence.get("name") or evidence.get("email") or NOTHING),
        when=moment(at, locale),
        at=at,
        facts=tuple(_facts(proved, evidence, at, _, locale)),
        parts=tuple(parts_of(content, _, locale)),
        proof=tuple(_proof(proved, _, locale)),
    )


def _document(proved: Proved, name: str) -> Mapping[str, Any]:
    found = proved.disclosed.get(name)
    return found if isinstance(found, dict) else {}


def verdicts(_: Gettext, kind: str | None = None) -> dict[str, str]:
    """What each verdict is called. What was tested (`kind` acceptance) is accepted; all else is approved."""
    called = {
        "approved": _("Approved"), "approved_with_remarks": _("Approved with remarks"),
        "changes_wanted": _("Changes wanted"), "declined": _("Declined"),
    }  # fmt: skip
    accepted = {
        "approved": _("Accepted"), "approved_with_remarks": _("Accepted with reservations"), "declined": _("Refused"),
    }  # fmt: skip
    return called | accepted if kind == "acceptance" else called


def _subject(body: Mapping[str, Any], _: Gettext) -> str:
    kinds = {
        "design": _("Design"), "requirement": _("Requirement"), "change_request": _("Change request"),
        "milestone": _("Milestone"), "acceptance": _("Acceptance"),
    }  # fmt: skip
    kind = str(body.get("of", ""))
    version = _("version %s") % body["version"] if body.get("version") is not None else ""
    return ", ".join(part for part in (f"{kinds.get(kind, kind)} {body.get('number', '')}".strip(), version) if part)


def _facts(
    proved: Proved, evidence: Mapping[str, Any], at: datetime, _: Gettext, locale: str
) -> Iterator[tuple[str, str]]:
    body = proved.event["body"]
    if body.get("choice"):
        yield _("Chosen"), _chosen(str(body["choice"]), _document(proved, "content"))
    yield _("Answered by"), ", ".join(str(evidence[name]) for name in ("name", "company") if evidence.get(name))
    if evidence.get("email"):
        yield _("E-mail"), str(evidence["email"])
    if body.get("for"):
        yield _("In the name of"), _("somebody who had delegated (%s)") % body["for"]
    if body.get("needed"):
        yield _("Approvals until then"), f"{body.get('approvals', 0)} / {body['needed']}"
    yield _("When"), moment(at, locale)
    yield _("Signed in through"), str(evidence.get("issuer") or NOTHING)
    yield _("Account there"), str(evidence.get("sub") or NOTHING)
    yield _("How"), how(evidence, _, locale)
    if outcome := body.get("outcome"):
        yield _("The decision is settled"), verdicts(_, body.get("of")).get(outcome, str(outcome))
    else:
        yield _("The decision is settled"), _("not by this answer alone")


def _chosen(key: str, content: Mapping[str, Any]) -> str:
    """An alternative with its title, where the content has one."""
    offers = content.get("alternatives")
    for offer in offers if isinstance(offers, list) else ():
        if isinstance(offer, dict) and offer.get("key") == key and offer.get("title"):
            return f"{key}: {offer['title']}"
    return key


def how(evidence: Mapping[str, Any], _: Gettext, locale: str) -> str:
    """The ways in which the person proved themselves (RFC 8176), their class, and when."""
    known = {
        "pwd": _("password"), "mfa": _("second factor"), "otp": _("one-time code"), "hwk": _("hardware key"),
        "swk": _("software key"), "fpt": _("fingerprint"), "face": _("face"), "sms": _("text message"),
        "pin": _("PIN"),
    }  # fmt: skip
    ways = evidence.get("amr")
    words = [known.get(str(way), str(way)) for way in ways] if isinstance(ways, list) else []
    if evidence.get("acr"):
        words.append(f"acr {evidence['acr']}")
    if evidence.get("auth_time"):
        words.append(moment_of(str(evidence["auth_time"]), locale))
    return ", ".join(words) or NOTHING


def _proof(proved: Proved, _: Gettext, locale: str) -> Iterator[tuple[str, str]]:
    yield _("Portal"), proved.portal
    yield _("Project"), f"{proved.project_key} ({proved.project_id})"
    place = _("event %(seq)s of %(size)s in the project's record")
    yield _("Place"), place % {"seq": proved.event["seq"], "size": proved.size}
    yield _("Head of the record (SHA-256)"), proved.root.hex()
    yield _("Signing key"), proved.kid
    for name, label in (("content", _("Digest of the content")), ("evidence", _("Digest of the evidence"))):
        if digest := proved.event["body"].get(f"{name}_digest"):
            yield label, str(digest)
