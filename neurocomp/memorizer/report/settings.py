"""Names of the memorizer's cells: how they depart from a paper's settings, in words of the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.memorizer.report.cells import MemorizerCell
from neurocomp.report.where import flat
from neurocomp.results.identity import unhashed

# Keys that do not tell cells apart.
WITHOUT_EFFECT = ("config_hash", *unhashed(MemorizerConfig()))
# Keys without effect on a training's outcome; seed, device and parts change it by chance alone.
BESIDE = (
    *WITHOUT_EFFECT, "seed", "device", "training.parts", "training.updates", "execution.runs", "execution.steps",
)  # fmt: skip

UNKNOWN = "configuration"  # a departure that says that nothing is known


def defaults() -> dict[str, Any]:
    """Every key of the memorizer by its dotted name, with its default."""
    return flat(asdict(MemorizerConfig()))


def departures(cell: MemorizerCell, paper: Mapping[str, Any], aside: Collection[str] = ()) -> dict[str, Any]:
    """The settings of a cell that are not the paper's, without those that are left aside.

    A cell whose configuration is lost may depart in more than its rows say; the loss is named too.
    """
    differing = {key: value for key, value in settings(cell).items() if key not in paper or paper[key] != value}
    return {key: value for key, value in differing.items() if not _within(key, (*BESIDE, *aside))}


def settings(cell: MemorizerCell) -> dict[str, Any]:
    """Every setting by its dotted name; a key that is younger than the cell has its default."""
    if cell.config:
        return defaults() | flat(cell.config)
    facts = cell.facts
    columns = {"network": "network.name", "label_smoothing": "training.label_smoothing", "check": "training.check"}
    known = {columns.get(key, key): value for key, value in facts.items() if columns.get(key, key) in defaults()}
    return defaults() | known | {UNKNOWN: "lost"}


def _within(key: str, names: Iterable[str]) -> bool:
    """Whether a key is one of these, or in one of these groups (`soft.`)."""
    return any(key.startswith(name) if name.endswith(".") else key == name for name in names)


def words(of: Mapping[str, Any]) -> str:
    """`training.check=1 include=[add]`, as `neurocomp run` takes them."""
    return " ".join(f"{key}={_word(value)}" for key, value in of.items())


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_word, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def told_apart(named: Iterable[tuple[str, MemorizerCell]]) -> dict[str, MemorizerCell]:
    """Cells by a name each: where several have one, each says in what they differ.

    Files with the same hash are copies of one cell: the longer one is taken.
    """
    groups: dict[str, dict[str, MemorizerCell]] = {}
    for name, cell in sorted(named, key=lambda pair: pair[1].n):
        groups.setdefault(name, {})[cell.facts["config_hash"]] = cell
    apart = {}
    for name, group in groups.items():
        cells = sorted(group.values(), key=lambda cell: str(cell.path))
        apart |= {f"{name} {more}".strip(): cell for more, cell in zip(_differences(cells), cells, strict=True)}
    return apart


def _differences(cells: list[MemorizerCell]) -> list[str]:
    """For each cell, what tells it from the others: settings, or else its hash."""
    known = [settings(cell) for cell in cells]
    keys = dict.fromkeys(key for one in known for key in one if not _within(key, WITHOUT_EFFECT))
    keys = [key for key in keys if len({str(one.get(key)) for one in known}) > 1]
    texts = [words({key: one.get(key) for key in keys}) for one in known]
    if len(set(texts)) == len(texts):
        return texts
    hashes = [f"config_hash={cell.facts['config_hash'][:10]}" for cell in cells]
    return [f"{text} {hash}".strip() for text, hash in zip(texts, hashes, strict=True)]
