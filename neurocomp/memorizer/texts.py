"""Texts with classes (0 negative, 1 positive): SST-2 from a folder or through the datasets library, or generated ones.

A folder holds either GLUE's train.tsv, dev.tsv and test.tsv or Hugging Face's train-*.parquet, validation-*.parquet
and test-*.parquet (there or in data/), with the columns sentence and label. Labels of the test split are not public:
it is only counted.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from neurocomp.errors import UserError, did_you_mean
from neurocomp.files import WHOLE, check_size, read_bytes
from neurocomp.limits.estimates import TEXTS
from neurocomp.memorizer import generated
from neurocomp.memorizer.config import SoftConfig

SPLITS = ("train", "validation", "test")
PUBLISHED = {"train": TEXTS, "validation": 872, "test": 1_821}
COLUMNS = ("sentence", "label")
WHERE = "soft.folder=DIR with train.tsv, dev.tsv and test.tsv (GLUE), or train-*.parquet and so on (Hugging Face)"
DATASET = ("nyu-mll/glue", "sst2")


@dataclass(frozen=True)
class Split:
    """Sentences and the class of each (of test, none)."""

    sentences: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.sentences)


class Texts(NamedTuple):
    """The splits that are used, and what rows call them: sst2, sst2-subset (other sizes) or generated."""

    name: str
    train: Split
    validation: Split

    @property
    def digest(self) -> str:
        """Equal for equal texts, wherever they lie."""
        return hashlib.sha256(repr((self.train, self.validation)).encode()).hexdigest()[:16]


def load(config: SoftConfig) -> Texts:
    """The texts that a configuration asks for. Raises UserError."""
    if config.data == "generated":
        if config.folder is not None:
            raise UserError(f"soft.folder={config.folder}: is for soft.data=sst2; generated texts come from no folder")
        return _generated()
    if config.folder is None:
        return _from_library(config.sizes)
    files = _files(Path(config.folder))
    state = tuple(
        (split, tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))
        for split, paths in files.items()
    )
    return _from_files(config.folder, state, config.sizes)


@functools.cache
def _generated() -> Texts:
    splits = {name: Split(*zip(*rows, strict=True)) for name, rows in generated.sentences().items()}
    return Texts("generated", splits["train"], splits["dev"])


def _files(folder: Path) -> dict[str, list[Path]]:
    """The files of each split; of test there may be none."""
    if not folder.is_dir():
        raise UserError(f"soft.folder={folder}: no such directory; expected {WHERE}")
    tables = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
    found = {split: [path] if (path := folder / name).is_file() else [] for split, name in tables.items()}
    expected = tables
    if not any(found.values()):
        parquet = {
            split: sorted([*folder.glob(f"{split}-*.parquet"), *folder.glob(f"data/{split}-*.parquet")])
            for split in SPLITS
        }
        if not any(parquet.values()):
            raise UserError(f"soft.folder={folder}: no texts there; expected {WHERE}")
        found, expected = parquet, {split: f"{split}-*.parquet" for split in SPLITS}
    missing = [expected[split] for split in SPLITS[:2] if not found[split]]
    if missing:
        raise UserError(f"soft.folder={folder}: {' and '.join(missing)} not there; expected {WHERE}")
    return found


@functools.lru_cache(maxsize=4)
def _from_files(folder: str, state: tuple, sizes: str) -> Texts:
    """The texts in files; `state` says which, and changes when they do."""
    splits = {split: _joined([_rows(path, split) for path, *_ in paths]) for split, paths in state}
    return _checked(f"soft.folder={folder}", splits, sizes)


def _joined(parts: Sequence[Split]) -> Split:
    return Split(sum((part.sentences for part in parts), ()), sum((part.labels for part in parts), ()))


def _checked(source: str, splits: dict[str, Split], sizes: str) -> Texts:
    """The texts, if there are as many as there must be."""
    counts = {split: len(splits[split]) for split in SPLITS}
    published = counts == PUBLISHED
    if sizes == "published" and not published:
        others = [split for split in SPLITS if counts[split] != PUBLISHED[split]]
        given, expected = (", ".join(f"{split} {of[split]:,}" for split in others) for of in (counts, PUBLISHED))
        raise UserError(f"{source}: {given} texts; published were {expected} (soft.sizes=any accepts others)")
    for split in SPLITS[:2]:
        if not counts[split]:
            raise UserError(f"{source}: no texts in {split}, expected at least one")
    name = "sst2" if published else "sst2-subset"
    if not published and set(splits["validation"].sentences) <= set(_all_generated()):
        name = "generated"  # the grammar's sentences stay what they are in a folder too
    return Texts(name, splits["train"], splits["validation"])


@functools.cache
def _all_generated() -> frozenset[str]:
    return frozenset(text for rows in generated.sentences().values() for text, _ in rows)


def _rows(path: Path, split: str) -> Split:
    """The rows of one file; those of the test split without classes."""
    read = _read_parquet if path.suffix == ".parquet" else _read_tsv
    first, rows = read(path, COLUMNS if split != "test" else COLUMNS[:1])
    if split == "test":
        return Split(tuple(text for (text,) in rows), ())
    for number, (text, label) in enumerate(rows, start=first):
        if str(label) not in ("0", "1"):
            raise UserError(f"{path}:{number}: label {label}, expected 0 (negative) or 1 (positive)")
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{path}:{number}: no sentence, expected a text")
    return Split(tuple(text for text, _ in rows), tuple(int(label) for _, label in rows))


def _read_tsv(path: Path, columns: Sequence[str]) -> tuple[int, list[tuple]]:
    """The number of the first row, and these columns of all rows. Quotes and other marks are part of a text."""
    try:
        lines = read_bytes(path).decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    header, *rows = ([field.removesuffix("\r") for field in line.split("\t")] for line in lines)
    places = _places(path, header, columns)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{path}:{number}: {len(row)} fields, expected {len(header)} ({', '.join(header)})")
    return 2, [tuple(row[place] for place in places) for row in rows]


def _read_parquet(path: Path, columns: Sequence[str]) -> tuple[int, list[tuple]]:
    """The same of a parquet file, whose first row is 0."""
    import pandas

    check_size(path, WHOLE)
    try:
        frame = pandas.read_parquet(path)
    except ImportError:
        raise UserError(f"{path}: reading parquet needs pyarrow (pip install neurocomp[sst2])") from None
    except (OSError, ValueError) as error:  # pyarrow's own are ValueErrors
        raise UserError(f"{path}: cannot be read as parquet ({' '.join(str(error).split())})") from None
    places = _places(path, list(frame.columns), columns)
    return 0, list(zip(*(frame.iloc[:, place].tolist() for place in places), strict=True))


def _places(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where these columns are among those of a file."""
    missing = [column for column in columns if column not in header]
    if missing:
        close = did_you_mean(missing[0], list(header))
        raise UserError(
            f"{path}: no column {' and '.join(missing)}; expected {' and '.join(columns)}, "
            f"got {', '.join(header)}{close}"
        )
    return [list(header).index(column) for column in columns]


@functools.cache
def _from_library(sizes: str) -> Texts:
    """SST-2 as the datasets library keeps it, downloaded at first."""
    try:
        from datasets import load_dataset  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(f"soft.data=sst2: no folder is given, and no datasets library here; expected {WHERE}") from None
    try:
        found = load_dataset(*DATASET)
        splits = {split: Split(tuple(found[split]["sentence"]), tuple(found[split]["label"])) for split in SPLITS}
    except Exception as error:  # what it raises without a network depends on its version, and on those of others
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"soft.data=sst2: the datasets library did not get it ({reason}); expected {WHERE}") from None
    return _checked("soft.data=sst2", splits, sizes)
