"""Learners: how words are said, networks side by side against one alone, and the parts of memories worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from neurocomp.learners import training
from neurocomp.learners.memories import DNC, NTM, TINY, LSTMCell, allocation, linked, similarity
from neurocomp.learners.networks import NETWORKS, build
from neurocomp.learners.training import Learned, Stack, advance, all_right, losses, shares
from neurocomp.learners.words import KINDS, Alphabet, Questions, alphabet_of, questions
from neurocomp.machine_config import MachineConfig
from neurocomp.search_config import LEARNERS, LearnerConfig
from neurocomp.tasks.task import Examples, load_task
from neurocomp.tuning import optimizer
from tests.test_tasks import shipped

ALPHABET = Alphabet(word=3, place=2)
SMALL = {"hidden": 8, "heads": 2, "slots": 4, "width": 5}


def config(kind: str, **changes) -> LearnerConfig:
    return LearnerConfig(**{"kind": kind, "layers": 2 if kind in ("lstm", "transformer") else 1} | SMALL | changes)


def asked(lanes: int, examples: int = 4, tokens: int = 6, words: int = 2) -> Questions:
    """Random questions, of which one word need not be right."""
    drawn = torch.Generator().manual_seed(5)
    bits = torch.randint(0, 2, (lanes, examples, words, ALPHABET.word), generator=drawn).float()
    needed = torch.ones(lanes, examples, words, dtype=torch.bool)
    needed[0, 1, 0] = False
    return Questions(torch.randn(lanes, examples, tokens, ALPHABET.token, generator=drawn), bits, needed)


# --- words


def test_a_token_is_the_bits_of_a_word_and_of_its_place_and_what_it_is():
    """By hand: base 6 has words of 3 bits, lowest first; 6 cells and 6 registers have places of 3 bits."""
    task = load_task(shipped("map_inc", length=1, base=6, registers=6, lines=6, steps=5, general=None), MachineConfig())
    memory = np.array([[5, 0, 3, 1, 2, 4]])
    final = np.array([[0, -1, -1, -1, -1, -1]])
    found = questions(task, Examples(memory, np.zeros((1, 6), int), final, np.full((1, 6), -1)), alphabet_of(task))
    assert alphabet_of(task) == (3, 3) and found.tokens.shape == (1, 6 + 6 + 1, 3 + 3 + KINDS)
    assert found.tokens[0, 0].tolist() == [1, 0, 1, 0, 0, 0, 1, 0, 0, 0]  # 5, in cell 0
    assert found.tokens[0, 2].tolist() == [1, 1, 0, 0, 1, 0, 1, 0, 0, 0]  # 3, in cell 2
    assert found.tokens[0, 7].tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0]  # 0, in register 1
    assert found.tokens[0, 12].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]  # what is in cell 0?
    assert found.bits[0, 0].tolist() == [0, 0, 0] and found.asked.tolist() == [[True]]


def test_general_sizes_have_an_encoding_too_and_words_that_no_file_gives_are_not_asked_for():
    task = load_task(shipped("map_inc", length=2, base=7), MachineConfig())
    assert task.general and alphabet_of(task).word == max(7, task.general.sizes.base).bit_length()
    final = np.full((2, 7), -1)
    final[0, :2] = 6, 1
    start = Examples(np.zeros((2, 7), int), np.zeros((2, task.sizes.registers), int), final, final[:, :1])
    found = questions(task, start, alphabet_of(task))
    assert found.asked.tolist() == [[True, True], [False, False]]
    assert found.bits[0, :, :3].tolist() == [[0, 1, 1], [1, 0, 0]]


def test_an_example_is_right_if_every_bit_of_every_word_that_is_asked_for_is():
    bits = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]]]])
    needed = torch.tensor([[[True, True], [True, False]]])
    logits = torch.tensor([[[[2.0, -1.0], [-1.0, 3.0]], [[1.0, 1.0], [9.0, 9.0]]]])
    assert all_right(logits, Questions(bits, bits, needed)).tolist() == [[False, True]]


def test_the_loss_is_a_mean_over_the_words_that_are_asked_for():
    """By hand: logits of 0 cost ln 2 a bit; a word that is not asked for costs nothing, however wrong."""
    bits = torch.zeros(2, 1, 2, 3)
    logits = torch.zeros(2, 1, 2, 3)
    logits[1, 0, 1] = 50.0
    needed = torch.tensor([[[True, True]], [[True, False]]])
    assert losses(logits, Questions(bits, bits, needed)).tolist() == pytest.approx([0.6931472] * 2)


# --- networks side by side


@pytest.mark.parametrize("kind", LEARNERS)
def test_networks_side_by_side_say_what_each_says_alone(kind):
    stack = Stack(lambda: build(ALPHABET, config(kind)))
    weights, given = stack.first([3, 4, 3]), asked(3)
    found = stack.logits(weights, given.tokens, 2)
    assert found.shape == (3, 4, 2, ALPHABET.word) and torch.equal(weights[0], weights[2])
    assert not torch.allclose(weights[0], weights[1])
    alone = NETWORKS[kind](ALPHABET.token, ALPHABET.word, config(kind))
    nn.utils.vector_to_parameters(weights[1, 0], alone.parameters())
    torch.testing.assert_close(found[1], alone(given.tokens[1], 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", LEARNERS)
def test_an_update_is_that_of_adamw_with_clipped_gradients(kind):
    of, (tokens, bits, needed) = config(kind, weight_decay=0.1, clip=0.05, learning_rate=0.01), asked(2)
    given = Questions(tokens.double(), bits.double(), needed)
    stack = Stack(lambda: build(ALPHABET, of))
    state = optimizer.init(stack.first([3, 4]).double())
    alone = build(ALPHABET, of).double()
    nn.utils.vector_to_parameters(state.logits[1, 0].clone(), alone.parameters())
    adamw = torch.optim.AdamW(alone.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(3):
        state, told = advance(stack, state, given, of)
        adamw.zero_grad()
        loss = losses(alone(given.tokens[1], 2)[None], Questions(*(part[1:] for part in given)))
        loss.sum().backward()
        assert told[1].item() == pytest.approx(loss.item(), rel=1e-9)
        nn.utils.clip_grad_norm_(alone.parameters(), 0.05)
        adamw.step()
    expected = nn.utils.parameters_to_vector(alone.parameters())
    torch.testing.assert_close(state.logits[1, 0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", LEARNERS)
def test_every_weight_of_a_network_is_learnt(kind):
    stack = Stack(lambda: build(ALPHABET, config(kind)))
    weights = stack.first([1]).requires_grad_()
    (gradient,) = torch.autograd.grad(losses(stack.logits(weights, asked(1).tokens, 2), asked(1)).sum(), weights)
    parts = gradient[0, 0].split([shape.numel() for shape in stack.shapes.values()])
    without = {name for name, part in zip(stack.shapes, parts, strict=True) if not part.abs().max() > 0}
    assert without == set()


def test_shares_are_of_the_same_examples_for_all_networks():
    stack = Stack(lambda: build(ALPHABET, config("lstm")))
    weights, given = stack.first([1, 2, 3]), Questions(*(part[0] for part in asked(1)))
    apart = [all_right(stack.logits(one[None], given.tokens[None], 2), Questions(*(part[None] for part in given)))
             for one in weights]  # fmt: skip
    assert shares(stack, weights, given).tolist() == pytest.approx([each.double().mean().item() for each in apart])


def test_the_weights_that_had_most_validation_examples_right_are_kept(monkeypatch):
    one, shown = Learned(7, torch.zeros(1, 3)), iter([0.25, 0.75, 0.75, 0.5])
    monkeypatch.setattr(training, "shares", lambda stack, weights, asked: torch.tensor([next(shown)]))
    for update in (1, 2, 3, 4):
        state = optimizer.init(torch.full((1, 1, 3), float(update)))._replace(updates=[update])
        training._look(None, [one], state, None)  # pyright: ignore[reportArgumentType]
    assert one.best.tolist() == [[2.0] * 3] and one.share == 0.75 and one.validated is None


# --- parts of memories


def test_the_cell_is_pytorchs():
    ours, theirs = LSTMCell(5, 7), nn.LSTMCell(5, 7)
    theirs.load_state_dict(ours.state_dict())
    given, state = torch.randn(3, 5), (torch.randn(3, 7), torch.randn(3, 7))
    for found, expected in zip(ours(given, state), theirs(given, state), strict=True):
        torch.testing.assert_close(found, expected)


def test_similarity_is_the_cosine():
    memory = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]]])
    found = similarity(memory, torch.tensor([[[2.0, 0.0], [1.0, 1.0]]]))
    expected = torch.tensor([[[1.0, 0.0, -1.0], [0.5**0.5, 0.5**0.5, -(0.5**0.5)]]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def ntm() -> NTM:
    return NTM(ALPHABET.token, ALPHABET.word, config("ntm"))


def head(key, strength, gate, shift, sharp) -> torch.Tensor:
    """A head's parameters before they are squashed."""
    return torch.tensor([[[*key, strength, gate, *shift, sharp]]])


