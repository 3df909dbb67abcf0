"""The published tables, measured again: cells go in, rates beside the published ones come out.

A table's cell comes from one configuration. Where several fit, the reader decides; nothing is pooled or guessed.
"""

from __future__ import annotations

import csv
import importlib.resources
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from neurocomp.config import RunConfig, TaskConfig, UserError, did_you_mean
from neurocomp.report.cells import METRICS, Cell, percent
from neurocomp.results import COLUMNS, TABLE_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

Place = tuple[str, str]  # row and task of a published table

LISTED = 5  # ambiguous places that a message spells out


def published(name: str) -> dict[Place, float | None]:
    """The published rates by row and task, in published order, as fractions; None where the paper has no number."""
    file = importlib.resources.files("neurocomp") / "published" / f"{name}.csv"
    (_, *tasks), *lines = csv.reader(io.StringIO(file.read_text(encoding="utf-8")))
    places = {(row, task): rate for row, *rates in lines for task, rate in zip(tasks, rates, strict=True)}
    return {place: float(rate) / 100 if rate else None for place, rate in places.items()}


def place_of(cell: Cell) -> Place | None:
    """Where a cell belongs. The rows `synthesis` and `both` are of other methods than tuning."""
    if cell.facts["method"] != "tune" or not cell.n:
        return None
    init = cell.facts["init"]
    return ("optimization" if init == "random" else f"init={init}"), cell.facts["task"]


def select(cells: list[Cell], where: dict[str, list[str]]) -> list[Cell]:
    """The cells that have, for each key, one of these values: a column's in all rows, or their configuration's."""
    known = sorted({*COLUMNS, *_flat(_any_config()), *(key for cell in cells for key in _flat(cell.config))})
    for key, texts in where.items():
        asked = f"--where {key}={texts[0]}"
        if key not in known:
            accepted = "a column of the rows, or a key of the configuration such as machine.writeback"
            raise UserError(f"{asked}: unknown key, expected {accepted}{did_you_mean(key, known)}")
        found = [cell for cell in cells if any(_has(cell, key, text) for text in texts)]
        if cells and not found:
            values = sorted({str(value) for cell in cells for value in _values(cell, key)})
            shown = ", ".join(values[:10] + ["..."] * (len(values) > 10))
            raise UserError(f"{asked}: no cell has it; {key} is {shown or 'nowhere recorded'}")
        cells = found
    return cells


def _any_config() -> dict:
    return asdict(RunConfig(TaskConfig(name="", base=2, registers=1, lines=1, steps=1)))


def _flat(config: dict, prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    flat = {}
    for key, value in config.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return flat


def _values(cell: Cell, key: str) -> list:
    if key in COLUMNS:
        return cell.rows[key].astype(object).where(cell.rows[key].notna(), None).unique().tolist()
    flat = _flat(cell.config)
    return [flat[key]] if key in flat else []


def _has(cell: Cell, key: str, text: str) -> bool:
    values = _values(cell, key)
    if key in ("config_hash", "commit") and text:  # file names show the first digits of a hash
        return bool(values) and all(value.startswith(text) for value in values)
    return bool(values) and all(_reads_as(value, text) for value in values)


def _reads_as(value: Any, text: str) -> bool:
    if value is None:
        return text.lower() in ("", "none", "null")
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, (int, float)):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == str(value)


