"""Forms with files, as they arrive: in any pieces, honest or broken."""

import tracemalloc
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.files.multipart import NotAForm, parts_of
from tests.support.files import chunks

HEADER = 'multipart/form-data; boundary="b0"'
FORM = (
    b'--b0\r\nContent-Disposition: form-data; name="note"\r\n\r\nHello\r\n'
    b'--b0\r\nContent-Disposition: form-data; name="file"; filename="\xd0\xb0%22.png"\r\n'
    b"Content-Type: image/png\r\n\r\n"
    b"\x89PNG\r\n--b\r\n--b1--\x00\r\n"
    b'--b0\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--b0--\r\n'
)
PARTS = [("note", None, b"Hello"), ("file", 'а".png', b"\x89PNG\r\n--b\r\n--b1--\x00"), ("file", "", b"")]


async def read(*pieces: bytes, header: str = HEADER, most: int = 10):
    return [
        (part.field, part.file_name, b"".join([chunk async for chunk in part.chunks]))
        async for part in parts_of(header, chunks(*pieces), most=most)
    ]


async def test_a_form_is_read_part_by_part():
    assert await read(FORM) == PARTS


@given(st.lists(st.integers(0, len(FORM)), max_size=12))
async def test_a_form_reads_the_same_in_whatever_pieces_it_arrives(cuts):
    ends = sorted({0, len(FORM), *cuts})
    assert await read(*(FORM[a:b] for a, b in pairwise(ends))) == PARTS


async def test_a_part_that_nobody_reads_is_passed_over():
    assert [part.field async for part in parts_of(HEADER, chunks(FORM), most=3)] == ["note", "file", "file"]


@pytest.mark.parametrize("length", range(1, len(FORM) - 6, 7))
async def test_a_form_that_ends_early_is_refused(length):
    with pytest.raises(NotAForm):
        await read(FORM[:length])


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("multipart/form-data", FORM),
        ("multipart/mixed; boundary=b0", FORM),
        ("", FORM),
        (f"multipart/form-data; boundary={'b' * 1000}", FORM),
        (HEADER, b"rubbish"),
        (HEADER, b"--b0\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b0--\r\n"),
        (HEADER, b'--b0\r\nContent-Disposition: attachment; name="file"\r\n\r\nx\r\n--b0--\r\n'),
        (HEADER, b"--b0\r\n" + b"X: y\r\n" * 1000 + b"\r\nx\r\n--b0--\r\n"),
        (HEADER, b"--b0\r\nX: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--b0--\r\n"),
    ],
)
async def test_what_is_no_form_is_refused(header, body):
    with pytest.raises(NotAForm):
        await read(body, header=header)


@pytest.mark.slow
async def test_a_form_of_200_megabytes_goes_on_to_the_store_in_constant_memory(store):
    async def form():
        yield b'--b0\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
        for number in range(3200):
            yield number.to_bytes(2, "big") * 32_768
        yield b"\r\n--b0--\r\n"

    tracemalloc.start()
    try:
        async for part in parts_of(HEADER, form(), most=1):
            stored = await store.put(uuid4(), part.chunks, max_bytes=300 * 1024 * 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stored.size == 200 * 1024 * 1024
    assert peak < 16 * 1024 * 1024


async def test_more_parts_than_expected_are_refused():
    with pytest.raises(NotAForm, match="more than the 2 parts"):
        await read(FORM, most=2)
