"""What is read of a bank statement: every version, a hostile file refused, each entry once and by its own name."""

from datetime import date

import pytest

from portal.billing import camt
from portal.errors import Invalid, TooLarge
from portal.money import Money
from tests.support.camt import IBAN, entry, statement

VERSIONS = [f"{number:02}" for number in range(2, 14)]
CREDITOR = "<Cdtr><Nm>Studio</Nm></Cdtr></RltdPties>"


def only(*entries, **more):
    """The one entry of a statement."""
    (found,) = camt.entries(statement(*entries, **more))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read(version):
    status = "BOOK" if int(version) < 8 else "<Cd>BOOK</Cd>"
    (found,) = camt.entries(statement(entry("Invoice 1", status=status), version=version))
    expected = camt.Entry(IBAN, "B-1", date(2026, 11, 20), Money(476_000, "EUR"), "Acme", "Invoice 1", also=found.also)
    assert found == expected


def test_a_party_of_the_newer_form_is_named():
    xml = statement(entry("x")).replace(b"<Nm>Acme</Nm>", b"<Pty><Nm>Acme &amp; Co</Nm></Pty>")
    assert camt.entries(xml)[0].counterparty == "Acme & Co"


def test_what_was_paid_out_is_negative():
    assert only(entry(way="DBIT")).amount == Money(-476_000, "EUR")


@pytest.mark.parametrize(("way", "amount", "named"), [("CRDT", "0.01", "Acme"), ("DBIT", "0.01", "Studio")])
def test_the_other_side_is_who_paid_and_of_what_was_paid_out_who_got_it(way, amount, named):
    assert only(entry(way=way, amount=amount).replace("</RltdPties>", CREDITOR)).counterparty == named


def test_an_entry_of_nothing_is_one():
    assert only(entry(amount="0.00")).amount == Money(0, "EUR")


def test_an_entry_without_particulars_names_nobody_and_nothing():
    bare = entry().partition("<NtryDtls>")[0] + "</Ntry>"
    assert (only(bare).counterparty, only(bare).remittance, only(bare).is_batch) == ("", "", False)


@pytest.mark.parametrize(
    ("written", "read"),
    [(f"<IBAN>{IBAN.lower()}</IBAN>", IBAN), ("<IBAN>DE89 3704 0044 0532 0130 00</IBAN>", IBAN),
     ("<Othr><Id>40702810 a</Id></Othr>", "40702810A")],
)  # fmt: skip
def test_an_account_is_known_however_it_is_written(written, read):
    assert only(entry(), account=written).account == read


def test_the_day_of_a_booking_is_the_banks_own_where_it_gives_a_moment():
    assert only(entry(day="<DtTm>2026-11-20T00:30:00+08:00</DtTm>")).booked_on == date(2026, 11, 20)


def test_all_that_a_payment_says_is_read_once():
    more = "<Ustrd>Thanks</Ustrd><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf>"
    refs = "<Refs><EndToEndId>E-7</EndToEndId></Refs><RltdPties>"
    said = entry("Thanks").replace("</RmtInf>", more).replace("<RltdPties>", refs)
    assert only(said).remittance == "Thanks RF18 E-7"
    assert only(said.replace("E-7", "NOTPROVIDED")).remittance == "Thanks RF18"
    assert only(entry("").replace("</RmtInf>", more)).remittance == "Thanks RF18"


@pytest.mark.parametrize(("length", "is_cut"), [(500, False), (501, True)])
def test_of_words_without_end_the_beginning_is_kept(length, is_cut):
    found = only(entry("x" * length, name="y" * length, ref="z" * 101))
    assert (len(found.remittance), len(found.counterparty), len(found.reference)) == (500, 500, 100)
    assert found.is_cut is is_cut


@pytest.mark.parametrize("payments", [1, 2])
def test_an_entry_of_several_payments_is_a_batch(payments):
    details = "<TxDtls><RmtInf><Ustrd>Thanks</Ustrd></RmtInf></TxDtls></NtryDtls>" if payments == 2 else "</NtryDtls>"
    assert only(entry().replace("</NtryDtls>", details)).is_batch is (payments == 2)


@pytest.mark.parametrize("day", [
    "<Dt>2026-11-20</Dt>", "<Dt>2026-11-20Z</Dt>", "<Dt>2026-11-20+01:00</Dt>", "<DtTm>2026-11-20T23:59:59.9Z</DtTm>",
])  # fmt: skip
def test_a_day_is_the_one_that_is_written_whatever_zone_stands_behind_it(day):
    assert camt.entries(statement(entry(day=day)))[0].booked_on == date(2026, 11, 20)


@pytest.mark.parametrize("status", ["<Cd>PDNG</Cd>", "PDNG", "<Cd>INFO</Cd>", "FUTR"])
def test_what_is_not_booked_is_left_out(status):
    assert camt.entries(statement(entry(status=status))) == []


def test_noughts_beyond_a_currencys_places_are_dropped_and_other_digits_refused():
    assert camt.entries(statement(entry(amount="12.50000")))[0].amount == Money(1250, "EUR")
    assert camt.entries(statement(entry(amount="12.0", currency="JPY")))[0].amount == Money(12, "JPY")
    with pytest.raises(Invalid):
        camt.entries(statement(entry(amount="12.345")))


