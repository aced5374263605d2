"""Signing keys lie in a folder, for their owner alone; what they signed stays verifiable after they retire."""

import json
import stat
from concurrent.futures import ProcessPoolExecutor

import pytest

from portal.errors import Invalid
from portal.ledger.keys import PublicKey, open_keys, read_jwks, rotate

# RFC 8037, appendix A.1 to A.3: the key and its thumbprint.
RFC8037_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path):
    folder = tmp_path / "data" / "keys"
    keys = open_keys(folder, "portal.example.com")
    assert stat.S_IMODE((folder / "signing.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_keys(folder, "portal.example.com").current == keys.current
    assert [path.name for path in folder.iterdir()] == ["signing.pem"]


def _kid(folder):
    return open_keys(folder, "portal.example.com").current.kid


def test_several_first_starts_at_once_agree_on_one_key(tmp_path):
    with ProcessPoolExecutor(4) as pool:
        kids = set(pool.map(_kid, [tmp_path / "keys"] * 8))
    assert len(kids) == 1


def test_a_retired_key_still_verifies_and_is_still_published(tmp_path):
    old = open_keys(tmp_path, "portal.example.com")
    signature = old.sign(b"a head")
    new = rotate(tmp_path, "portal.example.com")
    newest = rotate(tmp_path, "portal.example.com")
    assert newest.current not in (old.current, new.current)
    assert set(newest.retired) == {old.current, new.current}
    assert [key.verifies(signature, b"a head") for key in newest.public].count(True) == 1
    assert {key["kid"] for key in newest.jwks()["keys"]} == {old.current.kid, new.current.kid, newest.current.kid}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_published_set_holds_no_private_part_and_reads_back(tmp_path):
    keys = open_keys(tmp_path, "portal.example.com")
    published = json.loads(json.dumps(keys.jwks()))
    assert [set(key) for key in published["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert read_jwks(published) == keys.public


def test_nothing_private_shows_in_a_representation(tmp_path):
    assert "Private" not in repr(open_keys(tmp_path, "portal.example.com"))


def test_the_key_id_is_the_rfc_7638_thumbprint():
    (key,) = read_jwks({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": RFC8037_X}]})
    assert key.kid == RFC8037_THUMBPRINT


def test_a_key_that_others_can_read_is_refused(tmp_path):
    open_keys(tmp_path, "portal.example.com")
    (tmp_path / "signing.pem").chmod(0o640)
    with pytest.raises(Invalid, match="can be read by others: chmod 600"):
        open_keys(tmp_path, "portal.example.com")


def test_a_broken_key_file_is_refused_and_never_replaced(tmp_path):
    open_keys(tmp_path, "portal.example.com")
    (tmp_path / "signing.pem").write_bytes(b"-----BEGIN NONSENSE-----")
    with pytest.raises(Invalid, match="not an Ed25519 private key"):
        open_keys(tmp_path, "portal.example.com")
    assert (tmp_path / "signing.pem").read_bytes() == b"-----BEGIN NONSENSE-----"


@pytest.mark.parametrize("host", ["", "a b", "a+b", "a/b", "a\nb", "портал.example"])
def test_a_host_that_cannot_name_a_log_is_refused(tmp_path, host):
    with pytest.raises(Invalid, match="A host is needed"):
        open_keys(tmp_path / "keys", host)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": []},
        {"keys": "x"},
        {"keys": [None]},
        {"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": RFC8037_X, "d": RFC8037_X}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": RFC8037_X + "="}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": RFC8037_X[:-2]}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 7}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "é" * 43}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": RFC8037_X}] * 101},
    ],
)
def test_a_key_set_from_outside_is_read_strictly(document):
    with pytest.raises(Invalid):
        read_jwks(document)


def test_bytes_that_are_no_point_of_the_curve_verify_nothing():
    assert not PublicKey(b"\xff" * 32).verifies(b"\x00" * 64, b"a head")
