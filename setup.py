"""Installs the top-level folders cli/ and configs/ as neurocomp.cli and neurocomp.configs."""

from setuptools import find_packages, setup

MOVED = {"cli": "neurocomp.cli", "configs": "neurocomp.configs"}


def moved_packages() -> list[str]:
    """`neurocomp.cli`, `neurocomp.configs` and the packages below them (`configs/task` has only YAML files)."""
    return [f"neurocomp.{name}" for name in find_packages(include=["cli*", "configs*"])]


setup(
    packages=find_packages(include=["neurocomp*"]) + moved_packages(),
    package_dir={new: old for old, new in MOVED.items()},
)
