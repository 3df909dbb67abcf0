"""Libraries: abstractions as a YAML file that people can edit.

    abstractions:
      scan:
        holes: {f: operator, last: fixed}
        body: iterate(f(elem, read(inc(index))), last)
        origin:
          programs: ["prefix_sum: iterate(add(elem, read(inc(index))), r4)"]
          saved: 111006

A body may use the abstractions of its file, in any order. `holes` and `origin` may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from neurocomp.errors import UserError, accepted_instead, did_you_mean
from neurocomp.synthesis.grammar import KINDS, check_body
from neurocomp.synthesis.language import LANGUAGE, Abstraction, Language, Origin, is_inside, row_of
from neurocomp.synthesis.terms import REGISTER, Term, parse_term, terms_in
from neurocomp.text import elided, visible
from neurocomp.yaml_files import read_yaml_text, yaml_problem

NAME = re.compile(r"[A-Za-z_]\w{0,39}", re.ASCII)
RESERVED = ("index", "elem")
SHIPPED = Path(__file__).parent / "libraries"
MOST = 100  # abstractions of a file; a search tries each of them at every place


def language_of(library: str | None, directory: Path | None = None) -> Language:
    """The language of `synthesis.library`; without one LANGUAGE. A file is looked up here, then in `directory`.

    The shipped ones are known by their names.
    """
    if library is None:
        return LANGUAGE
    path = Path(library)
    if directory is not None and not path.exists() and (directory / path).exists():
        path = directory / path
    if not path.is_file() and path.name == library and (shipped := SHIPPED / f"{library}.yaml").exists():
        path = shipped
    return read_library(path)


def read_library(path: Path) -> Language:
    """The language with the abstractions of a file. Raises UserError, a line that names the file and what is wrong."""
    text = read_yaml_text(path)
    try:
        tree: object = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UserError(yaml_problem(error, str(path))) from None
    except ValueError as error:  # a date such as 2001-02-30
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    try:
        return Language(tuple(_abstractions(tree)))
    except UserError as error:
        raise UserError(f"{path}: {visible(str(error))}") from None


def library_text(language: Language) -> str:
    """The text of such a file."""
    tree = {one.name: _written(one) for one in language.abstractions}
    return yaml.safe_dump({"abstractions": tree}, sort_keys=False, allow_unicode=True, width=10_000)


def _written(one: Abstraction) -> dict[str, Any]:
    found: dict[str, Any] = {"holes": dict(one.holes)} if one.holes else {}
    found["body"] = str(one.body)
    origin = {"programs": list(one.origin.programs)} if one.origin.programs else {}
    origin |= {} if one.origin.saved is None else {"saved": one.origin.saved}
    return found | ({"origin": origin} if origin else {})


class _Loader(yaml.SafeLoader):
    """A key that stands twice is refused: YAML itself would forget the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f'"{key.value}" stands twice', problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


def _abstractions(tree: object) -> Iterator[Abstraction]:
    """The abstractions of a file's values, in their order. Raises UserError."""
    found = _keys(tree, ("abstractions",), "the file").get("abstractions")
    if not isinstance(found, dict) or not found:
        raise UserError("no abstractions, expected some under the key abstractions, by their names")
    given = cast("dict[Any, Any]", found)
    if len(given) > MOST:
        raise UserError(f"{len(given):,} abstractions, expected at most {MOST}")
    read = {str(name): _read(name, entry) for name, entry in given.items()}
    checked: dict[str, Abstraction] = {}
    for name in read:
        _check(name, read, checked, ())
    return iter([checked[name] for name in read])


def _read(name: Any, entry: Any) -> Abstraction:
    """An abstraction as it is written; whether its body is a term of the language is not looked at."""
    where = f'abstraction "{elided(str(name), 60)}"'
    try:
        _check_name(name, list(LANGUAGE.rows))
        entry = _keys(entry, ("holes", "body", "origin"), "it")
        if not isinstance(entry.get("body"), str):
            raise UserError(f"body is {_shown(entry.get('body'))}, expected text such as map(inc(elem))")
        return Abstraction(str(name), _holes(entry.get("holes")), _body(entry["body"]), _origin(entry.get("origin")))
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _body(text: str) -> Term:
    try:
        return parse_term(text)
    except UserError as error:
        raise UserError(f"body{str(error).removeprefix('template')}") from None


def _check(name: str, read: dict[str, Abstraction], checked: dict[str, Abstraction], users: tuple[str, ...]) -> None:
    """Add an abstraction to those that are checked, after those that its body uses."""
    if name in checked:
        return
    if name in users:
        circle = " uses ".join([*users[users.index(name) :], name])
        raise UserError(f'abstraction "{name}": {circle}, expected none that uses itself')
    one = read[name]
    for term in terms_in(one.body):
        if term.name in read and term.name not in dict(one.holes):
            _check(term.name, read, checked, (*users, name))
    try:
        _check_one(one, Language(tuple(checked.values())), list(read))
    except UserError as error:
        raise UserError(f'abstraction "{name}": {error}') from None
    checked[name] = one


def _check_one(one: Abstraction, language: Language, names: list[str]) -> None:
    """Raise UserError unless the abstraction is made of the language's rows and of each of its holes."""
    holes = dict(one.holes)
    for hole in holes:
        _check_name(hole, [*language.rows, *names], "hole ")
    if unused := holes.keys() - {term.name for term in terms_in(one.body)}:
        raise UserError(f"hole {min(unused)} is not in the body, expected each hole there")
    check_body(one.body, holes, is_inside(one.body, language.rows), language)
    row_of(one, language.rows)  # its expansion may be too large


def _check_name(name: Any, taken: list[str], what: str = "") -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(f"{what}{_shown(name)}: expected a name of at most 40 letters, digits and _, no digit first")
    if name in RESERVED or REGISTER.fullmatch(name) or name in taken:
        raise UserError(f"{what}{name}: there is one of this name, expected another name")


def _holes(given: Any) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, dict):
        raise UserError(f"holes is {_shown(given)}, expected their names and kinds, such as {{x: each word}}")
    holes = cast("dict[Any, Any]", given)
    for name, kind in holes.items():
        if kind not in KINDS:
            hint = did_you_mean(str(kind), KINDS)
            raise UserError(f"hole {_shown(name)} is of kind {_shown(kind)}, expected one of {', '.join(KINDS)}{hint}")
    return tuple(holes.items())


def _origin(given: Any) -> Origin:
    if given is None:
        return Origin()
    origin = _keys(given, Origin._fields, "origin")
    programs, saved = origin.get("programs") or [], origin.get("saved")
    if not isinstance(programs, list) or any(accepted_instead(one, str) for one in cast("list[Any]", programs)):
        raise UserError(f"origin: programs is {_shown(programs)}, expected a list of text")
    if saved is not None and not (type(saved) is int and abs(saved) < 2**63):
        raise UserError(f"origin: saved is {_shown(saved)}, expected a whole number")
    return Origin(tuple(cast("list[str]", programs)), saved)


def _keys(given: Any, known: tuple[str, ...], what: str) -> dict[str, Any]:
    """The mapping itself, if it has these keys at most."""
    if not isinstance(given, dict):
        raise UserError(f"{what} is {_shown(given)}, expected the keys {', '.join(known)}")
    for key in cast("dict[Any, Any]", given):
        if key not in known:
            raise UserError(
                f"{what} has a key {_shown(key)}, expected {', '.join(known)}{did_you_mean(str(key), known)}"
            )
    return cast("dict[str, Any]", given)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f'"{elided(str(value), 60)}"'
