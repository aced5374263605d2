"""The tamper matrix: one lie at a time in what a provider sends, and no session comes of it.

The names of OpenID's conformance tests for Basic and Config RP stand where a row is one of them.
"""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey
from sqlalchemy import func, select

from portal import clock
from portal.db import Database
from portal.identity.models import Session
from tests.support.cast import NAMES, Cast
from tests.support.hostile_provider import ABSENT, HostileProvider
from tests.support.sign_in import Browser

Lie = Callable[[HostileProvider], None]


def claim(**lies: Any) -> Lie:
    """The ID token says this instead; a function is asked when the token is made."""
    return lambda provider: provider.claims.update({name: v() if callable(v) else v for name, v in lies.items()})


def header(**lies: Any) -> Lie:
    """The ID token's header says this instead."""
    return lambda provider: provider.header.update(lies)


def answer(**lies: Any) -> Lie:
    """The token endpoint's answer says this instead."""
    return lambda provider: provider.tokens.update(lies)


def userinfo(**lies: Any) -> Lie:
    """Userinfo says this instead."""
    return lambda provider: provider.userinfo.update(lies)


def payload(text: str) -> Lie:
    """The ID token's payload is these bytes, signed by the right key."""
    return lambda provider: setattr(provider, "payload", text.encode("utf-8", "surrogatepass"))


def seconds(offset: int) -> Callable[[], int]:
    """A time relative to the moment of the test."""
    return lambda: int(clock.now().timestamp()) + offset


def unsigned(provider: HostileProvider) -> None:
    """No signature, which the discovery document even allows."""
    provider.algorithm = "none"
    provider.metadata["id_token_signing_alg_values_supported"] = ["none", "RS256"]


def signed_with_the_public_key(provider: HostileProvider) -> None:
    """HMAC with the public key, which everybody knows."""
    provider.header["kid"] = provider.rsa.kid
    provider.algorithm, provider.signs_with = "HS256", provider.rsa.as_pem(private=False)
    provider.metadata["id_token_signing_alg_values_supported"] = ["HS256", "RS256"]


def signed_with_the_client_secret(provider: HostileProvider) -> None:
    """HMAC with the client secret: allowed by the standard, not here."""
    provider.algorithm, provider.signs_with = "HS256", provider.client_secret.encode()
    provider.metadata["id_token_signing_alg_values_supported"] = ["HS256"]


def signed_by_somebody_else(provider: HostileProvider) -> None:
    """A foreign key under the right key's name."""
    provider.signs_with = RSAKey.generate_key(2048, {"kid": provider.rsa.kid})


def signed_by_a_key_inside(provider: HostileProvider) -> None:
    """A foreign key that the token itself brings along."""
    foreign = RSAKey.generate_key(2048, {"kid": "mine"})
    provider.signs_with = foreign
    provider.header["jwk"] = foreign.as_dict(private=False)


def signed_by_an_unpublished_key(provider: HostileProvider) -> None:
    """A key id that nobody knows."""
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "unheard-of"})


def signed_by_an_encryption_key(provider: HostileProvider) -> None:
    """A published key that is for encryption."""
    provider.published = [{**key, "use": "enc"} if key["kty"] == "RSA" else key for key in provider.public_keys()]


def signed_by_a_key_for_another_algorithm(provider: HostileProvider) -> None:
    """A published key whose algorithm is another."""
    provider.published = [{**key, "alg": "PS256"} if key["kty"] == "RSA" else key for key in provider.public_keys()]


def signed_with_an_unannounced_algorithm(provider: HostileProvider) -> None:
    """An algorithm that we know and the provider does not announce."""
    provider.algorithm = "ES256"
    provider.metadata["id_token_signing_alg_values_supported"] = ["RS256"]


def a_short_key(provider: HostileProvider) -> None:
    """RSA of 1024 bits."""
    with pytest.warns(SecurityWarning):
        provider.rsa = RSAKey.generate_key(1024, {"kid": "rsa-1"})


def no_kid_among_several(provider: HostileProvider) -> None:
    """No key id, and two keys could be meant."""
    provider.header["kid"] = ABSENT
    other = RSAKey.generate_key(2048, {"kid": "rsa-0"})
    provider.published = [*provider.public_keys(), other.as_dict(private=False)]


def nested(depth: int) -> str:
    """Deep JSON."""
    return "[" * depth + "]" * depth


