"""README.md and docs/ name files, commands, options and keys that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from neurocomp.cli.keys import machine_keys, memorizer_keys, readings_keys
from neurocomp.cli.main import COMMANDS
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("neurocomp", "cli", "configs", "docs", "experiments", "results", "tests")
FILES = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
ENDINGS = r"(?:py|md|yaml|toml|csv|asm|subleq|svg|png)"
OF_READERS = {"my_tasks/task/exchange.yaml", "hydra/", "base_run.yaml"}  # files that a reader may have
KEYS = {key.name for key in (*machine_keys(), *memorizer_keys(), *readings_keys())}
GROUPS = {path.name for path in (ROOT / "configs").iterdir() if path.is_dir()}


def spans(page: Path) -> list[str]:
    """The texts between backticks on one line."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text(encoding="utf-8"))


def paths(page: Path) -> set[str]:
    """The files and folders among them; NAME in capitals stands for a reader's choice."""
    found = {span for span in spans(page) if re.fullmatch(rf"[\w./-]+\.{ENDINGS}|[\w./-]+/", span)}
    return {path for path in found - OF_READERS if not re.search(r"\b[A-Z]{2,}\b(?!\.md)", path)}


def command_lines(page: Path) -> set[str]:
    """What follows `neurocomp ` in examples: lines of code, and texts between backticks."""
    lines = re.findall(r"^    (?:\$ )?(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {match[1] for text in (*lines, *spans(page)) if (match := re.match(r"neurocomp ([a-z]\S*.*)", text))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_exist(page):
    """A path may leave out the folders that the text before it names."""
    for path in paths(page):
        assert any(f"/{file}".endswith(f"/{path.rstrip('/')}") for file in (*FILES, *FOLDERS, "README.md")), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_stand_in_the_files_that_are_named(page):
    """`advance` in `step.py`."""
    for name, path in re.findall(r"`(\w+)`(?: in|,) `([\w./]+\.py)`", page.read_text(encoding="utf-8")):
        texts = [(ROOT / file).read_text(encoding="utf-8") for file in FILES if f"/{file}".endswith(f"/{path}")]
        assert any(re.search(rf"\b{name}\b", text) for text in texts), f"`{name}` in `{path}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_their_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        assert (page.parent / file).is_file(), target
        titles = re.findall(r"^#+ (.*)$", (page.parent / file).read_text(encoding="utf-8") if heading else "", re.M)
        assert not heading or heading in {title.lower().replace(" ", "-") for title in titles}, target


def test_commands_options_and_keys_exist(command):
    lines = {line: page.name for page in PAGES for line in command_lines(page)}
    assert len(lines) > 30
    helps = {name: command(name, "--help").out for name in COMMANDS if name != "subleq"}
    helps["subleq"] = command("subleq", "exec", "--help").out
    for line, page in lines.items():
        name, *words = shlex.split(line)
        assert name in COMMANDS, f"{page}: {line}"
        for word in words:
            if word.startswith("-"):
                option = re.escape(word.partition("=")[0])
                assert re.search(rf"(?<![\w-]){option}(?![\w-])", helps[name]), f"{page}: {line}: no {word}"
            elif "=" in word:
                key = word.partition("=")[0]
                assert key in KEYS | GROUPS or key.startswith("hydra"), f"{page}: {line}: no {key}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_in_the_text_exist(page):
    """`optimizer.hold`, with a value or without."""
    groups = {key.partition(".")[0] for key in KEYS if "." in key}
    for span in spans(page):
        key = re.match(r"([a-z]+)\.\w+(?==|$)", span)
        if key and key[1] in groups and not key[0].endswith(".py"):
            assert key[0] in KEYS, f"{span}: no such key"
