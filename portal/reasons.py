"""Reasons that the portal gives itself, where people write theirs, in the language of whoever reads them."""

from collections.abc import Callable


def _(message: str) -> str:
    """Marks a text for the catalogues; it is translated where it is read."""
    return message


REASONS = (
    _("As in the contract."),
    _("Changed in the system that this project is imported from."),
    _("The requirement is being changed: its next version will be offered anew."),
    _("The offer is being revised."),
    _("The offer has expired."),
    _("Another change request moved what this offer rests on: the offer is being revised."),
    _("A milestone that this offer would move was confirmed: the offer is being revised."),
    _("A new round of testing has begun."),
    _("There is a newer version of the test plan."),
    _("There is a newer protocol."),
    _("The milestone was accepted: nothing is left to be answered."),
    _("The period that the contract states passed without an answer: it counts as accepted, without a signature."),
)
"""What rooms write themselves, to the letter; somebody's own words may follow."""


def translated(said: str, gettext: Callable[[str], str]) -> str:
    """A reason as it is read: what the portal wrote is translated, what somebody wrote stands as they wrote it."""
    own = next((one for one in REASONS if said == one or said.startswith(f"{one} ")), "")
    return gettext(own) + said.removeprefix(own) if own else said
