"""Programs and inputs that are something else, or wrong in 10^5 lines: what is said of them."""

from __future__ import annotations

import os
import pickle

import pytest

ASSEMBLY = 'not assembly (an instruction a line, such as "inc 1 1"); it seems to be'
SUBLEQ = 'not subleq (an instruction a line, such as "1 2 next"); it seems to be'
WEIGHTS = "not a file of weights (safetensors); it seems to be"
IMAGE = (
    "a memory image, as other subleq machines take: here instructions and data are apart, C is the number of an "
    "instruction (from 1), and [address] = word gives data"
)
FILES = {
    "list": "3 4 6 7 7 7 3 4 0\n",
    "asm": "loop: inc 1 1\nhalt\n",
    "subleq": "[1] = -5\n0 1 next\n1 0 halt\n",
    "json": '{"memory": [3, 5]}\n',
    "jsonl": '{"memory": [3, 5]}\n{"memory": [3, 5]}\n',
    "csv": "task,init,method\ninc,inc,tune\n",
    "yaml": "name: inc\nbase: 10\n",
    "html": "<html></html>\n",
    "py": "#!/usr/bin/python\nprint(1)\n",
    "zip": b"PK\x03\x04abc",
    "elf": b"\x7fELF\x02\x01",
    "pickle": pickle.dumps(["x"]),
    "utf16": "inc 1 1\n".encode("utf-16"),
    "nul": b"inc 1 1\0\0",
    "latin": b"inc 1 1 # caf\xe9\n",
    "empty": "",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / f"x.{name}").write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    "words, line",
    [
        ("exec x.list", f"{ASSEMBLY} a list of numbers; --memory=3,5,2 gives a memory"),
        ("exec x.subleq", f"{ASSEMBLY} a subleq program: neurocomp subleq exec runs it"),
        ("exec x.json", f"{ASSEMBLY} JSON"),
        ("exec x.jsonl", f"{ASSEMBLY} JSON"),
        ("exec x.csv", f"{ASSEMBLY} a CSV file"),
        ("exec x.yaml", f"{ASSEMBLY} YAML"),
        ("exec x.html", f"{ASSEMBLY} HTML or XML"),
        ("exec x.py", f"{ASSEMBLY} a script"),
        ("exec x.zip", "not text; it seems to be a zip archive (PyTorch's .pt files are some)"),
        ("exec x.elf", "not text; it seems to be a program for this machine (ELF)"),
        ("exec x.pickle", "not text; it seems to be a pickle"),
        ("exec x.utf16", "not text; it seems to be text in UTF-16, expected UTF-8"),
        ("exec x.nul", "not text; it seems to be no text at all"),
        ("exec x.latin", "not UTF-8 text (byte 14)"),
        ("subleq exec x.list", f"{SUBLEQ} {IMAGE}"),
        ("subleq exec x.asm", f"{SUBLEQ} assembly: neurocomp exec runs it"),
        ("subleq exec x.json", f"{SUBLEQ} JSON"),
        ("subleq exec x.csv", f"{SUBLEQ} a CSV file"),
        ("subleq exec x.yaml", f"{SUBLEQ} YAML"),
        ("subleq exec x.zip", "not text; it seems to be a zip archive (PyTorch's .pt files are some)"),
        ("decompile x.asm", f"{WEIGHTS} assembly: neurocomp compile makes weights of it"),
        ("decompile x.csv", f"{WEIGHTS} a CSV file"),
        ("decompile x.zip", f"{WEIGHTS} a zip archive (PyTorch's .pt files are some)"),
        ("decompile x.none", "cannot be read (No such file or directory)"),
        ("decompile .", "is a folder, expected a file"),
        ("exec .", "is a folder, expected a file"),
        ("subleq exec .", "is a folder, expected a file"),
    ],
)
def test_a_foreign_file_is_named_for_what_it_seems_to_be(command, words, line):
    assert command(*words.split()) == (2, "", f"neurocomp: {words.split()[-1]}: {line}\n")


