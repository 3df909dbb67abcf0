"""The page of `neurocomp report` in Chromium, with the network cut: it is sorted, searched, opened and stepped through.

Without a browser these tests are skipped, or fail where one was promised: see `tests/browsing.py`.
"""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest

from neurocomp.cli.main import main
from tests.browsing import Site, made, texts
from tests.pages import SEARCHED, TUNED, make_results

EVIL = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory) -> Site:
    return made(make_results(tmp_path_factory.mktemp("browser") / "mine"))


def column(page, number: int) -> list[str]:
    return texts(page, f"#cells tbody tr > :nth-child({number})")


def test_a_click_on_a_head_sorts_the_cells_by_its_numbers(browse, site):
    page = browse(site.path)
    rates = sorted(100 * cell["rates"]["soft"][1] for cell in site.data["cells"])
    for expected in (rates[::-1], rates):  # the largest first, then the other way round
        page.get_by_role("button", name="soft %").click()
        assert [float(text.split()[0]) for text in column(page, 7)] == pytest.approx(expected, abs=0.051)
    assert page.locator("#cells th[aria-sort=ascending]").inner_text().startswith("soft %")


def test_a_search_leaves_the_cells_that_have_every_word(browse, site):
    page = browse(site.path)
    page.locator("#search").fill("map_inc random_search")
    assert column(page, 3) == ["random_search"] and page.get_by_role("status").inner_text() == "1 of 3 cells"
    page.locator("#search").fill("no such cell")
    assert column(page, 1) == []


def test_a_click_on_a_place_of_the_paper_s_table_opens_its_cell(browse, site):
    page = browse(site.path)
    (place,) = [place for place in site.data["tables"][0]["metrics"]["soft"]["places"]
                if (place["row"], place["task"]) == ("init=map_dec", "map_inc")]  # fmt: skip
    assert (place["published"], place["n"]) == (0.45, 12)
    button = page.get_by_role("button", name="init=map_dec, map_inc: measured").first
    assert button.inner_text() == f"{100 * place['rate']:.0f}"
    button.click()
    assert page.locator("#cell h2").inner_text() == f"Cell {site.name(TUNED)}"
    assert page.locator(".chip").inner_text().startswith("only table1: init=map_dec, map_inc")
    assert len(column(page, 1)) == 1
    page.get_by_role("button", name="show all").click()
    assert len(column(page, 1)) == 3


def test_a_measure_that_is_chosen_is_what_the_heat_maps_show(browse, site):
    page = browse(site.path)
    hard = sum(row["recovered_hard"] == "true" for row in site.rows(TUNED))
    page.get_by_text("hard", exact=True).first.click()
    button = page.get_by_role("button", name="init=map_dec, map_inc: measured").first
    assert (
        button.inner_text() == f"{100 * hard / 12:.0f}"
        and f"measured {100 * hard / 12:.1f} %" in button.get_attribute("title")
    )


def test_the_restarts_of_a_cell_are_its_rows(browse, site):
    page = browse(site.path)
    page.locator("#search").fill(site.name(TUNED))
    page.locator("#cells tbody button").click()
    rows = site.rows(TUNED)
    shown = [
        [text.strip() for text in line.locator("th, td").all_inner_texts()]
        for line in page.locator(".restarts tbody tr").all()
    ]
    yes = {"true": "yes", "false": "no"}
    for cells, row in zip(shown, rows, strict=True):
        assert cells[0] == row["restart"] and cells[-1] == row["program"]
        assert cells[2:6] == [yes[row[f"recovered_{measure}"]] for measure in ("fit", "soft", "hard", "general")]
        assert cells[6:8] == [row["status"], row["updates"]]
        assert float(cells[9]) == pytest.approx(float(row["loss"]), rel=1e-3)
    (command,) = texts(page, "#cell .command code")
    mine = f"restarts=12 name=mine results={site.folder.parent} optimizer.updates=120"
    assert command == f"neurocomp run task=map_inc init=map_dec {mine}"
    distinct = {row["program"] for row in rows}
    assert len(texts(page, ".programs li")) == len(distinct)


def traced(site: Site) -> dict[str, Any]:
    """A trace whose two runs part after the first step, and not at the last."""
    traces = [trace for trace in site.data["traces"] if (trace["phases"][1]["runs"][0]["parts_at"] or 0) > 1]
    return next(trace for trace in traces if trace["phases"][1]["runs"][0]["parts_at"] < 10)


def shown_memory(page) -> list[list[float]]:
    lines = page.locator(".words").last.locator("tbody tr").all()
    return [[float(text or 0) for text in line.locator("td:not(.word)").all_inner_texts()] for line in lines]


def test_a_trace_is_stepped_by_keys_and_shows_the_distributions(browse, site):
    page, trace = browse(site.path), traced(site)
    cell = site.data["cells"][trace["cell"]]
    page.get_by_role("button", name=f"{cell['name']}, restart {trace['restart']}", exact=True).click()
    assert page.locator("#restart h2").inner_text() == f"Restart {trace['restart']} of {cell['name']}"
    run = trace["phases"][1]["runs"][0]
    assert page.locator(".now").inner_text().startswith(f"step {run['parts_at']} of {len(run['steps'])}")
    assert "here they part" in page.locator(".now").inner_text() and page.locator("tr.differs").count() > 0
    page.locator(".trace").focus()
    page.keyboard.press("Home")
    assert page.locator(".now").inner_text().startswith("start of") and page.locator("tr.differs").count() == 0
    for step, moment in enumerate(run["steps"], start=1):
        page.keyboard.press("ArrowRight")
        assert page.locator(".now").inner_text().startswith(f"step {step} of")
        for texts_of_row, row in zip(shown_memory(page), moment["memory"], strict=True):
            assert texts_of_row == pytest.approx([share / 1000 for share in row], abs=0.0101)
        differing = len(moment["differs"]["memory"]) + len(moment["differs"]["registers"])
        assert page.locator("tr.differs").count() == differing
    page.keyboard.press("ArrowLeft")
    assert page.locator(".player input").input_value() == str(len(run["steps"]) - 1)
    page.keyboard.press("p")
    assert "here they part" in page.locator(".now").inner_text()


