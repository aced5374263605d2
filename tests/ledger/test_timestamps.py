"""Time stamps come from a real authority, are kept only when they hold, and can be checked by anybody's openssl."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal import clock, stamping
from portal.errors import Invalid, Unavailable
from portal.ledger import timestamps
from portal.ledger.models import Receipt
from portal.ledger.receipt_files import read_receipt, receipt_json
from portal.settings import SettingsError, load
from tests.support import authority as authorities
from tests.support.receipts import PORTAL, keys_in, seal


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    with authorities.serving(authorities.make(tmp_path_factory.mktemp("authority"))) as serving:
        yield serving


@pytest.fixture(autouse=True)
def right(authority):
    """Each test finds the authority answering rightly."""
    authority.wrong, authority.status, authority.media_type = None, 200, timestamps.REPLY
    authority.asked.clear()


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    return seal(keys_in(tmp_path_factory.mktemp("signing")))


def roots(authority):
    return timestamps.read_roots(authority.roots)


def stamped(authority, token: str) -> bytes:
    request = timestamps.request_for(token)
    return timestamps.stamp_from(authority.reply(request.as_bytes()), request, token, roots(authority))


class TestAStamp:
    def test_it_says_when_the_receipt_existed(self, authority, token):
        stamp = stamped(authority, token)
        at = timestamps.check(stamp, token, roots(authority))
        assert abs(clock.now() - at) < timedelta(minutes=5)
        assert timestamps.read(stamp).at == at

    def test_its_imprint_is_the_sha_256_of_the_token(self, authority, token):
        from hashlib import sha256

        assert timestamps.read(stamped(authority, token)).imprint == sha256(token.encode()).digest()

    def test_openssl_verifies_it_without_us(self, authority, token, tmp_path):
        (tmp_path / "stamp.der").write_bytes(stamped(authority, token))
        (tmp_path / "token").write_bytes(token.encode())
        arguments = ("-token_in", "-in", "stamp.der", "-data", "token", "-CAfile", str(authority.roots))
        assert "Verification: OK" in authorities.openssl(tmp_path, "ts", "-verify", *arguments)

    def test_it_is_of_one_receipt_alone(self, authority, token):
        with pytest.raises(Invalid, match="does not hold"):
            timestamps.check(stamped(authority, token), token[:-1] + "x", roots(authority))

    def test_an_authority_that_is_not_known_is_not_believed(self, authority, token, tmp_path):
        other = authorities.make(tmp_path / "other", "Other Authority")
        with pytest.raises(Invalid, match="does not hold"):
            timestamps.check(stamped(authority, token), token, roots(other))

    def test_an_authority_of_the_same_name_with_another_key_is_not_believed(self, authority, token, tmp_path):
        other = authorities.make(tmp_path / "other")
        with pytest.raises(Invalid, match="does not hold"):
            timestamps.check(stamped(other, token), token, roots(authority))

    def test_the_answer_to_another_request_is_refused(self, authority, token):
        answer = authority.reply(timestamps.request_for(token).as_bytes())
        with pytest.raises(Invalid, match="Nonce"):
            timestamps.stamp_from(answer, timestamps.request_for(token), token, roots(authority))

    def test_every_flipped_byte_is_refused_or_outside_what_is_signed(self, authority, token):
        stamp = stamped(authority, token)
        whole = timestamps.read(stamp)
        refused = 0
        for at in range(0, len(stamp), 3):
            changed = stamp[:at] + bytes([stamp[at] ^ 0x41]) + stamp[at + 1 :]
            try:
                assert timestamps.check(changed, token, roots(authority)) == whole.at
            except Invalid:
                refused += 1
        assert refused > len(stamp) // 3 * 0.9

    @pytest.mark.parametrize("cut", [0, 1, 2, 10, 100, 500])
    def test_what_was_cut_is_refused(self, authority, token, cut):
        with pytest.raises(Invalid):
            timestamps.check(stamped(authority, token)[:cut], token, roots(authority))

    @pytest.mark.parametrize(
        "raw", [b"", b"\x30", b"\x00" * 100, b"\x30\x80" * 1000, b"\xff" * 1000, b"{}", bytes(200_000)]
    )
    def test_what_is_no_stamp(self, authority, token, raw):
        for check in (lambda: timestamps.read(raw), lambda: timestamps.check(raw, token, roots(authority))):
            with pytest.raises(Invalid) as caught:
                check()
            assert caught.value.field == "timestamp"

    def test_it_travels_in_the_receipts_file(self, authority, token):
        stamp = stamped(authority, token)
        kept = Receipt(seq=5, token=token, timestamp=stamp)
        assert read_receipt(receipt_json(kept, PORTAL)).timestamp == stamp


class TestTheRoots:
    def test_a_file_without_certificates_is_refused(self, tmp_path):
        (tmp_path / "a.pem").write_text("no certificate")
        with pytest.raises(Invalid, match="holds no certificates"):
            timestamps.read_roots(tmp_path / "a.pem")

    def test_the_address_needs_them(self, tmp_path):
        given = {
            "PORTAL_BASE_URL": "http://127.0.0.1", "PORTAL_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
            "PORTAL_ENVIRONMENT": "test", "PORTAL_TIMESTAMP_URL": "https://tsa.example/tsr",
        }  # fmt: skip
        with pytest.raises(SettingsError, match="PORTAL_TIMESTAMP_CERTIFICATES must name a PEM file"):
            load(given)
        whole = given | {"PORTAL_TIMESTAMP_CERTIFICATES": str(tmp_path / "roots.pem")}
        assert load(whole).timestamp_url == "https://tsa.example/tsr"

    @pytest.mark.parametrize("url", ["ftp://tsa.example", "tsa.example", "https://user:pw@tsa.example", "https://"])
    def test_an_address_that_is_none(self, url):
        with pytest.raises(SettingsError, match="PORTAL_TIMESTAMP_URL"):
            load({"PORTAL_TIMESTAMP_URL": url})


@pytest.fixture
async def kept(book, token):
    """Three receipts without a stamp."""
    async with book.database.write() as db:
        for seq in (1, 2, 3):
            issued = datetime(2026, 5, seq, tzinfo=UTC)
            db.add(Receipt(project_id=book.id, seq=seq, token=f"{token}{seq}", issued_at=issued, timestamp=None))
    return book


async def stamps(book) -> dict[int, bytes | None]:
    async with book.database.read() as db:
        rows = await db.execute(select(Receipt.seq, Receipt.timestamp).where(Receipt.project_id == book.id))
        return {row.seq: row.timestamp for row in rows}


def asking(authority):
    return type("Settings", (), {"timestamp_url": authority.url, "timestamp_certificates": authority.roots})()


class TestTheJob:
    async def test_it_stamps_every_receipt_once_and_changes_nothing_else(self, kept, authority, token):
        assert await stamping.stamp_due(kept.database, asking(authority)) == 3
        for seq, stamp in (await stamps(kept)).items():
            timestamps.check(stamp, f"{token}{seq}", roots(authority))
        first = await stamps(kept)
        assert await stamping.stamp_due(kept.database, asking(authority)) == 0
        assert await stamps(kept) == first
        assert len(authority.asked) == 3

    async def test_without_an_authority_nothing_happens(self, kept):
        nobody = type("Settings", (), {"timestamp_url": None, "timestamp_certificates": None})()
        assert await stamping.stamp_due(kept.database, nobody) == 0

    async def test_what_the_authority_is_told_is_a_digest_and_nothing_more(self, kept, authority, token):
        await stamping.stamp_due(kept.database, asking(authority))
        assert len(authority.asked) == 3
        assert all(len(query) < 120 and token[:20].encode() not in query for query in authority.asked)

    @pytest.mark.parametrize(
        "fault",
        [{"wrong": b"<html>"}, {"wrong": b""}, {"status": 500}, {"media_type": "text/html"}, {"wrong": b"0" * 200_000},
         {"wrong": b"\x30\x03\x02\x01\x02"}, {"wrong": b"\x30\x05\x30\x03\x02\x01\x02"}],
    )  # fmt: skip
    async def test_a_wrong_answer_is_logged_and_tried_again_later(self, kept, authority, fault, caplog):
        for name, value in fault.items():
            setattr(authority, name, value)
        with caplog.at_level(logging.WARNING):
            assert await stamping.stamp_due(kept.database, asking(authority)) == 0
        assert caplog.records
        assert set((await stamps(kept)).values()) == {None}
        authority.wrong, authority.status, authority.media_type = None, 200, timestamps.REPLY
        assert await stamping.stamp_due(kept.database, asking(authority)) == 3

    async def test_the_answer_to_another_receipt_is_not_kept(self, kept, authority, token):
        authority.wrong = authority.reply(timestamps.request_for(token).as_bytes())
        assert await stamping.stamp_due(kept.database, asking(authority)) == 0

    async def test_an_authority_that_is_away_is_asked_once_a_turn(self, kept, authority, caplog):
        asked = 0

        async def away(_request: bytes) -> bytes:
            nonlocal asked
            asked += 1
            raise Unavailable("It is away.")

        assert await stamping.stamp(kept.database, away, roots(authority)) == 0
        assert asked == 1

    async def test_the_oldest_come_first_and_a_turn_has_an_end(self, kept, authority, monkeypatch):
        monkeypatch.setattr(stamping, "_WAITING", stamping._WAITING.limit(2))
        assert await stamping.stamp_due(kept.database, asking(authority)) == 2
        assert [seq for seq, stamp in (await stamps(kept)).items() if stamp is None] == [3]

    async def test_a_port_where_nobody_listens(self, kept, authority):
        away = type("Settings", (), {"timestamp_url": "http://127.0.0.1:9/", "timestamp_certificates": authority.roots})
        assert await stamping.stamp_due(kept.database, away()) == 0
