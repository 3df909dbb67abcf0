"""Which reading is the paper's? A search over what it leaves open, screened on the tuned cells of its Table 1.

A *setting* gives each key of `SPACE` a value. It is screened with few restarts in the 20 published cells that tuning
fills; its error is the mean absolute difference to the published rates, by fit and by soft. The first settings are
given, the next drawn at random, the later ones proposed by a model of those that were measured (`proposals.py`). The
best by each measure are then measured with many restarts of other seeds. Rows go to results/<name>/screen-s<seed>.csv
and confirmed-s<seed>.csv: one row a cell, with the setting in its last columns. Only this process writes them. The same
command goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from neurocomp.errors import checked
from neurocomp.files import remove_leftovers
from neurocomp.progress_line import ProgressLine
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.measuring import Rows, ThisProcess, finished, measured
from neurocomp.readings.proposals import check_installed, propose
from neurocomp.readings.scores import best, limits
from neurocomp.readings.settings_file import append, read, settings_of
from neurocomp.readings.space import MEASURES, Setting
from neurocomp.results.lock import Lock
from neurocomp.text import say
from neurocomp.workers.pool import Pool, Task


def search(config: ReadingsConfig, open_pool: Callable[[], Pool] = ThisProcess) -> None:
    """Screen settings, then confirm the best; appends to the two files, and reads from them what is done.

    Both are locked from the first reading to the last append: raises CellLocked if another process searches here.
    Raises UserError where optuna is missing, WorkerLost where workers die at a setting.
    """
    config = checked(config)
    check_installed()
    pool = open_pool()
    try:
        folder = Path(config.results) / config.name
        screened, confirmed = (folder / f"{stage}-s{config.seed}.csv" for stage in ("screen", "confirmed"))
        folder.mkdir(parents=True, exist_ok=True)
        with Lock(screened), Lock(confirmed):
            for path in (screened, confirmed):
                remove_leftovers(path)
            screen(config, screened, pool)
            confirm(config, screened, confirmed, pool)
    finally:
        pool.close()


def screen(config: ReadingsConfig, path: Path, pool: Pool) -> None:
    """Rows for the settings that are missing, until their number or the seconds are reached."""
    rows = read(path)
    there = sum(number < config.settings for number in settings_of(rows))
    limit = None if pool.slots() > 1 else config.seconds - sum(row["seconds"] for row in rows)
    with ProgressLine("settings", config.settings, "settings", there=there, limit=limit) as bar:
        for new in finished(pool, _to_screen(config, rows)):
            rows += new
            append(path, new)
            shown = (f"{name} {of[0][0]:.1f}" for name in MEASURES if (of := best(rows, name)))
            bar.tell("best mean difference: " + ", ".join(shown))
            bar.advance()


def _to_screen(config: ReadingsConfig, rows: Rows) -> Iterator[Task]:
    """The settings that are missing in `rows`, each proposed when it is asked for, from the rows of then."""
    missing = sorted(set(range(config.settings)) - settings_of(rows).keys())
    at_work: list[Setting] = []
    for number in missing:
        if sum(row["seconds"] for row in rows) > config.seconds:
            say([f"{config.seconds:g} s are spent; {len(settings_of(rows))} settings were screened"], prefix="")
            return
        setting = propose(number, rows, config.seed, at_work)
        at_work.append(setting)
        yield Task(number, measured, (setting, number, config, config.screen, config.seed, limits(rows)))


def confirm(config: ReadingsConfig, screened: Path, path: Path, pool: Pool) -> None:
    """Rows for the best settings by each measure, with `restarts` restarts of each of the next seeds."""
    candidates = read(screened)
    settings = settings_of(candidates)
    there = {(row["setting"], row["seed"]) for row in read(path)}
    numbers = dict.fromkeys(number for name in MEASURES for _, number in best(candidates, name)[: config.confirm])
    seeds = range(config.seed + 1, config.seed + 1 + config.fresh_seeds)
    missing = [(number, seed) for number in numbers for seed in seeds if (number, seed) not in there]
    tasks = (
        Task(key, measured, (settings[number], number, config, config.restarts, seed, {}))
        for key, (number, seed) in enumerate(missing)
    )
    with ProgressLine("confirming", len(missing), "settings") as bar:
        for new in finished(pool, tasks):
            append(path, new)
            bar.advance()
