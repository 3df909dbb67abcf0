"""Every key has a meaning, once: beside its field, in the help, and on the page of keys."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

from neurocomp.cli.keys import machine_keys, meanings_of, memorizer_keys, page
from neurocomp.config import RunConfig, TaskConfig
from neurocomp.memorizer.config import MemorizerConfig
from tests.conftest import ROOT


def configurations(config: type) -> list[type]:
    """A configuration dataclass and those inside it."""
    inside = [type(field.default_factory()) for field in fields(config) if is_dataclass(field.default_factory)]
    return [config, *inside]


@pytest.mark.parametrize("config", [*configurations(RunConfig), TaskConfig, *configurations(MemorizerConfig)])
def test_every_field_has_a_sentence_beside_it(config):
    meanings = meanings_of(config)
    assert list(meanings) == [field.name for field in fields(config)]
    for name, meaning in meanings.items():
        assert len(meaning) > 15 and meaning.endswith("."), name


def test_the_page_of_keys_is_what_the_dataclasses_say():
    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == page()


def test_the_help_says_what_every_key_means(command):
    out = " ".join(command("run", "--help").out.split())
    for key in (*machine_keys(), *memorizer_keys()):
        assert key.assignment in out and key.meaning in out


def test_the_help_of_a_key_and_of_a_group_shows_just_those(command):
    assert command("run", "--help", "gamma").out.startswith("  gamma=0.3\n      The noise of the compiled program (Eq")
    lines = command("run", "--help", "optimizer.").out.splitlines()
    names = [line.strip().split("=")[0] for line in lines if not line.startswith("      ")]
    assert names == [
        f"optimizer.{name}"
        for name in ("learning_rate", "updates", "beta1", "beta2", "epsilon", "clip", "hold", "stop")
    ]


def test_the_help_of_what_is_no_key_says_what_was_perhaps_meant(command):
    answer = command("run", "--help", "gama")
    assert answer.code == 2
    assert answer.err == (
        'neurocomp: --help gama: there is no such key; did you mean "gamma"?; neurocomp run --help lists them all\n'
    )
