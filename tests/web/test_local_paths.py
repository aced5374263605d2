"""Which addresses may be followed after a form."""

import pytest

from web.paths import local_path


@pytest.mark.parametrize("path", ["/", "/projects", "/projects/A/backlog?q=%D1%8F&after=1.2#x", "/a//b", "/a?next=//b"])
def test_paths_of_this_host_are_followed(path: str) -> None:
    assert local_path(path, "/no") == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "projects",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%09/evil.example",
        "/%2f/evil.example",
        "/%5cevil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/x\x00",
        "/" + "a" * 3000,
        "//[",
    ],
)
def test_everything_that_a_browser_might_take_elsewhere_is_not(path: str) -> None:
    assert local_path(path, "/no") == "/no"