def test_an_entry_without_a_reference_of_the_bank_is_known_by_what_it_says():
    once, twice, other = (camt.entries(statement(entry(words, ref=""))) for words in ("a", "a", "b"))
    assert once[0].reference == twice[0].reference != other[0].reference
    assert once[0].reference.startswith("sha256:")


@pytest.mark.parametrize("between", ["<!-- x -->", "<?x y?>"])
def test_what_stands_between_digits_does_not_shorten_an_amount(between):
    (found,) = camt.entries(statement(entry(amount=f"47{between}60.00")))
    assert found.amount == Money(476_000, "EUR")


def test_a_number_of_the_statement_alone_is_no_reference():
    """NtryRef counts a statement's entries, or names the account of a batch: the next day has the same again."""
    monday, tuesday = (
        camt.entries(statement(entry(words, ref="").replace("<BookgDt>", "<NtryRef>1</NtryRef><BookgDt>")))[0]
        for words in ("a", "b")
    )
    assert monday.reference != tuesday.reference


def test_two_entries_that_say_the_same_are_two():
    """Two coffees on one day: no bank's reference, every word alike, and both are money."""
    first, *others = camt.entries(statement(*[entry("a", ref="")] * 3))
    assert [one.reference for one in others] == [f"{first.reference}#2", f"{first.reference}#3"]
    assert only(entry("a", ref="")).reference == first.reference


def test_a_reference_that_a_bank_gives_twice_names_two_entries():
    """Each is then known by what it says, as it is where it stands alone: the other name is told beside either."""
    some = entry("a", amount="1.00"), entry("b", amount="2.00")
    together, alone = camt.entries(statement(*some)), [only(one) for one in some]
    assert [(one.reference, one.also) for one in alone] == [("B-1", one.reference) for one in together]
    assert {one.also for one in together} == {"B-1"}
    assert together[0].reference != together[1].reference


@pytest.mark.parametrize(("wrong", "field"), [
    ({"amount": "1e3"}, "entries[0].Amt"), ({"amount": "NaN"}, "entries[0].Amt"), ({"amount": ""}, "entries[0].Amt"),
    ({"currency": "XXX"}, "entries[0].Ccy"), ({"currency": ""}, "entries[0].Ccy"),
    ({"way": "BOTH"}, "entries[0].CdtDbtInd"), ({"way": ""}, "entries[0].CdtDbtInd"),
    ({"day": "<Dt>yesterday</Dt>"}, "entries[0].BookgDt"), ({"day": ""}, "entries[0].BookgDt"),
    ({"day": "<Dt>2026-11-31</Dt>"}, "entries[0].BookgDt"), ({"day": "<Dt>2026-11-2012</Dt>"}, "entries[0].BookgDt"),
    ({"amount": "9" * 30}, "entries[0].Amt"), ({"amount": "-5"}, "entries[0].Amt"),
])  # fmt: skip
def test_a_wrong_entry_is_named(wrong, field):
    with pytest.raises(Invalid) as refused:
        camt.entries(statement(entry(**wrong)))
    assert refused.value.field == field


def test_an_entry_without_an_amount_is_named():
    with pytest.raises(Invalid) as refused:
        only(entry().replace("Amt", "Sum"))
    assert refused.value.field == "entries[0].Amt"


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9)
) + "]>"  # fmt: skip


@pytest.mark.parametrize("before", [
    "<!DOCTYPE Document>", BOMB, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd">',
])  # fmt: skip
def test_a_file_with_a_document_type_is_refused(before):
    with pytest.raises(Invalid):
        camt.entries(
            statement(entry("&x;" if "ENTITY x" in before else "&j;" if before is BOMB else ""), before=before)
        )


@pytest.mark.parametrize("content", [
    b"", b"no xml", b"<Document/>", b"<Document><Stmt></Document>", b"\xff\xfe", b"<a>" * 5000 + b"</a>" * 5000,
    statement(entry(), account=""), b'<?xml version="1.0" encoding="x-none"?><a/>', b"\x00" * 100,
])  # fmt: skip
def test_what_is_no_statement_is_refused(content):
    with pytest.raises(Invalid):
        camt.entries(content)


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    with pytest.raises(TooLarge, match="20 MB"):
        camt.entries(b" " * (20 * 1024 * 1024 + 1))
    file = statement(entry())
    monkeypatch.setattr(camt, "MOST_BYTES", len(file))
    assert len(camt.entries(file)) == 1


def test_a_statement_of_too_many_entries_is_refused(monkeypatch):
    monkeypatch.setattr(camt, "MOST_ENTRIES", 2)
    several = [entry(ref=f"B-{at}") for at in range(3)]
    assert len(camt.entries(statement(*several[:2]))) == 2
    with pytest.raises(TooLarge, match="2 entries"):
        camt.entries(statement(*several))


def test_control_characters_are_no_part_of_a_name():
    assert camt.entries(statement(entry("a&#x9;b&#xA;&#x85;c\u202e")))[0].remittance == "a b c"