def choose(cells: list[Cell], places: list[Place]) -> dict[Place, Cell]:
    """The one cell for each place. Files with the same hash are copies of one cell: the longer one is taken.

    UserError if different configurations compete, saying for each place in what they differ.
    """
    candidates: dict[Place, dict[str, Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.n):
        place = place_of(cell)
        if place in places:
            candidates.setdefault(place, {})[cell.facts["config_hash"]] = cell
    competing = {place: list(of.values()) for place, of in candidates.items() if len(of) > 1}
    if competing:
        listed = [_differences(place, competing[place]) for place in list(competing)[:LISTED]]
        more = [f"and {len(competing) - LISTED} more"] if len(competing) > LISTED else []
        raise UserError("\n".join(["several configurations fit; choose with --where KEY=VALUE", *listed, *more]))
    return {place: next(iter(of.values())) for place, of in candidates.items()}


def _differences(place: Place, cells: list[Cell]) -> str:
    settings = [{**cell.facts, **_flat(cell.config)} for cell in cells]
    keys = dict.fromkeys(key for one in settings for key in one)
    differing = [key for key in keys if len({str(one.get(key)) for one in settings}) > 1]
    lines = [f"{place[0]}, {place[1]}:"]
    for cell, one in sorted(zip(cells, settings, strict=True), key=lambda pair: str(pair[0].path)):
        lines.append("  " + "  ".join([*(f"{key}={one.get(key)}" for key in differing), f"(n={cell.n}, {cell.path})"]))
    return "\n".join(lines)


def long_table(name: str, cells: list[Cell], metric: str) -> list[dict[str, Any]]:
    """All places of the table in published order, one dictionary with the keys TABLE_COLUMNS each, None for empty."""
    rates = published(name)
    chosen = choose(cells, list(rates))
    return [_entry(place, chosen.get(place), rates[place], metric) for place in rates]


def _entry(place: Place, cell: Cell | None, published_rate: float | None, metric: str) -> dict[str, Any]:
    entry = dict.fromkeys(TABLE_COLUMNS) | {"row": place[0], "task": place[1], "published": published_rate}
    rate = cell.rate(metric) if cell else None
    if cell is None or rate is None:
        return entry
    low, high = cell.interval(metric) or (None, None)
    # The difference of two fractions of 100 has noise in its last digits; 12 are more than any k needs.
    difference = None if published_rate is None else round(rate - published_rate, 12)
    return entry | {"n": cell.n, "rate": rate, "ci_low": low, "ci_high": high, "difference": difference}


def to_csv(entries: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, TABLE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(entries)
    return text.getvalue()


def to_markdown(name: str, entries: list[dict[str, Any]], metric: str) -> str:
    return f"{_legend(name, entries, metric)}\n\n{_grid(entries).to_markdown(disable_numparse=True)}\n"


def to_latex(name: str, entries: list[dict[str, Any]], metric: str) -> str:
    """A booktabs table."""
    style = _grid(entries).style
    style.format(escape="latex")
    style.format_index(escape="latex")
    style.format_index(escape="latex", axis="columns")
    caption = _legend(name, entries, metric).replace("%", r"\%")
    return style.to_latex(hrules=True, caption=caption, label=f"tab:{name}")


def _legend(name: str, entries: list[dict[str, Any]], metric: str) -> str:
    counts = sorted({entry["n"] for entry in entries if entry["n"]})
    k = f"k = {' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} restarts a cell" if counts else "no cells"
    shown = "Each cell: measured rate (95% Wilson interval) / published / difference in points."
    return f"{name}, metric {metric}: {METRICS[metric]}; {k}. {shown}"


def _grid(entries: list[dict[str, Any]]) -> DataFrame:
    import pandas as pd

    most = max((entry["n"] or 0 for entry in entries), default=0)
    texts = {(entry["row"], entry["task"]): _text(entry, most) for entry in entries}
    rows, tasks = (list(dict.fromkeys(place[axis] for place in texts)) for axis in (0, 1))
    return pd.DataFrame([[texts[row, task] for task in tasks] for row in rows], index=rows, columns=tasks)


def _text(entry: dict[str, Any], most: int) -> str:
    """`93.0% (86.3-96.6) / 86 / +7.0`, with the number of restarts if other cells have more."""
    published_rate = "-" if entry["published"] is None else f"{100 * entry['published']:.0f}"
    if entry["rate"] is None:
        return f"missing / {published_rate}"
    measured = f"{percent(entry['rate'])}% ({percent(entry['ci_low'])}-{percent(entry['ci_high'])})"
    fewer = f", n={entry['n']}" if entry["n"] < most else ""
    difference = "-" if entry["difference"] is None else f"{100 * entry['difference']:+.1f}"
    return f"{measured}{fewer} / {published_rate} / {difference}"
