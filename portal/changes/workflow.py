"""Which way a change request may go. Pure."""

from enum import StrEnum

from portal.changes.models import ChangeState as State
from portal.errors import Conflict


class Act(StrEnum):
    """What is done to a change request."""

    PRICE = "price"
    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    WANT_CHANGES = "want_changes"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


OPEN = frozenset({State.RAISED, State.BEING_PRICED, State.OFFERED, State.EXPIRED})
"""What can still become something. An offer that expired can be priced and offered anew."""
FINAL = frozenset(State) - OPEN
SHOWS_OFFER = frozenset({State.OFFERED, State.ACCEPTED, State.DECLINED, State.EXPIRED})
"""Where the alternatives are those that the client was offered; before that they are the agency's own draft."""

STEPS: dict[tuple[State, Act], State] = {
    (State.RAISED, Act.PRICE): State.BEING_PRICED,
    (State.BEING_PRICED, Act.PRICE): State.BEING_PRICED,
    (State.OFFERED, Act.PRICE): State.BEING_PRICED,
    (State.EXPIRED, Act.PRICE): State.BEING_PRICED,
    (State.BEING_PRICED, Act.OFFER): State.OFFERED,
    (State.OFFERED, Act.ACCEPT): State.ACCEPTED,
    (State.OFFERED, Act.DECLINE): State.DECLINED,
    (State.OFFERED, Act.WANT_CHANGES): State.BEING_PRICED,
    (State.OFFERED, Act.EXPIRE): State.EXPIRED,
    **{(state, Act.WITHDRAW): State.WITHDRAWN for state in sorted(OPEN)},
}
REFUSALS = {
    State.RAISED: "It was not priced yet.",
    State.BEING_PRICED: "It is being priced: there is no offer.",
    State.OFFERED: "It is offered at the moment.",
    State.ACCEPTED: "It was accepted already.",
    State.DECLINED: "The client declined it.",
    State.WITHDRAWN: "It was withdrawn.",
    State.EXPIRED: "The offer has expired: price it anew.",
}


def step(state: State, act: Act) -> State:
    """Where an act leads. Raises Conflict where it leads nowhere."""
    following = STEPS.get((state, act))
    if following is None:
        raise Conflict(REFUSALS[state], field="state", value=state.value)
    return following
