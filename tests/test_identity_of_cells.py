"""What a cell is: its hash, its name, and the code that made its rows."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field, replace

import pytest

from neurocomp.config import UNHASHED, LimitsConfig, RunConfig, unhashed_while
from neurocomp.memorizer.config import MemorizerConfig, TrainingConfig
from neurocomp.results import identity
from neurocomp.results import provenance as provenance_module
from neurocomp.results.identity import cell_name, config_hash, hashed, unhashed
from neurocomp.results.provenance import provenance
from tests.jobs import cell_path
from tests.test_tasks import shipped


def test_equal_configurations_have_equal_hashes_and_others_do_not(monkeypatch):
    one = {"task": {"registers": {10: "n", 4: 2}}, "gamma": 1.0, "steps": (1, 2), "clip": None, "on": True}
    same = {"on": True, "clip": None, "steps": [1, 2], "gamma": 1, "task": {"registers": {"4": 2, "10": "n"}}}
    assert config_hash(one) == config_hash(same)
    assert len(config_hash(one)) == 16 and set(config_hash(one)) <= set("0123456789abcdef")
    others = [{**one, "gamma": 0.3}, {**one, "clip": 0}, {**one, "on": False}, {**one, "more": None}]
    assert len({config_hash(other) for other in [one, *others]}) == 5
    before = config_hash(one)
    monkeypatch.setattr(identity, "SEMANTICS", identity.SEMANTICS + 1)
    assert config_hash(one) != before


@dataclass
class Inside:
    kind: str = field(default="old", metadata=unhashed_while("old"))
    folder: str = field(default="here", metadata=UNHASHED)


@dataclass
class Outside:
    size: int = 3
    inside: Inside = field(default_factory=Inside)
    limits: Inside = field(default_factory=Inside, metadata=UNHASHED)


def test_a_field_is_hashed_unless_it_says_otherwise():
    assert hashed(Outside()) == {"size": 3, "inside": {}}
    assert hashed(Outside(inside=Inside("new", "there"))) == {"size": 3, "inside": {"kind": "new"}}
    assert list(unhashed(Outside())) == ["inside.folder", "limits."]


# How much is computed, where, and what is kept of it.
CIRCUMSTANCES = {"restarts": 7, "threads": 1, "only": 2, "name": "other", "limits": LimitsConfig(9.0, 1e15)}
KEPT = {"save_weights": True}


@pytest.mark.parametrize("more", [{"chunk": 3}, {"measure": "hard"}, {"save_curves": True}, CIRCUMSTANCES, KEPT])
def test_circumstances_make_no_other_cell(more):
    given = RunConfig(shipped("map_inc"), init="map_inc")
    assert cell_path(replace(given, **more)).name == cell_path(given).name


@pytest.mark.parametrize("more", [{"training": TrainingConfig(save_every=1.0)}, CIRCUMSTANCES, KEPT])
def test_circumstances_make_no_other_cell_of_the_memorizer(more):
    assert cell_path(replace(MemorizerConfig(), **more)).name == cell_path(MemorizerConfig()).name


def test_a_cell_is_named_after_what_it_is():
    digest = "0123456789abcdef"
    assert cell_name("map_inc", "map_dec", 0.3, 0, digest) == "map_inc-map_dec-g0.3-s0-0123456789"
    assert cell_name("fib", "../my programs/v1.2.asm", 1.0, 12, digest) == "fib-v1.2-g1-s12-0123456789"
    assert "/" not in cell_name("a/b", "random", 0.03, 0, digest)


def git(directory, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with the package in it, and provenance() asked as if the code ran from there."""
    package = tmp_path / "repository" / "neurocomp"
    package.mkdir(parents=True)
    (package / "results.py").write_text("one\n")
    git(package.parent, "init", "-q")
    monkeypatch.setattr(provenance_module, "__file__", str(package / "results.py"))
    provenance.cache_clear()
    yield package.parent
    provenance.cache_clear()


def test_provenance_names_the_commit_and_changed_code_but_not_results(checkout):
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "first")
    commit = git(checkout, "rev-parse", "HEAD").stdout.strip()
    (checkout / "results").mkdir()
    (checkout / "results" / "new.csv").write_text("rows\n")
    assert provenance() == (commit, False)
    (checkout / "neurocomp" / "results.py").write_text("two\n")
    provenance.cache_clear()
    assert provenance() == (commit, True)


def test_a_package_inside_a_repository_of_something_else_has_no_provenance(checkout):
    (checkout / "README").write_text("something else\n")
    git(checkout, "add", "README")
    git(checkout, "commit", "-qm", "first")
    assert provenance() == ("", None)


def test_a_package_outside_any_repository_has_no_provenance(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance_module, "__file__", str(tmp_path / "results.py"))
    provenance.cache_clear()
    assert provenance() == ("", None)
    provenance.cache_clear()
