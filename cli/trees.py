"""The two trees of configuration files: the differentiable machine's, and the memorizer's below `memorizer/`.

A command line is of the tree that its `experiment=` lies in; without one it is of the first.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple

CONFIG_NAME = "run"


class Tree(NamedTuple):
    """Where Hydra finds the files, and the folder in which --config-dir may have more of them."""

    module: str
    folder: str


MACHINE = Tree("pkg://neurocomp.configs", "")
MEMORIZER = Tree("pkg://neurocomp.configs.memorizer", "memorizer")


def tree_of(overrides: list[str], config_dir: str | None = None) -> Tree:
    """The tree that these overrides are about."""
    named = [word.partition("=")[2] for word in overrides if word.startswith("experiment=")]
    return MEMORIZER if named and named[-1] in memorizer_experiments(config_dir) else MACHINE


def memorizer_experiments(config_dir: str | None = None) -> list[str]:
    """The memorizer's experiments, those below --config-dir among them."""
    folders = [resources.files("neurocomp.configs.memorizer") / "experiment"]
    if config_dir is not None and (own := Path(config_dir) / MEMORIZER.folder / "experiment").is_dir():
        folders.append(own)
    return sorted(
        {
            file.name.removesuffix(".yaml")
            for folder in folders
            for file in folder.iterdir()
            if file.name.endswith(".yaml")
        }
    )
