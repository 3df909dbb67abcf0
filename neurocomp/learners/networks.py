"""The four learners: tokens of N examples go in, logits of the bits of the C words that are asked for come out.

All are written for one network. `training` runs many side by side (torch.func.vmap), so nothing here may depend on the
host: no `.item()`, no shape that follows from values.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from neurocomp.learners.memories import DNC, NTM, LSTMCell
from neurocomp.learners.words import Alphabet
from neurocomp.search_config import LearnerConfig
from neurocomp.shapes import Float, Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) over the sequence, in `layers` cells."""

    def __init__(self, token: int, word: int, config: LearnerConfig):
        super().__init__()
        widths = [token] + [config.hidden] * (config.layers - 1)
        self.cells = nn.ModuleList(LSTMCell(width, config.hidden) for width in widths)
        self.say = nn.Linear(config.hidden, word)

    def forward(self, tokens: Float[Tensor, "N S F"], asked: int) -> Float[Tensor, "N C word"]:
        nothing = tokens.new_zeros(len(tokens), self.say.in_features)
        states = [(nothing, nothing)] * len(self.cells)
        said = []
        for place in range(tokens.shape[1]):
            carried = tokens[:, place]
            for number, cell in enumerate(self.cells):
                states[number] = cell(carried, states[number])
                carried = states[number][0]
            if place >= tokens.shape[1] - asked:
                said.append(self.say(carried))
        return torch.stack(said, dim=1)


class Transformer(nn.Module):
    """An encoder (Vaswani et al. 2017) that sees all tokens at once; a token says its place itself."""

    def __init__(self, token: int, word: int, config: LearnerConfig):
        super().__init__()
        self.read = nn.Linear(token, config.hidden)
        layer = nn.TransformerEncoderLayer(
            config.hidden, config.heads, 2 * config.hidden, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.say = nn.Sequential(nn.LayerNorm(config.hidden), nn.Linear(config.hidden, word))

    def forward(self, tokens: Float[Tensor, "N S F"], asked: int) -> Float[Tensor, "N C word"]:
        return self.say(self.encoder(self.read(tokens))[:, tokens.shape[1] - asked :])


NETWORKS: dict[str, Callable[[int, int, LearnerConfig], nn.Module]] = {
    "lstm": LSTM,
    "transformer": Transformer,
    "ntm": NTM,
    "dnc": DNC,
}


def build(alphabet: Alphabet, config: LearnerConfig) -> nn.Module:
    """The network that `config` names; its first weights come from PyTorch's generator."""
    return NETWORKS[config.kind](alphabet.token, alphabet.word, config)
