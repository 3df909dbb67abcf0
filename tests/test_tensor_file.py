"""Files of tensors: written whole, to links and devices too; read only if they are what they should be."""

from __future__ import annotations

import json
import math
import os
import stat
import struct

import pytest
import torch
from safetensors.torch import save_file

from neurocomp import tensor_file
from neurocomp.compilation.compiler import exact_weights
from neurocomp.compilation.weights_file import FORMAT, load_weights, save_weights
from neurocomp.errors import UserError
from neurocomp.language.assembly import fit, load_program
from neurocomp.limits.checking import Most
from neurocomp.machine_config import MachineConfig, Sizes

SIZES, MACHINE = Sizes(5, 4, 7), MachineConfig()
FACTS = {"format": FORMAT, "base": "5", "registers": "4", "lines": "7", "jump_target": "line"}
LOGITS = exact_weights(fit(load_program("map_inc"), SIZES), SIZES, MACHINE)
WIDTH = 13 + 3 * 4 + 7


def test_a_link_stays_a_link_and_its_file_is_written(command, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/w.safetensors")
    assert command("compile", "map_inc", "--out", "link").code == 0
    assert (tmp_path / "link").is_symlink() and command("decompile", "folder/w.safetensors").code == 0


def test_what_is_no_file_is_written_to_and_stays_what_it_is(command, tmp_path):
    """A device does the same; a pipe can be made by anyone."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert command("compile", "map_inc", "--out", "pipe").code == 0
    written = os.read(reader, 65536)
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "copy").write_bytes(written)
    assert command("decompile", "copy").code == 0


def test_others_may_read_what_they_may_read_of_other_files(tmp_path):
    before = os.umask(0o022)
    try:
        save_weights(tmp_path / "w", LOGITS, SIZES, MACHINE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["w"]


def test_parts_of_larger_tensors_are_written_as_they_are(tmp_path):
    whole = torch.arange(24.0).reshape(4, 6)
    tensor_file.save(tmp_path / "t", "x", {"a": whole[:, ::2], "b": whole.T}, {})
    found, facts = tensor_file.load(tmp_path / "t", "x", "x", Most(10**6))
    assert torch.equal(found["a"], whole[:, ::2]) and torch.equal(found["b"], whole.T) and facts == {"format": "x"}


def test_a_place_that_cannot_be_written_is_one_line(command, tmp_path):
    (tmp_path / "file").write_text("")
    answer = command("compile", "map_inc", "--out", "file/w")
    assert answer.code == 2 and answer.err.startswith("neurocomp: --out file/w: cannot be written (")
    (tmp_path / "folder").mkdir()
    answer = command("compile", "map_inc", "--out", "folder")
    assert answer.code == 2 and answer.err.startswith("neurocomp: --out folder: is a folder")
    assert list((tmp_path / "folder").iterdir()) == []


REFUSED = {
    "logits is bfloat16, expected float32 or float64": {"logits": LOGITS.bfloat16()},
    "logits is float16, expected float32 or float64": {"logits": LOGITS.half()},
    "logits is int64, expected float32 or float64": {"logits": LOGITS.long()},
    f"logits has shape (7, 31), but by its metadata it has (7, {WIDTH})": {"logits": LOGITS[:, :31].contiguous()},
    f"logits has shape no such tensor, but by its metadata it has (7, {WIDTH})": {"logits": None},
    "more has shape (1,), but by its metadata it has no such tensor": {"more": torch.zeros(1)},
    "logits[6][0] is inf, expected a finite number; line 6 has no likeliest instruction, so these weights have no "
    "program": {"logits": LOGITS.index_fill(0, torch.tensor([6]), math.inf)},
    "logits[0][0] is -inf, expected a finite number; line 0 has no likeliest instruction, so these weights have no "
    "program": {"logits": LOGITS.index_fill(1, torch.tensor([0]), -math.inf)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_tensors_that_are_no_weights_are_refused_in_one_line(command, tmp_path, message):
    tensors = {key: value for key, value in ({"logits": LOGITS} | REFUSED[message]).items() if value is not None}
    save_file(tensors, tmp_path / "w", metadata=FACTS)
    answer = command("decompile", "w")
    assert (answer.code, answer.out, answer.err) == (2, "", f"neurocomp: w: {message}\n")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"lines": "-7"}, "the metadata cannot be read (lines=-7, expected a whole number from 1 to 1000000)"),
        ({"base": "1"}, "the metadata cannot be read (base=1, expected a whole number from 2 to 1000000)"),
        ({"lines": "9" * 5000}, f"the metadata cannot be read (lines={'9' * 40}, expected a whole number from 1 to 10"),
        ({"registers": "1e3"}, "the metadata cannot be read (registers=1e3, expected a whole number from 1 to"),
        ({"registers": "\uff14"}, "the metadata cannot be read (registers=\uff14, expected a whole number"),
        ({"base": "\x1b[2J"}, "the metadata cannot be read (base=\\x1b[2J, expected a whole number"),
        ({"lines": "1000000"}, f"logits has shape (7, {WIDTH}), but by its metadata it has (1000000, 1000025)"),
        ({"jump_target": "value"}, "the metadata cannot be read (jump_target=value needs base = lines, got 5 and 7)"),
        (
            {"format": "neurocomp memorizer 1"},
            "not weights of neurocomp (expected metadata format=neurocomp weights 1, got format=neurocomp memorizer 1)",
        ),
        ({"format": None}, "not weights of neurocomp (expected metadata format=neurocomp weights 1, got none)"),
    ],
)
def test_metadata_that_means_nothing_is_refused_in_one_line(command, tmp_path, change, message):
    facts = {key: value for key, value in (FACTS | change).items() if value is not None}
    save_file({"logits": LOGITS}, tmp_path / "w", metadata=facts)
    answer = command("decompile", "w")
    assert answer.code == 2 and answer.err.startswith(f"neurocomp: w: {message}") and answer.err.count("\n") == 1


def test_bytes_that_are_no_tensors_are_refused_in_one_line(tmp_path):
    save_weights(tmp_path / "w", LOGITS, SIZES, MACHINE)
    whole = (tmp_path / "w").read_bytes()
    header = json.dumps({"logits": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}).encode()
    unknown = struct.pack("<Q", len(header)) + header + b"x"
    listed = b"[1, 2]"
    for data in (b"", b"x", whole[:100], whole[:-1], whole + b"x", b"\xff" * 64, unknown,
                 struct.pack("<Q", len(listed)) + listed):  # fmt: skip
        (tmp_path / "w").write_bytes(data)
        with pytest.raises(UserError, match=r"^[^\n]*w: cannot be read as safetensors \([^\n]*\)$"):
            load_weights(tmp_path / "w")


def test_a_pipe_is_refused_before_it_is_opened(command, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    answer = command("decompile", "pipe")
    assert answer.code == 2 and answer.err == "neurocomp: pipe: is not a regular file, expected a file\n"


def test_noise_that_outweighs_the_program_is_said(command):
    """With gamma below 1 no instruction is outweighed; far above it nearly all are."""
    assert command("compile", "map_inc", "--out", "w", "--gamma", "0.999").err == ""
    answer = command("compile", "map_inc", "--out", "w", "--gamma", "1e300")
    assert answer.code == 0 and answer.err == (
        "neurocomp: with --gamma=1e+300 the noise outweighs 5 of 5 lines (the first is line 0): "
        "decompile prints another program\n"
    )
    for gamma in ("nan", "inf", "-inf"):
        refused = command("compile", "map_inc", "--out", "x", f"--gamma={gamma}")
        assert refused.code == 2 and refused.err.startswith(f'neurocomp: --gamma: "{gamma}" is not a number, expected')
