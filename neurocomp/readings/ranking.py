"""Which setting is closest to the paper: settings that were measured on its tuned cells, ranked by their distance.

A row (`settings_file.py` writes them) says of one setting and one cell how many restarts of n recovered, by fit
and by soft, and then the setting's keys. What was screened with few restarts is ranked apart from what was confirmed
with many and another seed: the best of many screened settings owes a part of its rank to luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurocomp.errors import UserError
from neurocomp.files import read_bytes
from neurocomp.report.cells import METRICS, Said
from neurocomp.report.grid import Grid, Table, restarts_text
from neurocomp.report.published import is_tuned, published, tuned_rates
from neurocomp.report.table import EXCLUDED_NOTE, compared, comparisons
from neurocomp.results.columns import RANKING
from neurocomp.results.row_lines import Damaged, split_line

FILES = ("confirmed*.csv", "screen*.csv")  # in the order in which they are shown
NUMBERS = ("setting", "n", "fit", "soft", "seconds")
MEASURED = (*NUMBERS, "row", "task", "seed")
COLUMNS = (*RANKING, "rank", "setting", "points", "n", "seconds")
POINTS = "Points: the mean absolute difference from the published tuned cells; n: the fewest restarts of a cell."

Place = tuple[str, str]  # row and task of Table 1


@dataclass
class Setting:
    """What was counted under one setting: by place, how many restarts ran, and how many recovered by each measure."""

    number: int
    keys: dict[str, str]
    n: dict[Place, int] = field(default_factory=dict)
    recovered: dict[tuple[Place, str], int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether all published tuned cells are there; a setting may have been given up early."""
        return tuned_rates("table1").keys() <= self.n.keys()

    def points(self, metric: str) -> float:
        """The mean absolute difference from the published tuned cells, in points."""
        rates = tuned_rates("table1")
        differences = [abs(self.recovered[place, metric] / self.n[place] - rate) for place, rate in rates.items()]
        return 100 * sum(differences) / len(differences)


def readings_table(directory: Path, metrics: Sequence[str], top: int, said: Said) -> Table:
    """For each file and each metric: the ranking, and its best setting cell by cell.

    A file that is damaged, or has other columns, is passed over: `said` has what is wrong with it.
    """
    entries, grids = [], []
    for path in (path for pattern in FILES for path in sorted(directory.glob(pattern))):
        try:
            settings = read_settings(path, said)
        except UserError as error:
            said.problems.append(str(error))
            continue
        for metric in metrics:
            ranked = sorted((one for one in settings if one.complete), key=lambda one: (one.points(metric), one.number))
            lines = [_entry(path.stem, metric, rank, one) for rank, one in enumerate(ranked[:top], start=1)]
            entries += lines
            grids.append(_ranking(path.stem, metric, lines, settings))
            grids += [_best(path.stem, metric, one) for one in ranked[:1]]
    keys = dict.fromkeys(key for entry in entries for key in entry if key not in COLUMNS)
    nothing = Grid(f"readings: no rows in {directory}", {})
    return Table("readings", [*COLUMNS, *keys], entries, grids or [nothing])


def read_settings(path: Path, said: Said) -> list[Setting]:
    """The settings of a file by number. Rows of one setting and cell are added up. Raises UserError."""
    *whole, torn = read_bytes(path).split(b"\n")
    header, *lines = whole or [b""]
    if torn:
        said.notes.append(f"{path}: the last line has no end ({len(torn)} bytes); it is not counted")
    columns = _fields(path, 1, header.removeprefix(b"\xef\xbb\xbf"))
    if missing := [column for column in MEASURED if column not in columns]:
        raise UserError(f"{path}: not a file of measured settings (its header lacks {', '.join(missing)})")
    settings: dict[int, Setting] = {}
    for number, line in enumerate(lines, start=2):
        fields = _fields(path, number, line)
        if len(fields) != len(columns):
            raise UserError(f"{path}:{number}: has {len(fields)} fields, its header {len(columns)}")
        try:
            _add(settings, dict(zip(columns, fields, strict=True)))
        except ValueError:
            raise UserError(f"{path}:{number}: expected numbers in {', '.join(NUMBERS)}") from None
    return [settings[number] for number in sorted(settings)]


def _fields(path: Path, number: int, line: bytes) -> list[str]:
    try:
        return split_line(line)
    except Damaged as damage:
        raise UserError(f"{path}:{number}: {damage}") from None


def _add(settings: dict[int, Setting], row: dict[str, str]) -> None:
    """Count one row in; ValueError if one of its numbers is none."""
    number, n, fit, soft = (int(row[key]) for key in NUMBERS[:-1])
    seconds, place = float(row["seconds"]), (row["row"], row["task"])
    keys = {key: value for key, value in row.items() if key not in MEASURED}
    setting = settings.setdefault(number, Setting(number, keys))
    setting.seconds += seconds
    setting.n[place] = setting.n.get(place, 0) + n
    for metric, count in (("fit", fit), ("soft", soft)):
        setting.recovered[place, metric] = setting.recovered.get((place, metric), 0) + count


def _entry(file: str, metric: str, rank: int, setting: Setting) -> dict[str, Any]:
    numbers = (round(setting.points(metric), 2), min(setting.n.values()), round(setting.seconds, 1))
    values = (file, metric, rank, setting.number, *numbers)
    return dict(zip(COLUMNS, values, strict=True)) | setting.keys


def _ranking(file: str, metric: str, lines: list[dict[str, Any]], settings: list[Setting]) -> Grid:
    """The best settings, a column for each key in which they differ."""
    complete = sum(setting.complete for setting in settings)
    counts = f"the best {len(lines)} of {complete} settings; {len(settings) - complete} more were given up early"
    caption = f"readings, {file}, metric {metric}: {METRICS[metric]}; {counts}. {POINTS}"
    keys = [key for key in (lines[0] if lines else ()) if key not in COLUMNS]
    differing = [key for key in keys if len({line[key] for line in lines}) > 1]
    texts = {
        (str(line["rank"]), key): f"{line[key]:.1f}" if key == "points" else str(line[key])
        for line in lines
        for key in ("setting", "points", "n", *differing)
    }
    common = ", ".join(f"{key}={lines[0][key]}" for key in keys if key not in differing)
    return Grid(caption, texts, [f"The same in all of these: {common}."] if common else [])


def _best(file: str, metric: str, setting: Setting) -> Grid:
    """One setting, cell by cell, beside the published rates."""
    rates = {place: rate for place, rate in published("table1").items() if is_tuned(place[0])}
    entries = [
        compared(place, setting.recovered.get((place, metric)), setting.n.get(place), rate)
        for place, rate in rates.items()
    ]
    shown = "Each cell: measured rate (95% Wilson interval) / published / difference in points."
    caption = f"Setting {setting.number}, {file}, metric {metric}, {restarts_text(entries)}. {shown}"
    excluded = any(entry["excluded"] for entry in entries)
    return Grid(caption, comparisons(entries), [EXCLUDED_NOTE] if excluded else [])