LIES: dict[str, Lie] = {
    "oidcc-client-test-invalid-iss": claim(iss="https://other.example"),
    "iss with a slash more": claim(iss="https://login.example/"),
    "iss missing": claim(iss=ABSENT),
    "oidcc-client-test-missing-sub": claim(sub=ABSENT),
    "sub empty": claim(sub=""),
    "sub a space": claim(sub=" "),
    "sub a number": claim(sub=7),
    "sub with a control character": claim(sub="sub\u0000ada"),
    "sub too long": claim(sub="x" * 256),
    "oidcc-client-test-invalid-aud": claim(aud="other"),
    "aud of another though azp is us": claim(aud="other", azp="portal"),
    "aud a list of others though azp is us": claim(aud=["other", "more"], azp="portal"),
    "aud missing": claim(aud=ABSENT),
    "aud empty": claim(aud=[], azp="portal"),
    "aud with others and no azp": claim(aud=["portal", "other"]),
    "aud with others and another azp": claim(aud=["portal", "other"], azp="other"),
    "aud with a number": claim(aud=["portal", 1], azp="portal"),
    "azp of another": claim(azp="other"),
    "oidcc-client-test-missing-iat": claim(iat=ABSENT),
    "iat in the future": claim(iat=seconds(3600)),
    "iat long ago": claim(iat=seconds(-7200)),
    "iat true": claim(iat=True),
    "exp missing": claim(exp=ABSENT),
    "exp past": claim(exp=seconds(-60)),
    "exp text": claim(exp="4102444800"),
    "exp true": claim(exp=True),
    "exp beyond all calendars": claim(exp=10**15),
    "exp a huge integer": claim(exp=10**400),
    "nbf in the future": claim(nbf=seconds(3600)),
    "auth_time in the future": claim(auth_time=seconds(3600)),
    "auth_time text": claim(auth_time="now"),
    "oidcc-client-test-nonce-invalid": claim(nonce="another"),
    "nonce missing": claim(nonce=ABSENT),
    "nonce a number": claim(nonce=1),
    "oidcc-client-test-invalid-athash": claim(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "at_hash a number": claim(at_hash=1),
    "oidcc-client-test-idtoken-sig-none": unsigned,
    "oidcc-client-test-invalid-sig-rs256": lambda provider: provider.tokens.update(id_token=_broken(provider)),
    "signed with the public key": signed_with_the_public_key,
    "oidcc-client-test-invalid-sig-hs256": signed_with_the_client_secret,
    "signed by somebody else": signed_by_somebody_else,
    "signed by a key inside the token": signed_by_a_key_inside,
    "signed by an unpublished key": signed_by_an_unpublished_key,
    "signed by an encryption key": signed_by_an_encryption_key,
    "signed by a key for another algorithm": signed_by_a_key_for_another_algorithm,
    "signed with an unannounced algorithm": signed_with_an_unannounced_algorithm,
    "signed by a short key": a_short_key,
    "no kid among several keys": no_kid_among_several,
    "kid a number": header(kid=1),
    "kid a list": header(kid=["rsa-1"]),
    "alg a list": header(alg=["RS256"]),
    "alg missing": header(alg=ABSENT),
    "typ of an access token": header(typ="at+jwt"),
    "typ of a logout token": header(typ="logout+jwt"),
    "typ a number": header(typ=1),
    "crit empty": header(crit=[]),
    "crit b64": header(crit=["b64"], b64=False),
    "b64": header(b64=True),
    "jku": header(jku="https://evil.example/jwks"),
    "x5u": header(x5u="https://evil.example/cert"),
    "payload not JSON": payload("nothing"),
    "payload a list": payload("[]"),
    "payload deep": payload(nested(100_000)),
    "payload with NaN": payload('{"exp": NaN}'),
    "payload with an infinite number": payload('{"iss": "https://login.example", "exp": 1e400}'),
    "payload with a key twice": payload('{"sub": "sub-ada", "sub": "sub-eve"}'),
    "payload with a lone surrogate": payload('{"sub": "\\ud800"}'),
    "payload in broken UTF-8": payload('{"sub": "\ud800"}'),
    "payload with an integer of 5000 digits": payload('{"exp": ' + "9" * 5000 + "}"),
    "no ID token": answer(id_token=ABSENT),
    "ID token a number": answer(id_token=1),
    "ID token of two parts": answer(id_token="a.b"),
    "ID token of 17 kB": answer(id_token="x" * 17_000 + ".x.x"),
    "access token no bearer token": answer(token_type="mac"),
    "access token with a line break": answer(access_token="a\r\nX-Evil: 1"),
    "oidcc-client-test-userinfo-invalid-sub": userinfo(sub="sub-eve"),
    "userinfo without a sub": userinfo(sub=ABSENT),
    "userinfo with a list as sub": userinfo(sub=["sub-ada"]),
}


def _broken(provider: HostileProvider) -> str:
    head, body, signature = provider.sign(provider.id_claims("x")).split(".")
    return f"{head}.{body}.{signature[:-4]}AAAA"


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_a_lie_signs_nobody_in(
    lie: Lie, tab: Browser, provider: HostileProvider, database: Database, invited: Cast
) -> None:
    lie(provider)
    refused = await tab.sign_in()
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)
    assert "<h1>The sign-in did not succeed</h1>" in refused.text
    assert await tab.me() is None
    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(Session)) == len(NAMES)