def test_weights_are_no_program(command):
    assert command("compile", "inc", "--out", "w").code == 0
    weights = "w: not text; it seems to be a file of weights (safetensors); neurocomp decompile reads those of compile"
    assert command("exec", "w") == command("subleq", "exec", "w") == (2, "", f"neurocomp: {weights}\n")


@pytest.mark.parametrize("name, text, line", [
    ("x.asm", "loop: foo 1 2\ninc 1 1\njump 1 loop\n", 'x.asm:1: unknown opcode "foo" in "foo 1 2", expected one of'),
    ("x.asm", "a: foo\nb: inc 1\n", 'x.asm:1: unknown opcode "foo" in "foo", expected one of'),
    ("x.subleq", "l0: 1 1 m0\n2 2 next\n", 'x.subleq:1: "m0" is not an instruction, expected a number, a label'),
    ("x.subleq", "1 2 next\n2 1\n1 2 halt\n", 'x.subleq:2: an instruction is A B C, three operands; got 2 in "2 1"'),
])  # fmt: skip
def test_a_program_with_mistakes_is_no_foreign_file(command, tmp_path, name, text, line):
    (tmp_path / name).write_text(text)
    answer = command(*(("exec",) if name == "x.asm" else ("subleq", "exec")), name)
    assert answer.code == 2 and answer.err.startswith(f"neurocomp: {line}")


def test_an_image_of_three_numbers_a_line_is_said_to_be_one_beside_its_mistakes(command, tmp_path):
    (tmp_path / "x.subleq").write_text("3 4 6\n7 7 7\n3 4 0\n")
    assert command("subleq", "exec", "x.subleq").err.splitlines() == [
        "neurocomp: x.subleq:1: instruction 6 is not there (operand C), expected one of 0 to 3",
        "neurocomp: x.subleq:2: instruction 7 is not there (operand C), expected one of 0 to 3",
        f"neurocomp: x.subleq: if this is {IMAGE}",
    ]


@pytest.mark.parametrize("name, form, first", [
    ("x.asm", "foo{0} 1 2", 'x.asm:1: unknown opcode "foo0" in "foo0 1 2", expected one of halt, zero, inc'),
    ("x.asm", "l{0}: jump 1 m{0}", 'x.asm:1: no label "m0:" for "jump 1 m0", expected one of l0, l1, '),
    ("x.subleq", "l{0}: 1 1 m{0}", 'x.subleq:1: "m0" is not an instruction, expected a number, a label, next or halt'),
])  # fmt: skip
def test_of_many_mistakes_twenty_are_told_and_how_many_more(command, tmp_path, monkeypatch, name, form, first):
    (tmp_path / name).write_text("".join(form.format(number) + "\n" for number in range(20_000)))
    compared = []
    monkeypatch.setattr("neurocomp.errors.difflib.get_close_matches", lambda *_, **__: compared.append(1) or [])
    told = command(*(("exec",) if name == "x.asm" else ("subleq", "exec")), name).err.splitlines()
    assert len(compared) <= 20
    assert told[0].startswith(f"neurocomp: {first}") and len(told[0]) < 400
    assert len(told) == 21 and told[20] == "neurocomp: ... and 19,980 more"


def test_a_line_of_a_million_characters_is_not_repeated_whole(command, tmp_path):
    (tmp_path / "x.asm").write_text("inc 1 " + "x" * 1_000_000)
    answer = command("exec", "x.asm")
    assert answer.code == 2 and len(answer.err) < 1100


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_newlines_end_a_comment(command, tmp_path, separator):
    (tmp_path / "x.asm").write_text(f"inc 1 1 # page{separator}dec 1 1\r\nhalt\r")
    (tmp_path / "x.subleq").write_text(f"2 2 next # page{separator}0 0 halt\r\n0 2 next\r2 1 halt\n")
    (tmp_path / "x.jsonl").write_text("\ufeff\r\n" + '{"memory": [3]}' + "\r\n \n" + '{"memory": [5]}')
    assert command("exec", "x.asm").out.splitlines()[1:] == ["registers  0 1", "steps      2, halted"]
    assert command("subleq", "exec", "x.subleq", "--memory=3,4").out.startswith("memory     3 7 -3 0")
    assert command("exec", "map_inc", "--inputs", "x.jsonl", "--steps=4").out.count("\n") == 2


