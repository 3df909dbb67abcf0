"""What the shell completes: commands, options, their values, keys and theirs, tasks, programs, folders, cells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import completion


@pytest.mark.parametrize(
    "line, expected",
    [
        (
            "neurocomp ",
            "run readings synth learn solve table plot report export show compare exec trace subleq compile decompile "
            "bench",
        ),
        ("neurocomp ex", "exec export"),
        ("neurocomp run tas", "task. task="),
        ("neurocomp run task=map_", "task=map_dec task=map_inc"),
        ("neurocomp run task=corpus/prefix", "task=corpus/prefix_sum task=corpus/prefix_sum_twice"),
        ("neurocomp learn c", "corpus"),
        ("neurocomp learn task=corpus/prefix", "task=corpus/prefix_sum task=corpus/prefix_sum_twice"),
        ("neurocomp learn corpus exam", "examples="),
        ("neurocomp run task=inc machine=p", "machine=paper_best machine=printed"),
        ("neurocomp run -m gam", "gamma="),
        ("neurocomp run opt", "optimizer. optimizer="),
        ("neurocomp exec map_i", "map_inc"),
        ("neurocomp trace map_i", "map_inc"),
        ("neurocomp table ", "table1 transfer gamma arena abstractions programs readings memorization soft_programs"),
        ("neurocomp table table1 ", ""),
        ("neurocomp table --metric soft gam", "gamma"),
        ("neurocomp table table1 --met", "--metric"),
        ("neurocomp table table1 --metric ", "soft hard fit general"),
        ("neurocomp table table1 --format=", "--format=md --format=csv --format=latex"),
        ("neurocomp export t", "tensorboard"),
        ("neurocomp plot a", "arena arena_profile"),
        ("neurocomp run --c", "--config-dir --cfg"),
        ("neurocomp run task=inc --cfg ", "job"),
        ("neurocomp run method=s", "method=synthesize method=solver"),
        ("neurocomp run task=inc optimizer.stop=", "optimizer.stop=validated optimizer.stop=fit"),
        ("neurocomp run save_weights=", "save_weights=true save_weights=false"),
        ("neurocomp run init=map_", "init=map_inc init=map_dec"),
        ("neurocomp run -m init=random,map_", "init=random,map_inc init=random,map_dec"),
        ("neurocomp run experiment=memo", "experiment=memorization experiment=memorization_constant"),
        ("neurocomp run experiment=memorization prog", "programs="),
        ("neurocomp run experiment=memorization training.opt", ""),
        ("neurocomp run --help gam", "gamma"),
        ("neurocomp synth task=map_i", "task=map_inc"),
        ("neurocomp synth task=fib --t", "--top --template"),
        ("neurocomp solve task=fib optim", "optimizer. optimizer="),
        ("neurocomp bench --engines ", "eager fused jax"),
        ("neurocomp readings scr", "screen="),
        ("neurocomp readings engine=", "engine=auto engine=eager engine=fused"),
        ("neurocomp show --where rate_", "rate_soft= rate_hard= rate_fit= rate_general="),
        ("neurocomp show --sort -h", "-hard"),
        ("neurocomp decompile ", ""),
        ("neurocomp compile map_inc --ou", "--out"),
        ("neurocomp compile map_inc --jump-target ", "line operand value"),
        ("neurocomp --v", "--version"),
        ("neurocomp nonsense ", ""),
    ],
)
def test_completion(command, monkeypatch, line, expected):
    monkeypatch.setenv("COMP_LINE", line)
    assert set(command("-sc", "query=bash").out.split()) == set(expected.split())


def test_completion_of_report_offers_the_folders_that_have_rows(command, monkeypatch, tmp_path):
    for path in ("table1/a.csv", "gamma/b.csv", "gamma/c.csv", "figures/d.png"):
        (tmp_path / "results" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / path).touch()
    monkeypatch.setenv("COMP_LINE", "neurocomp report results/")
    assert command("-sc", "query=bash").out.split() == ["results/gamma", "results/table1"]


def test_completion_installs_itself_for_the_command(command):
    answer = command("-sc", "install=bash")
    assert answer.code == 0
    assert answer.out.rstrip().endswith("neurocomp")


def test_cells_and_folders_are_those_that_are_there(command, monkeypatch, tmp_path):
    for path in ("table1/fib-a.csv", "table1/fib-a.yaml", "table1/fib-curves.csv"):
        (tmp_path / "results" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / path).touch()
    for line, offered in (("compare fib", "fib-a"), ("show --results res", "results/table1"),
                          ("report results/table1 --restarts fib", "fib-a")):  # fmt: skip
        monkeypatch.setenv("COMP_LINE", f"neurocomp {line}")
        assert command("-sc", "query=bash").out.split() == [offered], line


def test_a_folder_of_own_tasks_is_completed_too(command, monkeypatch, tmp_path):
    (tmp_path / "mine" / "task").mkdir(parents=True)
    (tmp_path / "mine" / "task" / "exchange.yaml").write_text("name: exchange\n")
    monkeypatch.setenv("COMP_LINE", f"neurocomp run --config-dir {tmp_path}/mine task=exch")
    assert command("-sc", "query=bash").out.split() == ["task=exchange"]


def test_options_that_are_written_down_are_those_of_the_commands():
    from cli.learn import _parser
    from cli.run import parser

    options = [text for action in _parser()._actions for text in action.option_strings]
    assert set(completion.OPTIONS["learn"]) == set(options) - {"-h"}
    assert set(completion.OPTIONS["run"]) < {text for action in parser()._actions for text in action.option_strings}


def test_every_command_answers(command, monkeypatch):
    for name in completion.COMMANDS:
        monkeypatch.setenv("COMP_LINE", f"neurocomp {name} --")
        answer = command("-sc", "query=bash")
        assert answer.code == 0 and "--help" in answer.out.split(), name


def in_bash(line: str, tmp_path: Path) -> list[str]:
    """What bash offers at the end of the line, once the script is installed."""
    program = tmp_path / "bin" / "neurocomp"
    program.parent.mkdir(exist_ok=True)
    code = "from neurocomp.cli.main import main; raise SystemExit(main())"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    script = f"""
        eval "$(neurocomp -sc install=bash)"
        COMP_LINE={line!r} COMP_POINT={len(line)}
        COMP_WORDS=($COMP_LINE); [[ $COMP_LINE == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        hydra_bash_completion; printf '%s\n' "${{COMPREPLY[@]}}"
    """
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}",
                                "PYTHONPATH": os.pathsep.join(sys.path)}  # fmt: skip
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=120)
    return sorted(done.stdout.split())


@pytest.mark.parametrize(
    "line, offered",
    [
        ("neurocomp pl", "plot"),
        ("neurocomp plot arena", "arena arena_profile"),
        ("neurocomp run task=map_", "task=map_dec task=map_inc"),
        ("neurocomp table table1 --metric ", "fit general hard soft"),
    ],
)
def test_bash_offers_them(tmp_path, line, offered):
    assert in_bash(line, tmp_path) == offered.split()
