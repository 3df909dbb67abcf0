"""init=synth: one synthesis a cell, and which of its programs each restart starts from.

The templates are kept beside the rows, in <cell>.templates.json. A search with a budget in seconds need not find the
same again, and a cell must go on with the templates that it began with.
"""

from __future__ import annotations

import json
import os
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from neurocomp.errors import UserError, accepted_instead
from neurocomp.files import atomic_write, read_text
from neurocomp.language.assembly import format_program, parse
from neurocomp.methods.progress import Progress
from neurocomp.methods.synthesize import uninterrupted
from neurocomp.methods.tune import judge, tune_restarts
from neurocomp.plan import CheckedCell, Plan, Start, plan_from
from neurocomp.progress_line import ProgressLine
from neurocomp.seeding import SHARED
from neurocomp.synthesis.synthesizer import Found, synthesize
from neurocomp.tasks.examples import HeldOut, held_out, training_examples
from neurocomp.tasks.verification import hard
from neurocomp.text import json_text, visible


@dataclass(frozen=True)
class Template:
    """A template in the file: a program that synthesis found (see `Found`), and how it did.

    `synthesized` is whether it is right on the test examples. `soft` and `hard` count the restarts of the next seed
    that recovered from it; they are None where none were run.
    """

    template: str
    program: str
    exact: bool
    score: float
    weight: int
    candidates: int
    seconds: float
    synthesized: bool
    soft: int | None = None
    hard: int | None = None


@dataclass(frozen=True)
class Record:
    """The file: an account of the search, the templates, and the indices of those that restarts take in turn."""

    tried: int
    distinct: int
    seconds: float
    ended: str
    executions: int
    found: list[Template]
    starts: list[int]


def search(cell: CheckedCell, shown: bool) -> Record:
    """Synthesize, and choose the templates that restarts start from. Raises UserError where nothing was found."""
    unseen = held_out(cell.task, cell.config.seed)
    return choose(cell, find(cell, unseen, shown), shown)


def keep(cell: CheckedCell, record: Record) -> None:
    """Write down what the cell begins with."""
    atomic_write(_file(cell), json_text(asdict(record), indent=1) + "\n")


def starts_of(cell: CheckedCell, record: Record | None) -> list[Start]:
    """What the restarts of a cell start from, in turn; the record is that of init=synth."""
    if record is None:
        return [Start(cell.program)]
    return [_start(cell, record.found[index]) for index in record.starts]


def find(cell: CheckedCell, unseen: HeldOut, shown: bool) -> Record:
    """The record of a synthesis on examples that are drawn for it alone: its exact solution, or else its near misses.

    Raises UserError where it found nothing.
    """
    config = cell.config
    examples = training_examples(cell.task, unseen, config.seed, SHARED, config.examples, stream="synthesis")
    title = f"{cell.path.stem} synthesis"
    settings = config.synthesis
    with ProgressLine(title, settings.candidates, "programs", shown=shown, limit=settings.seconds, stays=False) as bar:
        synthesis = uninterrupted(synthesize(cell.task, examples, settings, bar.advance, language=cell.language))
    if not synthesis.found:
        nothing = f"nothing to start from among {synthesis.tried:,} programs in {synthesis.seconds:.1f} s"
        raise UserError(f"init=synth: {nothing}; allow more synthesis.constructs, candidates or seconds")
    found = [solution for solution in synthesis.found if solution.exact][:1] or synthesis.found
    return Record(
        synthesis.tried,
        synthesis.distinct,
        round(synthesis.seconds, 4),
        synthesis.ended,
        synthesis.executions,
        [_template(cell, unseen, one) for one in found],
        list(range(len(found))),
    )


def _template(cell: CheckedCell, unseen: HeldOut, found: Found) -> Template:
    text = format_program(found.program, one_line=True, jump_target=cell.task.machine.jump_target)
    facts = {key: value for key, value in found._asdict().items() if key != "program"}
    return Template(program=text, synthesized=hard([text], unseen.test, cell.task)[0], **facts)