@pytest.mark.parametrize("line, message", [
    ('{"memory": [1e3]}', '"memory" is [1000.0], expected a list of whole numbers'),
    ('{"memory": [NaN, true]}', '"memory" is ["NaN", true], expected a list of whole numbers'),
    ('{"memory": {}}', '"memory" is [], expected a list of whole numbers'),
    ('{"memory": ["3"]}', '"memory" is ["3"], expected a list of whole numbers'),
    ('{"memory": [%s]}' % ("9" * 5000), f'"memory" is ["{"9" * 35} ... {"9" * 35}"], expected a list of whole numbers'),
    ('{"memory": [1], "memory": [2]}',
     '"memory" is given twice, expected an object such as {"memory": [3, 5], "registers": [0, 2]}'),
    ("[1, 2]", 'got [1, 2], expected an object such as {"memory": [3, 5], "registers": [0, 2]}'),
])  # fmt: skip
def test_inputs_that_are_no_whole_numbers_are_refused(command, tmp_path, line, message):
    (tmp_path / "x.jsonl").write_text(f'{{"memory": [1]}}\n{line}\n')
    assert command("exec", "map_inc", "--inputs", "x.jsonl") == (2, "", f"neurocomp: x.jsonl:2: {message}\n")


@pytest.mark.parametrize("name", ["folder", "pipe", "none", "latin"])
def test_inputs_come_from_regular_text_files(command, tmp_path, name):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(b"\xff")
    answer = command("exec", "map_inc", "--inputs", name)
    reasons = {"folder": "is a folder, expected a file", "pipe": "is not a regular file, expected a file",
               "none": "cannot be read (No such file or directory)", "latin": "not UTF-8 text (byte 1)"}  # fmt: skip
    assert answer == (2, "", f"neurocomp: {name}: {reasons[name]}\n")


def test_a_jump_to_a_register_says_which_option_reads_it(command, tmp_path):
    (tmp_path / "x.asm").write_text("jump 6 3\n")
    assert command("exec", "x.asm").err == (
        'neurocomp: x.asm:1: no label "3:" for "jump 6 3", this program has no labels; where a jump goes to the line '
        "in a register: --jump-target value, machine.jump_target=value\n"
    )
    assert command("exec", "x.asm", "--jump-target", "value").code == 0


@pytest.mark.parametrize("text, place", [
    ("halt\ninc 1 1", 2), ("inc 1 1\nhalt\n\ninc 1 1\nhalt\ninc 2 2", 4), ("halt\nhere: jump 1 here", 2),
    ("jump 1 end\nhalt\nend: inc 1 1", None), ("halt", None), ("inc 1 1\nhalt", None),
    ("jump 1 end\nhalt\nback: inc 1 1\nend: jump 1 back", None),
])  # fmt: skip
def test_what_follows_a_halt_and_is_never_reached_is_remarked(command, tmp_path, text, place):
    (tmp_path / "x.asm").write_text(text)
    said = "" if place is None else ": it follows a halt, and no jump goes there\n"
    for words in (("exec", "x.asm"), ("compile", "x.asm", "--out", "w")):
        answer = command(*words)
        assert answer.code == 0 and answer.err.endswith(said)
        assert answer.err.startswith(f"neurocomp: x.asm:{place}: " if place else "") and bool(answer.err) == bool(place)


def test_nothing_is_remarked_where_a_run_goes_on_after_a_halt_or_jumps_go_where_words_say(command, tmp_path):
    (tmp_path / "x.asm").write_text("halt\ninc 1 1\n")
    (tmp_path / "y.asm").write_text("jump 1 2\nhalt\ninc 1 1\n")
    assert command("exec", "x.asm", "--halting", "printed").err == ""
    assert command("exec", "y.asm", "--jump-target", "value").err == ""
