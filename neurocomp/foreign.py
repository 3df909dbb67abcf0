"""Guesses at the kind of a file that is not of the kind that was expected, for messages."""

from __future__ import annotations

import json
import re

from neurocomp.text import lines

MAGIC = (
    (b"PK\x03\x04", "a zip archive (PyTorch's .pt files are some)"),
    (b"\x7fELF", "a program for this machine (ELF)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "text in UTF-16, expected UTF-8"),
    (b"\xfe\xff", "text in UTF-16, expected UTF-8"),
)
SAFETENSORS = re.compile(rb".{7}\x00\{", re.DOTALL)  # the length of the header, then the header as JSON
NUMBERS = re.compile(r"[\s,]*-?\d+(?:[\s,]+-?\d+)*[\s,]*", re.ASCII)
SUBLEQ = re.compile(r"\[\s*\d+\s*\]\s*=.*|(?:[A-Za-z_]\w*\s*:\s*)?\d+\s+\d+\s+\w+", re.ASCII)
KEY = re.compile(r"[A-Za-z_][\w.]*:(?: .*)?|\s+\S.*|- .*|---", re.ASCII)
OURS = re.compile(r"(name|base|registers|lines|steps|length|defaults|task|restarts|seed) *:")  # keys of task files
LOOKED_AT = 200  # lines


def binary(data: bytes) -> str | None:
    """The kind of a file by its first bytes; None if it may be text."""
    if is_safetensors(data):
        return "a file of weights (safetensors); neurocomp decompile reads those of compile"
    return next((what for magic, what in MAGIC if data.startswith(magic)), None) or (
        "no text at all" if b"\0" in data[:1000] else None
    )


def is_safetensors(data: bytes) -> bool:
    """Whether a file begins as those of the safetensors library do."""
    return SAFETENSORS.match(data) is not None


def numbers(text: str) -> list[list[int]] | None:
    """The numbers on each line, if there is nothing else but comments; None otherwise."""
    rows = _statements(text)
    if not rows or not all(len(row) < 10**6 and NUMBERS.fullmatch(row) for row in rows):
        return None
    return [[int(word[:4000]) for word in re.findall(r"-?\d+", row)] for row in rows]


def other_text(text: str) -> str | None:
    """A guess at the kind of a text that is no program in any language of ours; None if there is none."""
    start = text.lstrip()[:1]
    if start == "{" or (start == "[" and not SUBLEQ.fullmatch(text.lstrip().partition("\n")[0].rstrip())):
        return "JSON" if _is_json(text) else None
    rows = _statements(text)[:LOOKED_AT]
    if start == "<":
        return "HTML or XML"
    if text.startswith("#!") or any(re.match(r"(import|from|def|class) \w+", row) for row in rows):
        return "a script"
    commas = {row.count(",") for row in rows}
    if len(rows) > 1 and len(commas) == 1 and commas != {0}:
        return "a CSV file"
    if rows and all(KEY.fullmatch(row) for row in rows) and any(map(OURS.match, rows)):
        return "YAML"
    return None


def is_subleq(text: str) -> bool:
    """Whether most lines are a subleq instruction or a data word, and some line is an instruction."""
    rows = _statements(text)[:LOOKED_AT]
    found = [row for row in rows if SUBLEQ.fullmatch(row.strip())]
    return 2 * len(found) > len(rows) and any(not row.strip().startswith("[") for row in found)


def _is_json(text: str) -> bool:
    first = next((line for line in lines(text) if line.strip()), "")
    for candidate in (text, first):  # JSON, or JSON lines
        try:
            json.loads(candidate)
            return True
        except (ValueError, RecursionError):
            continue
    return False


def _statements(text: str) -> list[str]:
    """The lines that hold something, without comments."""
    return [row for line in lines(text) if (row := line.partition("#")[0].rstrip()).strip()]
