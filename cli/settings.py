"""The cells of a grid that choose the same files: composed once, then values are set in the dataclasses.

Hydra's own way, applying each cell's overrides to a copy of the whole configuration, takes 20 times as long.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import is_dataclass, replace
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.types import OverrideType
from omegaconf import DictConfig, OmegaConf

from neurocomp.cli.as_written import typed_places
from neurocomp.cli.grids import parse_overrides, plain_number
from neurocomp.cli.machines import Config
from neurocomp.errors import UserError, checked


def to_config(composed: DictConfig) -> Config:
    """The dataclasses, their ranges checked; a key that only Hydra's `+` could have added is an error."""
    config: Any = OmegaConf.to_object(composed)  # of the schema that the tree's first file names
    return checked(config)


class Settings:
    """A composed configuration, to which values are given cell by cell."""

    def __init__(self, composed: DictConfig):
        self._composed = composed
        self._values: dict[str, tuple[list[str], Any]] = {}  # by override: the key's parts, and its checked value
        text = str(OmegaConf.to_container(composed, resolve=False))
        self._base: Any = None
        if "${" not in text and "???" not in text:  # else a value may change others, or make the rest complete
            with contextlib.suppress(UserError):  # it may be right with the values only
                self._base = to_config(copy.deepcopy(composed))
        self._kinds = typed_places(type(self._base)) if self._base is not None else {}

    def config(self, words: list[str]) -> Config:
        """The configuration with these overrides, as Hydra would compose it."""
        with contextlib.suppress(
            UserError
        ):  # two values may be wrong alone and right together; Hydra says what is wrong
            config = self._base
            for word in words if config is not None else ():
                if (found := self._value(word)) is None:
                    break
                config = _with(config, *found)
            else:
                if config is not None:
                    return config
        return self._as_hydra_does(words)

    def _as_hydra_does(self, words: list[str]) -> Config:
        job = copy.deepcopy(self._composed)
        ConfigLoaderImpl._apply_overrides_to_config(parse_overrides(words), job)
        return to_config(job)

    def _value(self, word: str) -> tuple[list[str], Any] | None:
        """Where an override's value goes and what it is; None if it is not one value of one key."""
        if (plain := plain_number(word)) and self._kinds.get(plain[0]) is type(plain[1]):
            return plain[0].split("."), plain[1]  # a sweep over seeds has 10^5 of these, each different
        if word not in self._values:
            (override,) = parse_overrides([word])
            place = override.key_or_group.split(".")
            if override.type != OverrideType.CHANGE or not _is_value(self._base, place):
                return None
            self._values[word] = place, _at(self._as_hydra_does([word]), place)
        return self._values[word]


def _at(config: Any, place: list[str]) -> Any:
    for name in place:
        config = getattr(config, name)
    return config


def _is_value(config: Any, place: list[str]) -> bool:
    """Whether a key is that of one value of the dataclasses, which no other key is part of."""
    for name in place:
        if not is_dataclass(config) or not hasattr(config, name):
            return False
        config = getattr(config, name)
    return not is_dataclass(config) and not isinstance(config, dict)


def _with(config: Any, place: list[str], value: Any) -> Any:
    """A copy of the configuration with this value; its ranges are checked again."""
    name, *rest = place
    return replace(config, **{name: _with(getattr(config, name), rest, value) if rest else value})
