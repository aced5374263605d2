"""What follows from what was invoiced and paid: sums, ages, states, waiting and periods to come. No database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from portal.access import Role
from portal.billing import balance, coming, disputes, parts, payments, periods, queries, receivables
from portal.billing.balance import Budget, DayOfMoney
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, InvoiceWord
from portal.billing.receivables import BUCKETS, Aged, Owed
from portal.changes.models import ContractKind, Period
from portal.errors import Conflict, Invalid
from portal.money import Money
from tests.support.scopes import client

ISSUED, PARTLY, PAID, CANCELLED = (
    InvoiceState.ISSUED, InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.CANCELLED,
)  # fmt: skip
TODAY = date(2026, 5, 4)


def euros(minor: int) -> Money:
    """So many cents."""
    return Money(minor, "EUR")


def budget(kind: ContractKind = ContractKind.FIXED_PRICE, **cents: int) -> Budget:
    """A price of 1,000.00 EUR of which nothing is invoiced, with these differences."""
    given = {"agreed": 100_000, "changed": 0, "invoiced": 0, "paid": 0, "open": 0} | cents
    period = Period.MONTH if kind is ContractKind.RETAINER else None
    return Budget(**{field: euros(minor) for field, minor in given.items()}, period=period, kind=kind)


def test_a_budget_is_what_was_agreed_and_what_changes_made_of_it():
    whole = budget(changed=-20_000, invoiced=30_000)
    assert (whole.total, whole.remaining) == (euros(80_000), euros(50_000))


def test_of_a_retainer_nothing_remains_as_it_has_no_whole():
    assert budget(ContractKind.RETAINER, invoiced=30_000).remaining is None


@pytest.mark.parametrize("kind", [ContractKind.FIXED_PRICE, ContractKind.TIME_AND_MATERIALS])
def test_what_was_invoiced_beyond_the_whole_is_said(kind):
    assert budget(kind, invoiced=100_001).remaining == euros(-1)


@pytest.mark.parametrize(
    ("cents", "percent"),
    [
        ({}, 0),
        ({"invoiced": 33_333}, 33),
        ({"invoiced": 99_999}, 99),  # never told to be whole before it is
        ({"invoiced": 100_000}, 100),
        ({"invoiced": 250_000}, 100),
        ({"invoiced": -5_000}, 0),
        ({"agreed": 1, "invoiced": 1}, 100),
        ({"agreed": 0, "invoiced": 5}, 0),
        ({"changed": -100_000}, 0),
        ({"changed": -100_001, "invoiced": 5}, 0),
    ],
)
def test_the_share_that_is_invoiced_is_a_whole_percentage_from_nothing_to_all(cents, percent):
    assert budget(**cents).share == percent


@pytest.mark.parametrize(
    ("minor", "percents", "shares"),
    [
        (10_000, ("33.3333", "33.3333", "33.3334"), [3_333, 3_333, 3_334]),
        (101, ("50", "50"), [51, 50]),  # of equals the first
        (-101, ("50", "50"), [-50, -51]),
        (2, ("10", "20", "70"), [0, 1, 1]),
        (100, ("100",), [100]),
        (0, ("60", "40"), [0, 0]),
    ],
)
def test_the_cents_that_remain_go_to_the_largest_remainders(minor, percents, shares):
    """Hamilton's method: of 2 cents in 10, 20 and 70 percent the exact shares are 0.2, 0.4 and 1.4."""
    assert parts.split(euros(minor), [Decimal(one) for one in percents]) == [euros(one) for one in shares]


@pytest.mark.parametrize(
    ("minors", "fits"), [((60, 40), True), ((60, 41), False), ((60, 39), False), ((101, -1), True)]
)
def test_parts_that_were_given_as_amounts_come_to_what_was_agreed(minors, fits):
    if fits:
        parts.check_whole(euros(100), [euros(one) for one in minors])
        return
    with pytest.raises(Invalid) as refused:
        parts.check_whole(euros(100), [euros(one) for one in minors])
    assert refused.value.field == "items"


def test_each_currency_stands_for_itself():
    def day(on: int, code: str, *minor: int) -> DayOfMoney:
        return DayOfMoney(date(2026, 5, on), *(Money(one, code) for one in minor))

    found = balance.standing(
        [day(1, "USD", 7, 0, 7, 0, 0), day(1, "EUR", 100, 40, 60, 10, 0), day(2, "EUR", -5, 1, 2, 3, 4)]
    )
    assert [(one.invoiced, one.paid, one.open, one.overdue, one.favour) for one in found] == [
        tuple(euros(minor) for minor in (95, 41, 62, 13, 4)),
        tuple(Money(minor, "USD") for minor in (7, 0, 7, 0, 0)),
    ]


