"""Addresses that mail is refused at: a list for staff."""

from portal.notify import refused


async def test_staff_read_refused_addresses_page_by_page(api, database):
    async with database.write() as db:
        for address, source, status in (("b@x.example", "bounce", "5.1.1"), ("a@x.example", "smtp", "550")):
            await refused.record(db, address, source, status)
    first = await api.get("/v1/mail/refused?limit=1")
    second = await api.get(f"/v1/mail/refused?limit=1&cursor={first['next']}")
    assert [one["address"] for one in (*first["items"], *second["items"])] == ["a@x.example", "b@x.example"]
    assert second["next"] is None
    told = first["items"][0]
    assert (told["source"], told["status"], told["times"]) == ("smtp", "550", 1)


async def test_a_client_with_a_token_reads_nothing(api):
    await api.call("GET", "/v1/mail/refused", by="ada", expect=403)