def test_a_head_of_the_ntm_looks_by_content_or_moves_from_where_it_was():
    machine, memory = ntm(), torch.eye(5)[None, :4]
    before = torch.tensor([[[0.0, 1.0, 0.0, 0.0]]])
    stay, on, back = (-50.0, 50.0, -50.0), (-50.0, -50.0, 50.0), (50.0, -50.0, -50.0)
    key = (-9.0, -9.0, 9.0, -9.0, -9.0)
    by_content = machine.addressed(memory, before, head(key, 50.0, 50.0, stay, 0.0))
    assert by_content[0, 0].argmax() == 2 and by_content[0, 0, 2] > 0.99
    for shift, place in ((stay, 1), (on, 2), (back, 0)):
        moved = machine.addressed(memory, before, head(key, 50.0, -50.0, shift, 0.0))
        assert moved[0, 0].argmax() == place and moved[0, 0].sum().item() == pytest.approx(1)


def test_a_head_of_the_ntm_sharpens():
    """By hand: 0.6 and 0.4 to the power of 1 + softplus(x) = 2 are 0.36 and 0.16, together 0.52."""
    before, two = torch.tensor([[[0.6, 0.4, 0.0, 0.0]]]), float(torch.log(torch.expm1(torch.tensor(1.0))))
    found = ntm().addressed(torch.eye(5)[None, :4], before, head([0.0] * 5, 0.0, -50.0, (-50.0, 50.0, -50.0), two))
    assert found[0, 0, :2].tolist() == pytest.approx([0.36 / 0.52, 0.16 / 0.52], abs=1e-4)


def test_room_is_given_to_the_least_used_slot_first():
    """By hand: 1 - 0.2 goes to slot 2, of the 0.2 that is left 1 - 0.5 to slot 0, of the 0.1 that is left none to 1."""
    found = allocation(torch.tensor([[0.5, 1.0, 0.2]]))
    assert found[0].tolist() == pytest.approx([0.1, 0.0, 0.8], abs=1e-5)


def test_links_say_which_slot_was_written_after_which():
    """Slot 1 is written after slot 0, then slot 2 after slot 1."""
    link, precedence = torch.zeros(1, 3, 3), torch.zeros(1, 3)
    for slot in (0, 1, 2):
        writing = torch.eye(3)[slot][None]
        link, precedence = linked(link, precedence, writing), (1 - writing.sum(1)) * precedence + writing
    assert link[0].tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


def test_an_unused_memory_is_written_in_full():
    assert allocation(torch.zeros(1, 4))[0].tolist() == pytest.approx([1, 0, 0, 0], abs=10 * TINY)
    said = DNC(ALPHABET.token, ALPHABET.word, config("dnc"))(torch.randn(2, 9, ALPHABET.token), 3)
    assert said.shape == (2, 3, ALPHABET.word) and said.isfinite().all()