def owed(days: int, minor: int = 100, code: str = "EUR") -> Owed:
    """An invoice that is so many days late."""
    return Owed("Acme", "BRIDGE", 1, "BH-2026-0001", TODAY - timedelta(days=days), days, Money(minor, code), False)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-30, "current"), (0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"),
        (90, "61-90"), (91, "over 90"), (1000, "over 90"),
    ],
)  # fmt: skip
def test_what_is_owed_is_as_old_as_the_days_after_its_due_day(days, bucket):
    assert owed(days).bucket == bucket


def test_what_a_client_owes_is_summed_by_age():
    found = receivables._aged("Acme", "EUR", [owed(-3, 1), owed(5, 20), owed(30, 300), owed(95, 4_000)])
    assert [one.minor for one in found.buckets] == [1, 320, 0, 0, 4_000]
    assert (found.client, found.total, len(found.invoices)) == ("Acme", euros(4_321), 4)


def test_what_all_clients_owe_is_summed_by_currency_and_age():
    def aged(code: str, *minor: int) -> Aged:
        buckets = [Money(one, code) for one in minor]
        return Aged("Acme", code, buckets, Money(sum(minor), code), ())

    found = receivables.totals([aged("USD", 1, 2, 3, 4, 5), aged("EUR", 1, 0, 0, 0, 9), aged("EUR", 2, 1, 0, 0, 1)])
    assert list(found) == ["EUR", "USD"]
    assert [one.minor for one in found["EUR"]] == [3, 1, 0, 0, 10]
    assert [one.minor for one in found["USD"]] == [1, 2, 3, 4, 5]
    assert len(BUCKETS) == 5


def invoice(state: InvoiceState = ISSUED, **more: object) -> Invoice:
    """An invoice of 100.00 EUR, due on 4 May 2026."""
    given = {"kind": InvoiceKind.INVOICE, "payable_minor": 10_000, "paid_minor": 0, "credited_minor": 0,
             "currency": "EUR", "due_on": TODAY}  # fmt: skip
    return Invoice(state=state, **(given | more))


@pytest.mark.parametrize(
    ("before", "paid", "credited", "after"),
    [
        (ISSUED, 0, 0, ISSUED),
        (ISSUED, 1, 0, PARTLY),
        (ISSUED, 9_999, 0, PARTLY),
        (ISSUED, 10_000, 0, PAID),
        (ISSUED, 10_001, 0, PAID),
        (PARTLY, 6_000, 4_000, PAID),
        (PARTLY, 6_000, 3_999, PARTLY),
        (ISSUED, 0, 10_000, PAID),
        (ISSUED, 0, 4_000, ISSUED),
        (PAID, 9_000, 0, PARTLY),  # some of it was paid back
        (PAID, 0, 0, ISSUED),
        (CANCELLED, 10_000, 0, CANCELLED),
        (CANCELLED, 0, 10_000, CANCELLED),
    ],
)
def test_the_state_of_an_invoice_follows_from_what_came_in_and_what_was_credited(before, paid, credited, after):
    row = invoice(before, paid_minor=paid, credited_minor=credited)
    payments.settle(row)
    assert row.state is after


CREDIT_NOTE = {"kind": InvoiceKind.CREDIT_NOTE}


@pytest.mark.parametrize(
    ("row", "minor"),
    [
        (invoice(), 1),
        (invoice(), 20_000),  # too much is money too: the rest is in the client's favour
        (invoice(PARTLY, paid_minor=2_500), -2_500),
        (invoice(PAID, paid_minor=10_000), 1),
        (invoice(CANCELLED, paid_minor=2_500), -2_500),
    ],
)
def test_money_comes_in_for_what_was_issued_and_goes_back_as_far_as_it_came(row, minor):
    with time_machine.travel(datetime(2026, 5, 4, 12, tzinfo=UTC), tick=False):
        payments._check(client(Role.BILLING), row, euros(minor), TODAY)


@pytest.mark.parametrize(
    ("row", "minor", "days", "refusal"),
    [
        (invoice(InvoiceState.DRAFT), 1, 0, Conflict),
        (invoice(**CREDIT_NOTE), 1, 0, Conflict),
        (invoice(CANCELLED, paid_minor=2_500), 1, 0, Conflict),
        (invoice(), 0, 0, Invalid),
        (invoice(), -1, 0, Invalid),
        (invoice(PARTLY, paid_minor=2_500), -2_501, 0, Invalid),
        (invoice(), 1, 1, Invalid),
    ],
)
def test_no_money_comes_for_what_is_not_owed_nor_tomorrow_nor_goes_back_that_never_came(row, minor, days, refusal):
    with time_machine.travel(datetime(2026, 5, 4, 12, tzinfo=UTC), tick=False), pytest.raises(refusal):
        payments._check(client(Role.BILLING), row, euros(minor), TODAY + timedelta(days=days))


