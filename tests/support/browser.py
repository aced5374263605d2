"""The real browser of the tests: Chromium from npm, letters from PyPI, driven by Playwright."""

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.support import run

FOLDER = Path(__file__).parent.parent / "browser" / "node_modules" / ".chromium"
CURE = "the browser is not installed: run `make setup-tests`"
FONTS = {"fontpkg_noto_sans": "*.ttf", "manimgx_fonts_cjk": "*.ttc"}
ARGUMENTS = ["--no-sandbox", "--headless=shell", "--disable-dev-shm-usage", "--font-render-hinting=none"]


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser of one's own, without a window. Raises AssertionError with the cure when it is not installed."""
    program = FOLDER / "chromium"
    assert program.exists(), CURE
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS, env=_environment(program))
        yield browser
        await browser.close()


@cache
def _environment(program: Path) -> dict[str, str | float | bool]:
    environment: dict[str, str | float | bool] = {**os.environ, "XDG_DATA_HOME": str(_letters())}
    needs = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    if "not found" in needs:
        environment["LD_LIBRARY_PATH"] = str(FOLDER / "al2023" / "lib")
    return environment


def _letters() -> Path:
    """A data folder with fonts for Latin, Cyrillic and Chinese, whatever the machine has."""
    home = run.folder() / "letters"
    with run.locked("letters"):
        fonts = home / "fonts"
        fonts.mkdir(parents=True, exist_ok=True)
        for package, pattern in FONTS.items():
            for file in Path(str(files(package))).rglob(pattern):
                link = fonts / file.name
                if not link.exists():
                    link.symlink_to(file)
    return home
