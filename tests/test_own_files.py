"""Files of a user's own, which someone else may have written: what each kind may set, and the line that refuses more.

A refusal is made before anything runs: exit code 2, one line, nothing written.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from neurocomp.cli.compose import compose_cells, configure
from neurocomp.errors import UserError

NAMES = "expected letters, digits, spaces and _ . + -, a letter, digit or _ first"
TASK = """\
name: mine
base: 6
registers: 2
lines: 3
steps: 3
program: inc 0 0; write 1 0; halt
check: {memory: [0]}
"""
CALLBACK = "callbacks: {x: {_target_: pandas.read_pickle, filepath_or_buffer: x.pkl}}"
EXPERIMENT = "# @package _global_\ndefaults:\n  - override /task: mine\n\nrestarts: 2\n"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def refused(command, root: Path, files: dict[str, str | bytes], *overrides: str, told: str) -> None:
    """The command ends with code 2 and this line ({d} is the user's directory), and writes nothing."""
    write(root / "d", {"task/mine.yaml": TASK} | files)
    before = below(root)
    for given in (["--config-dir", "d"], [f"hydra.searchpath=[{root / 'd'}]"]):
        answer = command("run", *overrides, *given)
        assert answer.err == f"neurocomp: {told.format(d=root / 'd')}\n"
        assert answer.code == 2 and answer.out == "" and below(root) == before


ALONE = "{d}/task/mine.yaml: # @package %s: a task file sets task alone; expected no such line"
HYDRA = "{d}/task/mine.yaml: hydra: a task file sets task alone; hydra is given on the command line"
CODE = "{d}/task/mine.yaml: %s: names code to run, expected values alone"
READS = '{d}/task/mine.yaml: %s: "%s" reads what is outside the configuration; expected a value'
ENTRY = "{d}/task/mine.yaml: defaults: %s: expected names of files in the folder task, and _self_"


@pytest.mark.parametrize(
    "text, told",
    [
        (f"# @package _global_\nhydra:\n  {CALLBACK}\ntask:\n  name: x\n", ALONE % "_global_"),
        (f"#@package _global_\nhydra:\n  {CALLBACK}\n", ALONE % "_global_"),
        (f"\n\n   #   @package    hydra\n{CALLBACK}\n", ALONE % "hydra"),
        (f"# @package _global_\r\nhydra:\r\n  {CALLBACK}\r\n", ALONE % "_global_"),
        (b"\xef\xbb\xbf# @package hydra.callbacks\nx: {_target_: os.getcwd}\n", ALONE % "hydra.callbacks"),
        (f"# @package task.hydra\n{TASK}", ALONE % "task.hydra"),
        (f"# @package _group_.x\n{TASK}", ALONE % "_group_.x"),
        ("# @package _global_\nname: ../../x\n", ALONE % "_global_"),
        (f"{TASK}hydra:\n  {CALLBACK}\n", HYDRA),
        (f'{TASK}"hyd\\x72a": {{{CALLBACK}}}\n', HYDRA),
        (f"{TASK}? hydra\n: null\n", HYDRA),
        (f"<<: {{hydra: {{{CALLBACK}}}}}\n{TASK}", HYDRA),
        (f"{TASK}limits: {{memory_gb: 900}}\n",
         "{d}/task/mine.yaml: limits: a task file sets task alone; limits is given on the command line"),
        (f"{TASK}_target_: os.getcwd\n", CODE % "_target_"),
        (f'{TASK}general: {{"_tar\\x67et_": os.getcwd}}\n', CODE % "general._target_"),
        (TASK.replace("[0]", "[{_target_: os.getcwd}]"), CODE % "check.memory[0]._target_"),
        (f"{TASK}memory: &m {{_partial_: true}}\n", CODE % "memory._partial_"),
        (TASK.replace("mine", "${oc.env:HOME}"), READS % ("name", "${{oc.env:HOME}}")),
        (TASK.replace("base: 6", "base: '${oc.decode:6}'"), READS % ("base", "${{oc.decode:6}}")),
        (TASK.replace("base: 6", "base: '${hydra:runtime.cwd}'"), READS % ("base", "${{hydra:runtime.cwd}}")),
        (TASK.replace("base: 6", "base: '${..hydra.job.num}'"), READS % ("base", "${{..hydra.job.num}}")),
        (TASK.replace("base: 6", "base: '${oc.${task.name}:HOME}'"), READS % ("base", "${{oc.${{task.name}}:HOME}}")),
        (TASK.replace("base: 6", "base: '$${task.name}{oc.env:HOME}'"),
         READS % ("base", "$${{task.name}}{{oc.env:HOME}}")),
        (f"defaults: [/hydra/launcher: x]\n{TASK}", ENTRY % "/hydra/launcher: x"),
        (f"defaults: [override /hydra/launcher: x]\n{TASK}", ENTRY % "override /hydra/launcher: x"),
        (f"defaults: [../experiment/x, _self_]\n{TASK}", ENTRY % "../experiment/x"),
        (f"defaults: [/machine: printed]\n{TASK}", ENTRY % "/machine: printed"),
        (f"defaults: [override /machine: printed]\n{TASK}", ENTRY % "override /machine: printed"),
        (f"defaults: ['/task/inc@_global_']\n{TASK}", ENTRY % "/task/inc@_global_"),
        (f"defaults: ['inc@_here_']\n{TASK}", ENTRY % "inc@_here_"),
        (f"defaults: [optional inc: x]\n{TASK}", ENTRY % "optional inc: x"),
        (f"defaults: ['${{oc.env:HOME}}']\n{TASK}", ENTRY % "${{oc.env:HOME}}"),
        (f"defaults: inc\n{TASK}", "{d}/task/mine.yaml: defaults: expected a list such as [parity, _self_]"),
        ("- name: mine\n", "{d}/task/mine.yaml: expected a mapping such as name: mine"),
        (TASK.replace("name: mine", "name: no"),
         '{d}/task/mine.yaml: name: no would be read as "False"; expected text in quotes'),
        (TASK.replace("name: mine", "name: 1e3"),
         '{d}/task/mine.yaml: name: 1e3 would be read as "1000.0"; expected text in quotes'),
        (TASK.replace("name: mine", 'name: "a\\nb"'), f'task.name="a\\nb": {NAMES}'),
        (TASK.replace("name: mine", 'name: " "'), f'task.name=" ": {NAMES}'),
    ],
)  # fmt: skip
def test_a_task_file_sets_its_task_alone(command, tmp_path, text, told):
    refused(command, tmp_path, {"task/mine.yaml": text}, "task=mine", told=told)


@pytest.mark.parametrize("group", ["machine", "optimizer", "objective"])
def test_files_of_the_other_groups_set_their_group_alone(command, tmp_path, group):
    given = ("task=inc", f"{group}=mine")
    where = f"{{d}}/{group}/mine.yaml"
    told = f"{where}: # @package _global_: a {group} file sets {group} alone; expected no such line"
    refused(command, tmp_path, {f"{group}/mine.yaml": "# @package _global_\nname: ../x\n"}, *given, told=told)
    told = f"{where}: hydra: a {group} file sets {group} alone; hydra is given on the command line"
    refused(command, tmp_path, {f"{group}/mine.yaml": f"hydra: {{{CALLBACK}}}\n"}, *given, told=told)
    told = f"{where}: defaults: /hydra/callbacks: x: expected names of files in the folder {group}, and _self_"
    refused(command, tmp_path, {f"{group}/mine.yaml": "defaults: [/hydra/callbacks: x]\n"}, *given, told=told)


SETS = (
    "{d}/experiment/mine.yaml: %s: an experiment sets hydra.mode and hydra.sweeper.params; "
    "the rest is given on the command line"
)
CHOICE = (
    "{d}/experiment/mine.yaml: defaults: %s: "
    "expected names of files in the folder experiment or override /task: NAME, and _self_"
)
SWEEP = "{d}/experiment/mine.yaml: hydra.sweeper.params.%s"


@pytest.mark.parametrize(
    "text, told",
    [
        (f"hydra: {{{CALLBACK}}}\n", SETS % "hydra.callbacks"),
        ("hydra: {launcher: {_target_: os.getcwd}}\n", SETS % "hydra.launcher"),
        ("hydra: {sweeper: {_target_: os.getcwd}}\n", SETS % "hydra.sweeper._target_"),
        ("hydra: {run: {dir: /abs}}\n", SETS % "hydra.run"),
        ("hydra: {sweep: {dir: /abs}}\n", SETS % "hydra.sweep"),
        ("hydra: {searchpath: [/abs]}\n", SETS % "hydra.searchpath"),
        ("hydra: {job: {env_set: {PATH: /abs}}}\n", SETS % "hydra.job"),
        ("hydra: {job_logging: {version: 1}}\n", SETS % "hydra.job_logging"),
        ("hydra: {mode: MULTIRUN, output_subdir: x}\n", SETS % "hydra.output_subdir"),
        ("hydra: [1]\n", SETS % "hydra"),
        ("machine: {_target_: os.getcwd}\n",
         "{d}/experiment/mine.yaml: machine._target_: names code to run, expected values alone"),
        ("init: ${oc.env:HOME}\n",
         '{d}/experiment/mine.yaml: init: "${{oc.env:HOME}}" reads what is outside the configuration; '
         "expected a value"),
        ("hydra: {sweeper: {params: {hydra.callbacks.x._target_: os.getcwd}}}\n",
         SWEEP % "hydra.callbacks.x._target_: expected a key of the run, such as gamma"),
        ("hydra: {sweeper: {params: {++hydra.job.env_set.X: a}}}\n",
         SWEEP % "++hydra.job.env_set.X: expected a key of the run, such as gamma"),
        ("hydra: {sweeper: {params: {hydra/launcher: a}}}\n",
         SWEEP % "hydra/launcher: expected a key of the run, such as gamma"),
        ("hydra: {sweeper: {params: {limits.work: 1}}}\n",
         SWEEP % "limits.work: expected a key of the run, such as gamma"),
        ("hydra: {sweeper: {params: {gamma: [0.1, 0.3]}}}\n",
         SWEEP % "gamma: expected values by commas, such as gamma: 1,2"),
        ("hydra: {sweeper: {params: {name: '$\\{oc.env\\:HOME\\}'}}}\n",
         SWEEP % "name: expected values by commas, such as name: 1,2"),
        ("name: ../../x\n", "name=../../x: expected the name of one folder below results, such as mine"),
        ("save_weights: 2\n", "{d}/experiment/mine.yaml: save_weights: 2 expected true or false"),
    ],
)  # fmt: skip
def test_an_experiment_sets_the_run_and_its_grid(command, tmp_path, text, told):
    refused(command, tmp_path, {"experiment/mine.yaml": EXPERIMENT + text}, "experiment=mine", told=told)


@pytest.mark.parametrize(
    "entry",
    ["/hydra/launcher: x", "override /hydra/launcher: x", "/hydra/callbacks: x", "override /task@x: inc",
     "override /task: ../../x", "/task@machine: inc", "../run"],
)  # fmt: skip
def test_an_experiment_builds_on_experiments_and_options_alone(command, tmp_path, entry):
    text = f"# @package _global_\ndefaults: [{entry}]\n"
    refused(command, tmp_path, {"experiment/mine.yaml": text}, "task=inc", "experiment=mine", told=CHOICE % entry)


def test_an_experiment_without_its_first_line_is_told_so(command, tmp_path):
    told = "{d}/experiment/mine.yaml: the first line of an experiment is # @package _global_"
    refused(command, tmp_path, {"experiment/mine.yaml": "restarts: 2\n"}, "task=inc", "experiment=mine", told=told)


PLACE = (
    "{d}/%s: files of your own are in task, machine, optimizer, objective, learner or experiment; "
    "what is hydra's is given on the command line"
)


@pytest.mark.parametrize(
    "name, overrides",
    [
        ("hydra/callbacks/x.yaml", ["hydra/callbacks=x"]),
        ("hydra/launcher/evil.yaml", ["hydra/launcher=evil"]),
        ("hydra/launcher/basic.yaml", []),
        ("hydra/sweeper/basic.yaml", []),
        ("hydra/config.yaml", []),
        ("base_run.yaml", []),
    ],
)
def test_a_file_in_place_of_one_of_hydras_is_refused(command, tmp_path, name, overrides):
    files = {name: "_target_: os.getcwd\n"}
    refused(command, tmp_path, files, "task=mine", *overrides, told=PLACE % name)


def test_a_primary_configuration_beside_the_tasks_is_not_read(command, tmp_path):
    write(tmp_path / "d", {"task/mine.yaml": TASK, "run.yaml": f"hydra: {{{CALLBACK}}}\n"})
    answer = command("run", "--config-dir", "d", "task=mine", "--cfg", "all")
    assert answer.code == 0 and "pickle" not in answer.out


@pytest.mark.parametrize("option", ["../machine/printed", "../../d/task/mine", "/etc/passwd", "a//b", "."])
def test_a_group_has_names_and_no_paths(command, tmp_path, option):
    write(tmp_path / "d", {"task/mine.yaml": TASK, "machine/printed.yaml": "{}\n"})
    answer = command("run", "--config-dir", "d", f"task={option}")
    assert answer.code == 2 and answer.err.count("\n") == 1 and "Traceback" not in answer.err


def test_a_file_of_the_memorizer_passes_the_same_door(command, tmp_path):
    text = f"# @package _global_\nhydra: {{{CALLBACK}}}\n"
    write(tmp_path / "d", {"memorizer/experiment/mine.yaml": text})
    answer = command("run", "--config-dir", "d", "experiment=mine")
    told = (SETS % "hydra.callbacks").format(d=tmp_path / "d" / "memorizer")
    assert (answer.code, answer.err) == (2, f"neurocomp: {told}\n")


def test_python_passes_the_same_door(tmp_path):
    write(tmp_path, {"task/mine.yaml": f"# @package _global_\nhydra: {{{CALLBACK}}}\n"})
    with pytest.raises(UserError, match="a task file sets task alone"):
        configure(["task=mine"], str(tmp_path))


def test_what_only_shows_passes_the_same_door(command, tmp_path):
    write(tmp_path / "d", {"task/mine.yaml": f"# @package _global_\nhydra: {{{CALLBACK}}}\n"})
    for flags in (["--cfg", "job"], ["--cfg", "all", "--resolve"], ["--info"], ["--info", "config"]):
        answer = command("run", "--config-dir", "d", "task=mine", *flags)
        told = (ALONE % "_global_").format(d=tmp_path / "d")
        assert (answer.code, answer.err) == (2, f"neurocomp: {told}\n")


# --- the door for YAML

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{this}: &{this} [{','.join([f'*{last}'] * 9)}]\n" for last, this in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text, told",
    [
        (BOMB, ", line 6: more than 100,000 values with its aliases written out, expected fewer"),
        ("memory: &a [*a]\n", ", line 1: *a: nothing before it is called &a"),
        ("memory: " + "[" * 60 + "]" * 60, ", line 1: more than 50 levels of lists and mappings, expected fewer"),
        ("name: !!python/object/apply:os.getcwd []\n",
         ", line 1: tag tag:yaml.org,2002:python/object/apply:os.getcwd, expected plain data without tags"),
        ("%TAG ! tag:yaml.org,2002:python/\n---\nname: !name:os.getcwd ''\n",
         ", line 3: tag tag:yaml.org,2002:python/name:os.getcwd, expected plain data without tags"),
        ("name: !!python/object/apply:pathlib.Path [x]\n",
         ", line 1: tag tag:yaml.org,2002:python/object/apply:pathlib.Path, expected plain data without tags"),
        ("name: !mine x\n", ", line 1: tag !mine, expected plain data without tags"),
        ("name: mine\n---\nname: other\n", ", line 2: a second document begins, expected one"),
        ("name: mine\nname: other\n", ", line 2: found duplicate key name"),
        ('name: mine\n"n\\x61me": other\n', ", line 2: found duplicate key name"),
        ("name: [1\n", ", line 2: expected ',' or ']', but got '<stream end>'"),
        (b"name: \xff\n", ": not UTF-8 text (byte 7)"),
        (" " * 300_000, ": has 300,000 bytes, expected at most 262,144"),
        ("steps: " + "9" * 5000, ": Exceeds the limit (4300 digits) for integer string conversion: value has 5000 "
         "digits; use sys.set_int_max_str_digits() to increase the limit"),
    ],
)  # fmt: skip
def test_a_yaml_file_is_plain_data_of_a_size_that_a_person_writes(command, tmp_path, text, told):
    refused(command, tmp_path, {"task/mine.yaml": text}, "task=mine", told="{d}/task/mine.yaml" + told)