def test_a_trace_shows_other_weights_and_inputs_and_plays(browse, site):
    page, trace = browse(site.path), traced(site)
    page.get_by_role("button", name=f", restart {trace['restart']}").first.click()
    page.goto(f"{site.path.as_uri()}#cell={site.data['cells'][trace['cell']]['name']}&restart={trace['restart']}")
    page.get_by_text("before the first update").click()
    page.locator(".trace").focus()
    page.keyboard.press("End")
    last = trace["phases"][0]["runs"][0]["steps"][-1]
    assert shown_memory(page)[0] == pytest.approx([share / 1000 for share in last["memory"][0]], abs=0.0101)
    page.locator(".choice", has_text="test input").locator("label").nth(1).click()
    last = trace["phases"][0]["runs"][1]["steps"][-1]
    assert shown_memory(page)[0] == pytest.approx([share / 1000 for share in last["memory"][0]], abs=0.0101)
    page.get_by_role("button", name="play").click()
    page.locator(".now", has_text="step 2 of").wait_for()
    page.get_by_role("button", name="pause").click()


def test_all_is_reached_by_the_keyboard_alone(browse, site):
    """From the top to the search, a cell, one of its restarts, and a step of its trace."""
    page, trace = browse(site.path), traced(site)
    cell = site.data["cells"][trace["cell"]]

    def tab_to(selector: str) -> None:
        for _ in range(300):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"{selector} is not reached by Tab")

    tab_to("#search")
    page.keyboard.type(cell["name"])
    tab_to("#cells tbody button")
    page.keyboard.press("Enter")
    assert page.locator("#cell h2").inner_text() == f"Cell {cell['name']}"
    place = cell["restarts"]["restart"].index(trace["restart"])
    for _ in range(place + 1):
        tab_to(".restarts tbody button")
    page.keyboard.press("Enter")
    assert page.locator("#restart h2").inner_text() == f"Restart {trace['restart']} of {cell['name']}"
    tab_to(".trace")
    page.keyboard.press("End")
    assert page.locator(".now").inner_text().startswith(f"step {len(trace['phases'][1]['runs'][0]['steps'])} of")


def test_names_and_programs_with_markup_are_text_and_never_run(browse, site, tmp_path):
    folder = shutil.copytree(site.folder, tmp_path / "<script>window.hacked=1<" / "script>")
    (path,) = folder.glob(f"{SEARCHED}*-??????????.csv")
    text = path.read_text(encoding="utf-8").replace("map_inc,none,", f"{EVIL},<b>none</b>,")
    lines = [
        line.replace(line.split(",")[19], EVIL) if number == 2 else line
        for number, line in enumerate(text.splitlines())
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.rename(path.with_name(f"{EVIL}-0123456789.csv"))
    evil = made(folder)
    page = browse(evil.path)
    assert EVIL in column(page, 1)
    page.locator("#search").fill("onerror")
    page.locator("#cells tbody button").click()
    assert page.locator("#cell h2").inner_text() == f"Cell {EVIL}-0123456789"
    assert EVIL in " ".join(texts(page, ".programs li"))
    assert page.evaluate("window.hacked") is None and page.locator("img, b").count() == 0


def test_without_cells_of_the_memorizer_nothing_of_them_is_shown(browse, site):
    page = browse(site.path)
    assert page.locator("#memorizer").count() == 0 and "memorizer" not in page.locator("header").inner_text()


def luminance(color: str) -> float:
    """The relative luminance of rgb(r, g, b), as the guidelines of accessibility (WCAG 2) define it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_scheme_and_its_text_can_be_read(browse, site, scheme):
    page = browse(site.path, color_scheme=scheme)
    style = "([selector, name]) => getComputedStyle(document.querySelector(selector))[name]"
    paper = page.evaluate(style, ["body", "backgroundColor"])
    assert (luminance(paper) > 0.5) == (scheme == "light")
    for selector in ("body", ".small", "button.link", ".outcome"):
        ink = page.evaluate(style, [selector, "color"])
        high, low = sorted([luminance(ink), luminance(paper)], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, selector


def test_a_narrow_window_is_not_scrolled_sideways(browse, site):
    page, trace = browse(site.path, viewport={"width": 400, "height": 800}), traced(site)
    page.goto(f"{site.path.as_uri()}#cell={site.data['cells'][trace['cell']]['name']}&restart={trace['restart']}")
    page.locator(".trace").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_page_of_trace_html_steps_through_a_program(browse, site, tmp_path):
    out = tmp_path / "trace.html"
    given = ["--base", "6", "--memory", "3,5,2", "--steps", "15", "--html", str(out)]
    assert main(["trace", "map_inc", *given]) == 0
    page = browse(out)
    page.locator(".trace").focus()
    page.keyboard.press("End")
    assert page.locator(".now").inner_text().startswith("step 15 of 15: soft line 4 (1), jump (1)")
    assert [row.index(1) for row in shown_memory(page)] == [4, 0, 3, 0, 0, 0]
