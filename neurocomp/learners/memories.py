"""Networks with a memory of their own: the neural Turing machine and the differentiable neural computer.

No kept library has them in a form that runs many networks side by side, so they are written out here, equation by
equation. Both have an LSTM cell as controller, which reads the token and what the heads read a step ago.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from neurocomp.search_config import LearnerConfig
from neurocomp.shapes import Float, Tensor

SHIFTS = 3  # of the NTM: one place back, none, one forward
TINY = 1e-6


class LSTMCell(nn.LSTMCell):
    """PyTorch's cell, written out: torch.func cannot run its own for many networks side by side."""

    def forward(self, input: Float[Tensor, "N F"], hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        assert hx is not None
        h, c = hx
        gates = F.linear(input, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        take, forget, new, show = gates.chunk(4, dim=1)
        c = forget.sigmoid() * c + take.sigmoid() * new.tanh()
        return show.sigmoid() * c.tanh(), c


def similarity(memory: Float[Tensor, "N M W"], key: Float[Tensor, "N H W"]) -> Float[Tensor, "N H M"]:
    """The cosine of each head's key and each slot (NTM Eq. 6; DNC: D)."""
    product = key @ memory.transpose(1, 2)
    norms = key.square().sum(-1).add(TINY).sqrt()[:, :, None] * memory.square().sum(-1).add(TINY).sqrt()[:, None]
    return product / norms


class NTM(nn.Module):
    """Graves, Wayne and Danihelka 2014, with one head that reads and one that writes; equation numbers are theirs."""

    def __init__(self, token: int, word: int, config: LearnerConfig):
        super().__init__()
        self.slots, self.width = config.slots, config.width
        self.controller = LSTMCell(token + config.width, config.hidden)
        # Of both heads: a key, strength, gate, shifts, sharpening; of the one that writes, what it erases and adds.
        self.head = 2 * (config.width + 3 + SHIFTS)
        self.interface = nn.Linear(config.hidden, self.head + 2 * config.width)
        self.say = nn.Linear(config.hidden + config.width, word)
        self.first = nn.Parameter(torch.randn(config.slots, config.width) * 0.1)
        self.focus = nn.Parameter(torch.randn(2, config.slots) * 0.1)

    def forward(self, tokens: Float[Tensor, "N S F"], asked: int) -> Float[Tensor, "N C word"]:
        n = len(tokens)
        state = (tokens.new_zeros(n, self.controller.hidden_size),) * 2
        memory = self.first.expand(n, -1, -1)
        weights = self.focus.softmax(-1).expand(n, -1, -1)  # of the head that reads, of the one that writes
        read = (weights[:, :1] @ memory).squeeze(1)
        said = []
        for place in range(tokens.shape[1]):
            state = self.controller(torch.cat([tokens[:, place], read], dim=1), state)
            heads, change = self.interface(state[0]).split([self.head, 2 * self.width], dim=1)
            weights = self.addressed(memory, weights, heads.unflatten(1, (2, -1)))
            erase, add = change.split(self.width, dim=1)
            writing = weights[:, 1, :, None]
            memory = memory * (1 - writing * erase.sigmoid()[:, None]) + writing * add.tanh()[:, None]  # Eq. 3, 4
            read = (weights[:, :1] @ memory).squeeze(1)  # Eq. 2
            if place >= tokens.shape[1] - asked:
                said.append(self.say(torch.cat([state[0], read], dim=1)))
        return torch.stack(said, dim=1)

    def addressed(
        self, memory: Float[Tensor, "N M W"], before: Float[Tensor, "N H M"], heads: Float[Tensor, "N H _"]
    ) -> Float[Tensor, "N H M"]:
        """Where the heads are after this step (Eq. 5 to 9)."""
        key, strength, gate, shift, sharp = heads.split([self.width, 1, 1, SHIFTS, 1], dim=-1)
        by_content = (F.softplus(strength) * similarity(memory, key.tanh())).softmax(-1)  # Eq. 5
        gated = torch.lerp(before, by_content, gate.sigmoid())  # Eq. 7
        moved = torch.stack([gated.roll(step, dims=-1) for step in (-1, 0, 1)], dim=-1)
        shifted = (moved * shift.softmax(-1)[:, :, None]).sum(-1)  # Eq. 8
        sharpened = shifted.clamp_min(TINY) ** (1 + F.softplus(sharp))  # Eq. 9
        return sharpened / sharpened.sum(-1, keepdim=True)


class DNC(nn.Module):
    """Graves et al. 2016 (Methods), with one head that reads; names of quantities are theirs."""

    def __init__(self, token: int, word: int, config: LearnerConfig):
        super().__init__()
        self.slots, self.width = config.slots, config.width
        self.controller = LSTMCell(token + config.width, config.hidden)
        # Read: key, strength, three modes; write: key, strength, erase, add; gates: free, allocation, write.
        self.parts = [config.width, 1, 3, config.width, 1, config.width, config.width, 1, 1, 1]
        self.interface = nn.Linear(config.hidden, sum(self.parts))
        self.say = nn.Linear(config.hidden + config.width, word)

    def forward(self, tokens: Float[Tensor, "N S F"], asked: int) -> Float[Tensor, "N C word"]:
        n, slots = len(tokens), self.slots
        state = (tokens.new_zeros(n, self.controller.hidden_size),) * 2
        memory = tokens.new_zeros(n, slots, self.width)
        usage, precedence, writing, reading = (tokens.new_zeros(n, slots) for _ in range(4))
        link, read = tokens.new_zeros(n, slots, slots), tokens.new_zeros(n, self.width)
        apart = 1 - torch.eye(slots, dtype=tokens.dtype, device=tokens.device)
        said = []
        for place in range(tokens.shape[1]):
            state = self.controller(torch.cat([tokens[:, place], read], dim=1), state)
            parts = self.interface(state[0]).split(self.parts, dim=1)
            read_key, read_strength, modes, key, strength, erase, add, free, allocate, write = parts
            usage = (usage + writing - usage * writing) * (1 - free.sigmoid() * reading)
            content = self.by_content(memory, key, strength)
            writing = write.sigmoid() * torch.lerp(content, allocation(usage), allocate.sigmoid())
            memory = memory * (1 - writing[:, :, None] * erase.sigmoid()[:, None]) + writing[:, :, None] * add[:, None]
            link = linked(link, precedence, writing) * apart
            precedence = (1 - writing.sum(1, keepdim=True)) * precedence + writing
            forward, backward = (link @ reading[:, :, None]).squeeze(2), (reading[:, None] @ link).squeeze(1)
            ways = torch.stack([backward, self.by_content(memory, read_key, read_strength), forward], dim=2)
            reading = (ways * modes.softmax(1)[:, None]).sum(2)
            read = (reading[:, None] @ memory).squeeze(1)
            if place >= tokens.shape[1] - asked:
                said.append(self.say(torch.cat([state[0], read], dim=1)))
        return torch.stack(said, dim=1)

    def by_content(
        self, memory: Float[Tensor, "N M W"], key: Float[Tensor, "N W"], strength: Float[Tensor, "N 1"]
    ) -> Float[Tensor, "N M"]:
        """C(M, k, beta), where the head looks by content."""
        return ((1 + F.softplus(strength)) * similarity(memory, key[:, None]).squeeze(1)).softmax(-1)


def linked(
    link: Float[Tensor, "N M M"], precedence: Float[Tensor, "N M"], writing: Float[Tensor, "N M"]
) -> Float[Tensor, "N M M"]:
    """L, in which [i, j] says how far slot i was written right after slot j."""
    into, out_of = writing[:, :, None], writing[:, None]
    return (1 - into - out_of) * link + into * precedence[:, None]


def allocation(usage: Float[Tensor, "N M"]) -> Float[Tensor, "N M"]:
    """Where there is room: the least used slot first, the next as far as that one is used."""
    used = usage * (1 - TINY) + TINY
    ascending, order = used.sort(dim=1)
    before = torch.cat([torch.ones_like(ascending[:, :1]), ascending.cumprod(1)[:, :-1]], dim=1)
    return torch.zeros_like(used).scatter(1, order, (1 - ascending) * before)
