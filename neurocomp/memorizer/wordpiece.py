"""WordPiece: texts -> numbers of word pieces, with a vocabulary learned from the training split or read from a file."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from neurocomp.errors import UserError
from neurocomp.files import read_text
from neurocomp.text import lines

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING, UNKNOWN, CLASS, SEPARATOR = MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class Vocabulary(NamedTuple):
    """The pieces of a file in the order of their numbers, and the SHA-256 of the file in 16 hexadecimal digits.

    The hash is of the pieces with a line feed after each, so other ends of lines do not change it.
    """

    pieces: tuple[str, ...]
    sha256: str


def read(path: Path, most: int) -> Vocabulary:
    """The vocabulary in a file with a piece a line. Raises UserError that names the file and what is wrong with it."""
    name = "soft.vocabulary_file"
    try:
        pieces = lines(read_text(path))
    except UserError as error:
        raise UserError(f"{name}={error}") from None
    if not pieces:
        raise UserError(f"{name}={path}: is empty, expected a piece of a word on each line")
    if len(pieces) > most:
        raise UserError(f"{name}={path}: {len(pieces):,} pieces, expected at most soft.vocabulary={most}")
    first: dict[str, int] = {}
    for number, piece in enumerate(pieces, start=1):
        if piece.split() != [piece]:
            given = f'"{piece}"' if piece else "nothing"
            raise UserError(f"{name}={path}:{number}: {given}, expected a piece of a word without white space")
        if (before := first.setdefault(piece, number)) != number:
            raise UserError(f'{name}={path}:{number}: "{piece}" stands in line {before} too, expected it once')
    for mark in MARKS:
        if mark not in first:
            raise UserError(f"{name}={path}: no {mark}, expected each of {', '.join(MARKS)} on a line of its own")
    digest = hashlib.sha256("".join(f"{piece}\n" for piece in pieces).encode()).hexdigest()
    return Vocabulary(tuple(pieces), digest[:16])


def of(vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer with these pieces."""
    from tokenizers import Tokenizer, models

    numbers = {piece: number for number, piece in enumerate(vocabulary.pieces)}
    return _plain(Tokenizer(models.WordPiece(numbers, unk_token=UNKNOWN)))


def train(
    texts: Sequence[str], prompts: Sequence[str], vocabulary: int, marks: Sequence[str] = (UNKNOWN, SEPARATOR)
) -> Tokenizer:
    """A tokenizer with at most `vocabulary` pieces from these texts; the words of `prompts` are pieces as they are.

    As in BERT, texts are lower-cased, accents dropped, words split at white space and punctuation. The library numbers
    the letters inside of words in the order of a hash table, and which pieces it merges depends on that, so that two
    trainings differ; here all letters get their numbers first. The rarest are left out where the vocabulary is small.
    """
    from tokenizers import Tokenizer, decoders, models, trainers

    words = collections.Counter(word for text in texts for word in split(text))
    letters = collections.Counter[str]()
    for word, times in words.items():
        letters.update(dict.fromkeys(word, times))
    own = list(dict.fromkeys(word for prompt in prompts for word in split(prompt)))
    room = (vocabulary - len(marks) - len(own)) // 2
    kept = sorted(sorted(letters, key=lambda letter: (-letters[letter], letter))[:room])
    fixed = list(dict.fromkeys([*marks, *own, *kept, *(f"##{letter}" for letter in kept)]))
    trainer = trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=fixed, show_progress=False)
    trained = _plain(Tokenizer(models.WordPiece(unk_token=UNKNOWN)))
    known = {word: times for word, times in words.items() if set(kept).issuperset(word)}
    trained.train_from_iterator((word for word, times in known.items() for _ in range(times)), trainer)
    # Built anew, because what was fixed would else be found in the middle of words, too.
    pieces = _plain(Tokenizer(models.WordPiece(trained.get_vocab(), unk_token=UNKNOWN)))
    pieces.decoder = decoders.WordPiece()
    return pieces


def encode(pieces: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The numbers of each text's pieces."""
    return [encoding.ids for encoding in pieces.encode_batch(list(texts))]


def split(text: str) -> list[str]:
    """The words of a text, before they are cut into pieces."""
    normalizer, words = _rules()
    return [word for word, _ in words.pre_tokenize_str(normalizer.normalize_str(text))]


def _rules():
    from tokenizers import normalizers, pre_tokenizers

    return normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()


def _plain(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.normalizer, tokenizer.pre_tokenizer = _rules()
    return tokenizer
