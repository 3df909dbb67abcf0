"""WordPiece: texts -> numbers of word pieces, with a vocabulary learned from the texts of the training split."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN, SEPARATOR = "[UNK]", "[SEP]"


def train(texts: Sequence[str], prompts: Sequence[str], vocabulary: int) -> Tokenizer:
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
    room = (vocabulary - 2 - len(own)) // 2
    kept = sorted(sorted(letters, key=lambda letter: (-letters[letter], letter))[:room])
    fixed = list(dict.fromkeys([UNKNOWN, SEPARATOR, *own, *kept, *(f"##{letter}" for letter in kept)]))
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
