"""Numbers in a task file are what is written there, or the file is refused."""

from __future__ import annotations

import pytest

from neurocomp.cli.as_written import check_numbers
from neurocomp.config import TaskConfig
from neurocomp.errors import UserError
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks.task import load_task

EXPRESSION = "expected a whole number or an expression in length and base"
TASK = "name: mine\nbase: 6\nregisters: 3\nlines: 4\nsteps: 9\nprogram: inc 0 0; write 0 0\ncheck: {memory: [0]}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("steps: 1_000", f"steps: 1_000 would be read as 1000; {EXPRESSION}"),
        ("steps: 010", f"steps: 010 would be read as 8; {EXPRESSION}"),
        ("steps: 0x10", f"steps: 0x10 would be read as 16; {EXPRESSION}"),
        ("steps: 12:30:45", f"steps: 12:30:45 would be read as 45045; {EXPRESSION}"),
        ("steps: 1e3", f"steps: 1e3 would be read as 1000.0; {EXPRESSION}"),
        ("steps: .inf", f"steps: .inf would be read as inf; {EXPRESSION}"),
        ("steps: yes", f"steps: yes would be read as true; {EXPRESSION}"),
        ("registers: on", f"registers: on would be read as true; {EXPRESSION}"),
        ("base: 12:30", "base: 12:30 would be read as 750; expected a whole number"),
        ("base: ６", 'base: "６" is no number; expected a whole number'),
        ('length: "1_0"', 'length: "1_0" is no number; expected a whole number'),
        ("memory: [1, 1_0]", f"memory[1]: 1_0 would be read as 10; {EXPRESSION}"),
        ("memory: {010: 1}", f"memory: 010 would be read as 8; {EXPRESSION}"),
        ("memory: {0: 0b1}", f"memory.0: 0b1 would be read as 1; {EXPRESSION}"),
        ("check: {memory: [no]}", f"check.memory[0]: no would be read as false; {EXPRESSION}"),
        ("general: {base: 1_1}", f"general.base: 1_1 would be read as 11; {EXPRESSION}"),
    ],
)
def test_a_number_that_yaml_reads_as_another_is_refused(line, message):
    with pytest.raises(UserError) as error:
        check_numbers(line + "\n", "mine.yaml")
    assert str(error.value) == f"mine.yaml: {message}"


def test_what_is_as_written_passes():
    check_numbers(
        "name: no\nbase: 6\nlength: null\nsteps: 5*length + 1\nmemory: {0: 0..base-1, 1: -1}\nprogram: 1_0\n"
        "general: ~\ncheck: {memory: ['0', 2]}\nstart_registers: {4: length-1}\n",
        "mine.yaml",
    )


def test_an_alias_is_looked_at_once():
    nested = "memory:\n - &a0 [1]\n" + "".join(f" - &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    check_numbers(nested, "mine.yaml")


def test_the_command_names_file_and_key(command, tmp_path):
    (tmp_path / "task").mkdir()
    file = tmp_path / "task" / "mine.yaml"
    file.write_text(TASK.replace("steps: 9", "steps: 1_9"))
    answer = command("run", "--config-dir", str(tmp_path), "task=mine")
    told = f"{file}: steps: 1_9 would be read as 19; {EXPRESSION}"
    assert (answer.code, answer.out, answer.err) == (2, "", f"neurocomp: {told}\n")


@pytest.mark.parametrize(
    "given", ["1_000", "0o17", "0x1f", "1e3", "６", "ｌength", "2length", "010", True, None, 1.5, []]
)
def test_expressions_have_decimal_digits_and_plain_names_alone(given):
    config = TaskConfig(
        "mine", base=6, registers=3, lines=4, steps=given, length=3, program="noop; halt", check={"memory": ["length"]}
    )
    written = {None: "null", True: "true"}.get(given, given) if not isinstance(given, list) else given
    with pytest.raises(UserError) as error:
        load_task(config, MachineConfig())
    accepted = "is not an integer or an expression in length, base (+ - * // %)"
    assert str(error.value) == f'task.steps: "{written}" {accepted}'