# --- what goes on working


def test_a_task_of_ones_own_may_build_on_another_and_refer_to_its_keys(tmp_path):
    files = {
        "task/other.yaml": "defaults: [mine, _self_]\n\n# a comment\nlines: ${task.registers}\nregisters: 4\n",
        "task/mine.yaml": f"# @package task\n{TASK}",
        "task/deep/third.yaml": "defaults: [inc, _self_]\nname: x\n",
    }
    write(tmp_path, files)
    task = configure(["task=other"], str(tmp_path)).task
    assert (task.name, task.lines, task.registers, task.base) == ("mine", 4, 4, 6)
    assert configure(["task=deep/third"], str(tmp_path)).task.program == "inc"


def test_an_experiment_of_ones_own_may_set_keys_options_and_a_grid(tmp_path):
    text = (
        "# @package _global_\ndefaults:\n  - base\n  - override /task: mine\n  - override /machine: printed\n"
        "  - _self_\n\nrestarts: 7\ntask: {base: 8}\nresults: here\n"
        "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      gamma: range(0.1,0.4,0.1)\n      seed: 1\n"
    )
    base = "# @package _global_\nname: mine\nrestarts: 3\n"
    write(tmp_path, {"task/mine.yaml": TASK, "experiment/mine.yaml": text, "experiment/base.yaml": base})
    cells = compose_cells(Namespace(overrides=["experiment=mine"], config_dir=str(tmp_path), multirun=False))
    assert [cell.config.gamma for cell in cells] == [0.1, 0.2, 0.3]
    config = cells[0].config
    assert (config.restarts, config.task.base, config.name, config.results) == (7, 8, "mine", "here")
    assert (config.machine.halting, config.seed) == ("printed", 1)


def test_what_is_typed_about_hydra_stays_allowed_beside_files_of_ones_own(command, tmp_path):
    write(tmp_path / "d", {"task/mine.yaml": TASK})
    answer = command("run", "--config-dir", "d", "task=mine", "hydra/launcher=basic", "hydra.job.name=x", "restarts=1",
                     "optimizer.updates=1", "hydra.run.dir=elsewhere")  # fmt: skip
    assert answer.code == 0, answer.err


def test_a_name_that_a_shipped_file_has_is_not_taken_twice(command, tmp_path):
    told = "task=inc: {d}/task/inc.yaml has the name of a shipped task, expected another name"
    refused(command, tmp_path, {"task/inc.yaml": TASK}, "task=inc", told=told)


def test_a_yml_file_is_named(command, tmp_path):
    told = "task=other: {d}/task/other.yml has to be called other.yaml"
    refused(command, tmp_path, {"task/other.yml": TASK}, "task=other", told=told)