def choose(cell: CheckedCell, record: Record, shown: bool) -> Record:
    """With allocation=best, the record with one start: the template that recovered most when each was tried.

    Each is tried in `selection` restarts of the next seed, with that seed's own examples, as restarts 0, 1, ... of
    `init=synth seed=S+1` would run from it. The template with most soft recoveries wins; among equals, the one with
    most hard recoveries, then the first.
    """
    if cell.config.synthesis.allocation == "even" or len(record.found) == 1:
        return record
    # Without the limit, so that which template is best does not depend on the machine's speed.
    trial = replace(cell, config=replace(cell.config, seed=cell.config.seed + 1, limit=None))
    unseen, restarts = held_out(cell.task, trial.config.seed), range(cell.config.synthesis.selection)
    batches = [restarts[first : first + cell.config.chunk] for first in range(0, len(restarts), cell.config.chunk)]
    title, updates = f"{cell.path.stem} trying templates", cell.config.optimizer.updates
    with Progress(title, batches * len(record.found), updates, shown) as bar:
        tried = [_try(plan_from(trial, [_start(cell, one)]), one, unseen, batches, bar) for one in record.found]
    best = max(range(len(tried)), key=lambda index: (tried[index].soft, tried[index].hard, -index))
    return replace(record, found=tried, starts=[best])


def _try(plan: Plan, template: Template, unseen: HeldOut, batches: list[range], bar: Progress) -> Template:
    """The template with the numbers of restarts that recovered from it."""
    rows = [row for batch in batches for row in judge(plan, unseen, tune_restarts(plan, unseen, batch, bar))]
    soft, hard = (sum(bool(row[f"recovered_{measure}"]) for row in rows) for measure in ("soft", "hard"))
    return replace(template, soft=soft, hard=hard)


def _start(cell: CheckedCell, template: Template) -> Start:
    program = parse(template.program, template.template, cell.task.machine.jump_target, cell.task.sizes)
    trials = 0 if template.soft is None else cell.config.synthesis.selection
    return Start(program, template.template, template.synthesized, trials)


def describe(record: Record) -> str:
    """The templates that restarts start from and the search that found them, in one line."""
    starts = [record.found[index] for index in record.starts]
    looked = f"{record.tried:,} programs in {record.seconds:.1f} s"
    if starts[0].exact:
        return f"synthesis found {starts[0].template} (exact on its examples) among {looked}"
    limit = {"seconds": ", when synthesis.seconds were over", "candidates": ", all of synthesis.candidates"}
    turns = "; restarts start in turn from" if len(starts) > 1 else "; restarts start from"
    listed = ", ".join(f"{one.template} (score {one.score:.2f})" for one in starts)
    return f"synthesis found nothing exact among {looked}{limit.get(record.ended, '')}{turns} {listed}"


def _file(cell: CheckedCell) -> Path:
    return cell.path.with_suffix(".templates.json")


def kept_templates(cell: CheckedCell) -> Record | None:
    """The templates that the cell began with; None where there is no file. Raises UserError if the file is not ours."""
    path = _file(cell)
    if cell.init != "synth" or not os.path.lexists(path):
        return None
    text = read_text(path)
    try:
        record = _record(json.loads(text, parse_constant=_no_constant))
        for one in record.found:
            _start(cell, one)
    except (ValueError, RecursionError) as error:  # UserError, of a program that cannot be, is a ValueError
        deep = isinstance(error, RecursionError)
        reason = "lists in lists without end" if deep else visible(" ".join(str(error).split()))
        hint = "without the file it synthesizes again"
        raise UserError(f"{path}: not what init=synth writes ({reason}); {hint}") from None
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _record(given: Any) -> Record:
    """The file's object as a record. Raises ValueError at the first key that is not there or of another type."""
    _check_keys(Record, given, "")
    for index, one in enumerate(given["found"]):
        _check_keys(Template, one, f"found[{index}].")
    count, starts = len(given["found"]), given["starts"]
    if not starts or not all(type(index) is int and 0 <= index < count for index in starts):
        raise ValueError(f"starts is {json_text(starts)}, expected indices below {count}, the number of found")
    return Record(**given | {"found": [Template(**one) for one in given["found"]]})


def _check_keys(kind: type, given: Any, where: str) -> None:
    hints = get_type_hints(kind)
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    if not isinstance(given, dict) or not needed <= given.keys() <= hints.keys():
        raise ValueError(f"{where.strip('.') or 'it'} is no object with the keys {', '.join(hints)}")
    for key, value in given.items():
        if instead := accepted_instead(value, hints[key]):
            raise ValueError(f"{where}{key} is {json_text(value)}, expected {instead}")
