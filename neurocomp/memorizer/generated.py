"""A small sentiment set of our own: sentences from a grammar, in the splits and the format of SST-2.

A clause says something good or bad of a part of a film; `not` turns it round; of two clauses that disagree, the main
one (after `but`, beside `although`) decides. Which words may meet depends on the split: every pair of a part and an
opinion belongs either to training or to validation and test, so that a sentence of validation is never a memory.
The labels are the grammar's, not people's: an accuracy here says that the path works, nothing about SST-2.

`python -m neurocomp.memorizer.generated DIR` writes the set as GLUE's three TSV files.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import numpy as np

from neurocomp.files import atomic_write
from neurocomp.seeding import SHARED, generator

# As many as two epochs of the paper's training take to learn the soft imperative; after half of them it is at chance.
SIZES = {"train": 24_000, "dev": 1_000, "test": 1_000}
HELD_OUT_EVERY = 5  # one pair of a part and an opinion in so many is kept from training

PARTS = (
    "acting", "story", "script", "ending", "music", "dialogue", "plot", "camera work", "cast", "pacing", "direction",
    "humor", "opening", "soundtrack", "hero", "villain", "romance", "action", "drama", "editing",
)  # fmt: skip
OPINIONS = (
    ("awful", "bad", "boring", "clumsy", "dull", "flat", "lifeless", "painful", "poor", "predictable", "shallow",
     "stale", "tedious", "terrible", "tired", "weak"),
    ("brilliant", "charming", "clever", "delightful", "fresh", "funny", "good", "great", "lovely", "moving", "powerful",
     "sharp", "smart", "strong", "touching", "wonderful"),
)  # fmt: skip
VERBS = (("hated", "hate", "dislike", "regret"), ("loved", "love", "enjoy", "admire"))
"""By class: the past tense of the first, then what may follow `did not`."""
DEGREES = ("", "", "very", "really", "quite", "rather", "truly")
OPENERS = ("", "", "", "in the end ,", "this time ,", "for the most part ,", "at two hours ,", "after the first act ,")
CLOSERS = ("", "", "", "from start to finish", "this year", "in this film", "once again", "on the big screen")


@functools.cache
def sentences() -> dict[str, list[tuple[str, int]]]:
    """The sentences of each split with their class (0 negative, 1 positive), as many of each; none occurs twice."""
    seen: set[str] = set()
    splits = {}
    for split, size in SIZES.items():
        draw = generator(0, SHARED, f"generated {split}")
        rows: list[tuple[str, int]] = []
        while len(rows) < size:
            label = len(rows) % 2
            text = _sentence(draw, label, split == "train")
            if text not in seen:
                seen.add(text)
                rows.append((text, label))
        splits[split] = [rows[place] for place in draw.permutation(size)]
    return splits


def held_out(part: str, opinion: str) -> bool:
    """Whether training never says this opinion of this part."""
    of_class = next(words for words in (*OPINIONS, *VERBS) if opinion in words)
    return (PARTS.index(part) + of_class.index(opinion)) % HELD_OUT_EVERY == 0


def _sentence(draw: np.random.Generator, label: int, training: bool) -> str:
    """One sentence of this class: a clause, two that agree, or two of which the main one decides."""
    main, kind = _clause(draw, label, training), draw.random()
    if kind < 0.5:
        text = main
    elif kind < 0.6:
        text = f"{main} and {_clause(draw, label, training)}"
    elif kind < 0.9:
        text = f"{_clause(draw, 1 - label, training)} , but {main}"
    else:
        text = f"although {_clause(draw, 1 - label, training)} , {main}"
    return " ".join(f"{_one(draw, OPENERS)} {text} {_one(draw, CLOSERS)} .".split())


def _clause(draw: np.random.Generator, label: int, training: bool) -> str:
    """Something of this class about a part; one clause in four says it by denying the opposite."""
    denied = draw.random() < 0.25
    words = 1 - label if denied else label
    if draw.random() < 0.2:
        opinion = _one(draw, VERBS[words][1:]) if denied else VERBS[words][0]
        return f"i {'did not ' * denied}{opinion} the {_part(draw, opinion, training)}"
    opinion = _one(draw, OPINIONS[words])
    degree = _one(draw, DEGREES)
    return f"the {_part(draw, opinion, training)} {_one(draw, ('is', 'was'))} {'not ' * denied}{degree} {opinion}"


def _part(draw: np.random.Generator, opinion: str, training: bool) -> str:
    """A part of which this split may say this."""
    return _one(draw, _parts(opinion, training))


@functools.cache
def _parts(opinion: str, training: bool) -> tuple[str, ...]:
    return tuple(part for part in PARTS if held_out(part, opinion) != training)


def _one(draw: np.random.Generator, choices) -> str:
    return choices[draw.integers(len(choices))]


def write(folder: Path) -> None:
    """The set in GLUE's format: train.tsv and dev.tsv with sentence and label, test.tsv without labels."""
    for split, rows in sentences().items():
        if split == "test":
            lines = ["index\tsentence", *(f"{index}\t{text}" for index, (text, _) in enumerate(rows))]
        else:
            lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in rows)]
        atomic_write(folder / f"{split}.tsv", "\n".join(lines) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
