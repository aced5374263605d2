"""Which way a change request may go, and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.changes import workflow
from portal.changes.models import ChangeState as State
from portal.changes.workflow import Act
from portal.errors import Conflict

ALLOWED = {
    (State.RAISED, Act.PRICE): State.BEING_PRICED,
    (State.RAISED, Act.WITHDRAW): State.WITHDRAWN,
    (State.BEING_PRICED, Act.PRICE): State.BEING_PRICED,
    (State.BEING_PRICED, Act.OFFER): State.OFFERED,
    (State.BEING_PRICED, Act.WITHDRAW): State.WITHDRAWN,
    (State.OFFERED, Act.PRICE): State.BEING_PRICED,
    (State.OFFERED, Act.ACCEPT): State.ACCEPTED,
    (State.OFFERED, Act.DECLINE): State.DECLINED,
    (State.OFFERED, Act.WANT_CHANGES): State.BEING_PRICED,
    (State.OFFERED, Act.EXPIRE): State.EXPIRED,
    (State.OFFERED, Act.WITHDRAW): State.WITHDRAWN,
    (State.EXPIRED, Act.PRICE): State.BEING_PRICED,
    (State.EXPIRED, Act.WITHDRAW): State.WITHDRAWN,
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", Act)
def test_a_step_leads_where_the_table_says_or_nowhere(state, act):
    if (state, act) in ALLOWED:
        assert workflow.step(state, act) is ALLOWED[state, act]
        return
    with pytest.raises(Conflict) as refused:
        workflow.step(state, act)
    assert refused.value.message == workflow.REFUSALS[state]


@given(st.lists(st.sampled_from(Act), max_size=30))
def test_nothing_is_accepted_that_was_not_offered_and_what_is_settled_stays(acts):
    state, offered = State.RAISED, False
    for act in acts:
        try:
            following = workflow.step(state, act)
        except Conflict:
            continue
        assert state not in workflow.FINAL
        assert following is not State.ACCEPTED or (state is State.OFFERED and offered)
        offered = offered or following is State.OFFERED
        state = following
    assert (state in workflow.FINAL) == (state in (State.ACCEPTED, State.DECLINED, State.WITHDRAWN))


def test_a_draft_is_never_among_what_the_client_sees():
    assert workflow.SHOWS_OFFER.isdisjoint({State.RAISED, State.BEING_PRICED, State.WITHDRAWN})