@pytest.mark.parametrize(
    ("state", "due_on", "late"),
    [
        (ISSUED, date(2026, 5, 3), True),
        (PARTLY, date(2026, 5, 3), True),
        (ISSUED, TODAY, False),
        (ISSUED, None, False),
        (PAID, date(2026, 5, 3), False),
        (CANCELLED, date(2026, 5, 3), False),
        (InvoiceState.DRAFT, date(2026, 5, 3), False),
    ],
)
def test_what_is_still_to_be_paid_is_overdue_from_the_day_after_its_due_day(state, due_on, late):
    assert queries.is_overdue(invoice(state, due_on=due_on), TODAY) is late


@pytest.mark.parametrize(
    ("row", "minor"),
    [
        (invoice(), 10_000),
        (invoice(PARTLY, paid_minor=2_500, credited_minor=500), 7_000),
        (invoice(PAID, paid_minor=12_000), -2_000),
        (invoice(CANCELLED, paid_minor=2_500), 0),
        (invoice(InvoiceState.DRAFT), 0),
        (invoice(kind=InvoiceKind.CREDIT_NOTE), 0),
    ],
)
def test_open_is_what_was_neither_paid_nor_credited(row, minor):
    assert queries.open_amount(row) == euros(minor)


def agreed_rows(*taxes: tuple[str, str, int], **more: object) -> list[SimpleNamespace]:
    """A contract of 100.00 EUR as the statement of what is to come reads it: a row for each tax of its lines."""
    contract = SimpleNamespace(
        kind=ContractKind.FIXED_PRICE, currency="EUR", total_minor=10_000, ceiling_minor=None, period=None,
        signed_on=TODAY,
    )  # fmt: skip
    given = {"Contract": contract, "invoiced": None, "last_period": None, "work_ends_on": None} | more
    return [
        SimpleNamespace(tax_category=category, tax_rate=Decimal(rate), net=net, **given)
        for category, rate, net in taxes
    ]


def test_what_was_agreed_is_told_by_rate_whatever_category_it_is_of():
    """A mainland line and one of the Canary Islands at the same rate are taxed alike once they are invoiced."""
    rows = agreed_rows(("S", "7", 3_000), ("L", "7", 2_000), ("S", "19", 5_000))
    found = coming._agreed([*rows, *rows])  # each once more for each open part of the plan
    assert found.nets == {Decimal(7): euros(5_000), Decimal(19): euros(5_000)}
    assert (found.whole, found.invoiced) == (euros(10_000), euros(0))


def test_what_can_come_at_most_is_the_ceiling_where_there_is_one():
    rows = agreed_rows(("S", "19", 10_000), invoiced=2_500)
    rows[0].Contract.ceiling_minor = 12_000
    found = coming._agreed(rows)
    assert (found.whole, found.invoiced) == (euros(12_000), euros(2_500))


def words(*by_staff: bool) -> list[InvoiceWord]:
    """What was said, one word an hour from midnight on, by staff or by the client."""
    return [InvoiceWord(by_staff=one, at=datetime(2026, 5, 4, hour, tzinfo=UTC)) for hour, one in enumerate(by_staff)]


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ((), None),
        ((False,), 0),
        ((False, False), 0),
        ((False, True), None),
        ((True,), None),
        ((False, True, False, False), 2),
        ((False, True, True), None),
    ],
)
def test_the_client_waits_from_their_first_word_that_nobody_of_staff_has_answered(said, hour):
    since = disputes.waiting_since(words(*said))
    assert (since.hour if since else None) == hour


@pytest.mark.parametrize(
    ("signed_on", "last", "period", "firsts"),
    [
        (date(2026, 1, 1), date(2027, 3, 1), Period.MONTH, [date(2027, 4, 1), date(2027, 5, 1)]),
        (date(2026, 1, 1), date(2026, 10, 1), Period.QUARTER, [date(2027, 1, 1), date(2027, 4, 1)]),
        (date(2026, 1, 1), None, Period.YEAR, [date(2026, 1, 1), date(2027, 1, 1)]),
        (date(2026, 1, 2), None, Period.YEAR, [date(2027, 1, 1)]),
        (date(2027, 4, 2), None, Period.MONTH, [date(2027, 5, 1)]),
        (date(2027, 5, 2), None, Period.MONTH, []),
    ],
)
def test_a_retainers_periods_are_foreseen_from_the_one_that_is_missing_to_a_year_ahead(signed_on, last, period, firsts):
    assert list(periods.ahead(signed_on, last, TODAY, period)) == firsts


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.sampled_from(Period)
)
def test_what_is_foreseen_is_what_will_be_drafted(signed_on, today, period):
    """A year later the job drafts each period that was foreseen today and has begun by then."""
    later = date(today.year + 1, today.month, 1)
    last = periods.first_day(today, period)
    foreseen = list(periods.ahead(signed_on, last, today, period))
    assert foreseen == list(periods.begun(signed_on, last, later, period))
