"""A browser for tests of pages, with the network cut, and a page on the disk with the rows that it was made of.

playwright drives a browser that is there (`apt-get install chromium`); without one, or without playwright, the tests
are skipped. With NEUROCOMP_NEEDS_BROWSER=1, as where a browser was just installed, they fail instead.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(reason: str) -> None:
    """Skip for this reason, or fail where a browser was promised."""
    if os.environ.get("NEUROCOMP_NEEDS_BROWSER"):
        pytest.fail(f"NEUROCOMP_NEEDS_BROWSER is set, and {reason}")
    pytest.skip(reason)


class Site(NamedTuple):
    """A page on the disk, its data, and the rows that it was made of."""

    path: Path
    data: dict[str, Any]
    folder: Path

    def rows(self, stem: str) -> list[dict[str, str]]:
        (path,) = self.folder.glob(f"{stem}*-??????????.csv")
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def name(self, stem: str) -> str:
        return next(cell["name"] for cell in self.data["cells"] if cell["name"].startswith(stem))


def made(folder: Path, *options: str) -> Site:
    from neurocomp.cli.main import main
    from tests.pages import data_of

    out = folder.with_suffix(".html")
    assert main(["report", str(folder), *options, "--out", str(out)]) == 0
    return Site(out, data_of(out.read_text(encoding="utf-8")), folder)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing(f"there is no browser: none of {', '.join(BROWSERS)}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium):
    """Open a page; at the end of the test nothing may have gone wrong in it, and nothing may have been asked for."""
    contexts, wrong = [], []

    def opened(path: Path, **settings: Any):
        context = chromium.new_context(offline=True, **{"viewport": {"width": 1300, "height": 900}} | settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if request.url != path.as_uri() else None)
        page.set_default_timeout(10_000)
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def texts(page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]