TRUTHS: dict[str, Lie] = {
    "oidcc-client-test": lambda provider: None,
    "oidcc-client-test-kid-absent-single-jwks": lambda provider: (
        provider.header.update(kid=ABSENT),
        setattr(provider, "published", [provider.rsa.as_dict(private=False)]),
    )[0],
    "oidcc-client-test-idtoken-sig-rs256": lambda provider: setattr(provider, "algorithm", "RS256"),
    "ES256": lambda provider: setattr(provider, "algorithm", "ES256"),
    "oidcc-client-test-ignores-unparseable-key": lambda provider: setattr(
        provider,
        "published",
        [{"kty": "XX", "kid": "odd"}, {"kty": "RSA", "n": "!", "e": 1}, 7, *provider.public_keys()],
    ),
    "no typ": header(typ=ABSENT),
    "typ in lower case": header(typ="jwt"),
    "no at_hash": claim(at_hash=ABSENT),
    "aud a list of us": claim(aud=["portal"]),
    "aud with others and us as azp": claim(aud=["portal", "other"], azp="portal"),
    "algorithms left unsaid": lambda provider: provider.metadata.update(id_token_signing_alg_values_supported=ABSENT),
    "oidcc-client-test-scope-userinfo-claims": lambda provider: provider.claims.update(
        name=ABSENT, email=ABSENT, email_verified=ABSENT, locale=ABSENT
    ),
    "no userinfo": lambda provider: provider.metadata.update(userinfo_endpoint=ABSENT),
    "expired within the leeway": claim(exp=seconds(-1)),
}


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS.keys())
async def test_an_honest_variant_signs_in(truth: Lie, tab: Browser, provider: HostileProvider, invited: Cast) -> None:
    truth(provider)
    assert (await tab.sign_in()).status_code == 303
    me = await tab.me()
    assert me is not None
    assert me["email"] == "ada@client.example"


async def test_tokens_reach_neither_page_nor_cookie_nor_log(
    tab: Browser, provider: HostileProvider, invited: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "portal")
    sent: list[str] = []
    honest = provider._token

    def remember(request: httpx2.Request) -> httpx2.Response:
        given = honest(request)
        assert isinstance(given, dict)
        sent.extend([given["id_token"], given["access_token"]])
        return httpx2.Response(200, json=given)

    provider.answers["/token"] = remember
    arrived = await tab.sign_in()
    seen = arrived.text + str(arrived.headers) + (await tab.http.get("/me")).text + caplog.text
    assert len(sent) == 2
    assert not [token for token in sent if token in seen]


async def test_the_provider_is_never_quoted(tab: Browser, invited: Cast) -> None:
    words = "<script>alert(1)</script> call +1 555 evil"
    for code in (ABSENT, "abc"):
        brought = tab.provider.authorize(await tab.leave(), code=code)
        refused = await tab.come_back(brought | {"error": words, "error_description": words, "error_uri": words})
        assert refused.status_code == 400
        assert "evil" not in refused.text
        assert "/token" not in tab.provider.paths()


async def test_somebody_who_cancels_is_told_so(tab: Browser, invited: Cast) -> None:
    brought = tab.provider.authorize(await tab.leave(), code=ABSENT)
    refused = await tab.come_back(brought | {"error": "access_denied"})
    assert "<h1>You did not sign in</h1>" in refused.text


@pytest.mark.parametrize(
    "lies",
    [
        {"iss": "https://other.example"}, {"iss": "https://login.example/"}, {"iss": ABSENT}, {"iss": ""},
        {"code": ABSENT}, {"code": ""}, {"state": "another"}, {"state": ABSENT}, {"state": ""}, {"code": "x" * 5000},
    ],
    ids=[
        "iss of another", "iss with a slash more", "no iss", "iss empty", "no code", "code empty", "state of another",
        "no state", "state empty", "code too long",
    ],
)  # fmt: skip
async def test_a_wrong_way_back_is_refused(lies: dict[str, Any], tab: Browser, invited: Cast) -> None:
    assert (await tab.sign_in(**lies)).status_code == 400
    assert "/token" not in tab.provider.paths()
    assert await tab.me() is None


@pytest.mark.parametrize("name", ["code", "state", "iss", "session_state"])
async def test_a_parameter_given_twice_is_refused(name: str, tab: Browser, invited: Cast) -> None:
    brought = tab.provider.authorize(await tab.leave()) | {"session_state": "x"}
    twice = [*brought.items(), (name, brought[name])]
    answer = await tab.http.get("/auth/callback/main", params=twice)
    assert answer.status_code == 400
    assert "/token" not in tab.provider.paths()


async def test_without_the_announcement_an_iss_may_be_missing_but_not_wrong(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = ABSENT
    assert (await tab.sign_in(iss="https://other.example")).status_code == 400
    assert (await tab.sign_in(iss=ABSENT)).status_code == 303
