"""How the code hangs together: no file imports itself in a circle, and none is too long to read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

LONGEST = 350  # lines of a file
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("neurocomp", "cli", "tests")
    for path in (ROOT / folder).rglob("*.py")
}


def imported(module: str, path: Path) -> Iterator[str]:
    """The files that a file imports, wherever in it: within functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in FILES or installed(name) in FILES else node.module for name in names]
        else:
            continue
        yield from (name for name in map(installed, names) if name in FILES and name != module)


def installed(name: str) -> str:
    """`cli.run` for `neurocomp.cli.run`: where the file is."""
    return name.removeprefix("neurocomp.") if name.startswith("neurocomp.cli") else name


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The files of one circle, in the order in which they import each other; none where there is none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module not in done:
            for other in sorted(graph[module]):
                if found := visit(other, [*path, module]):
                    return found
            done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


def test_no_file_imports_itself_in_a_circle():
    assert circle({module: set(imported(module, path)) for module, path in FILES.items()}) == []


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_within_functions_and_for_types_count(tmp_path):
    (tmp_path / "one.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from neurocomp import text\n"
        "def later():\n    from neurocomp.cli.run import main\n    import neurocomp.errors\n"
    )
    assert set(imported("one", tmp_path / "one.py")) == {"neurocomp.text", "cli.run", "neurocomp.errors"}


def test_no_file_is_longer_than_one_reads():
    lengths = {module: path.read_text(encoding="utf-8").count("\n") for module, path in FILES.items()}
    assert {module: length for module, length in lengths.items() if length > LONGEST} == {}
