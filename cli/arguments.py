"""The commands' arguments: argparse whose complaints are one line, with numbers as `neurocomp.text` reads them."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from neurocomp.errors import UserError, did_you_mean
from neurocomp.text import real_number, whole_number

NEGATIVE = re.compile(r"-\.?[0-9]")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UserError where others print how they are used, and exit."""

    given: Sequence[str] = ()

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **{"formatter_class": argparse.RawDescriptionHelpFormatter} | settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.given = list(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise UserError with argparse's message, in our words where they are clearer."""
        message = message.removeprefix("argument ")
        option, _, wrong = message.partition(": ")
        if wrong == "expected one argument" and (value := self._negative_value(option)):
            raise UserError(f"{option} {value}: a value that begins with - is given as {option}={value}")
        if option == "the following arguments are required":
            message = f"{wrong}: has to be given"
        raise UserError(f"{message}; {self.prog} --help says more")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is none of the `choices`."""
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            hint = f"expected one of {', '.join(known)}{did_you_mean(str(value), known)}"
            raise argparse.ArgumentError(action, f'"{value}" is not there, {hint}')

    def _negative_value(self, option: str) -> str | None:
        """What follows the option on the command line, if it begins as a negative number does."""
        pairs = zip(self.given, self.given[1:], strict=False)
        return next((value for word, value in pairs if word == option and NEGATIVE.match(value)), None)


def whole(text: str) -> int:
    """For `type=`: a whole number in ASCII digits."""
    number = whole_number(text)
    if number is None:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number, expected one such as 12')
    return number


def real(text: str) -> float:
    """For `type=`: a finite number in ASCII digits."""
    number = real_number(text)
    if number is None or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number, expected one such as 0.3')
    return number
