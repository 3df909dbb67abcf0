"""The expansions of abstractions, written as terms: what an abstraction of these arguments stands for."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neurocomp.synthesis.compiled.functions import WordFunctions
from neurocomp.synthesis.compiled.functions_kernel import A_HOLE, A_LEAF, A_READ, AN_APPLICATION
from neurocomp.synthesis.compiled.shapes import Shapes
from neurocomp.synthesis.compiled.terms import Block, Terms
from neurocomp.synthesis.compiled.variables_kernel import NONE
from neurocomp.synthesis.construct import OPERATOR, STATEMENT, WORD, Construct
from neurocomp.synthesis.language import Rows
from neurocomp.synthesis.terms import Term


class Node(NamedTuple):
    """A term of a body. It has a `row`, or is a leaf, or stands for the argument with the number `hole`.

    A hole for an operator may have arguments. `arguments` are the numbers of nodes before it.
    """

    term: Term
    row: Construct | None
    hole: int | None
    arguments: tuple[int, ...]
    is_name: bool  # of an operation: no word


def nodes_of(body: Construct, rows: Rows) -> list[Node]:
    """The terms of an abstraction's body, each after its arguments."""
    nodes: list[Node] = []

    def add(term: Term, kind: str) -> int:
        row = None if kind == OPERATOR else rows.get(term.name)
        hole = body.holes.index(term.name) if term.name in body.holes else None
        count = len(term.arguments)
        kinds = row.kinds(count) if row else (WORD,) * count
        inner = tuple([add(argument, kind) for argument, kind in zip(term.arguments, kinds or (), strict=True)])
        nodes.append(Node(term, row, hole, inner, kind == OPERATOR))
        return len(nodes) - 1

    assert body.body is not None
    add(body.body, "")
    return nodes


class Expansions:
    """Writes what abstractions stand for."""

    def __init__(self, terms: Terms, shapes: Shapes, functions: WordFunctions, rows: Rows):
        self.terms, self.shapes, self.functions, self.rows = terms, shapes, functions, rows
        self.nodes = functools.cache(lambda name: nodes_of(rows[name], rows))
        self.leaf = functools.cache(terms.leaf)

    def write(self, row: Construct, arguments: np.ndarray) -> np.ndarray:
        """Write an abstraction of these arguments [K, n], and what each stands for; the rows [K] of the former."""
        plain = np.zeros(len(arguments), np.int32)
        for part, nodes in self._parts(row, arguments):
            plain[part] = self._written(nodes, arguments[part])
        rows = self.terms.write_named(self.terms.head(row.name, construct=True), arguments, plain)
        self.terms.keep(len(rows))
        return rows

    def needs(self, row: Construct, arguments: np.ndarray) -> np.ndarray:
        """The needs [K, 3] of an abstraction of these arguments [K, n]."""
        needs = np.zeros((len(arguments), 3), np.int64)
        for part, nodes in self._parts(row, arguments):
            found: list[np.ndarray] = []
            for node in nodes:
                inner = [found[place] for place in node.arguments]
                if node.row is None:
                    found.append(self.terms.needs[self._rows(node, arguments[part])])
                else:
                    found.append(needs_of(node.row, inner, len(part)))
            needs[part] = found[-1]
        return needs

    def functions_of(
        self, row: Construct, arguments: np.ndarray, fits: np.ndarray, looped: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The functions [K] of an abstraction of arguments [K, n], and for which that fit [K] there was no word."""
        nodes, kinds = self.nodes(row.name), []
        for node in nodes:  # first these, then what is made of them
            if node.hole is None and node.row is None and not node.is_name:
                self.functions.of_leaf(node.term)
        heads = self.terms.heads[arguments]
        applied = {node.row.name: node.row for node in nodes if node.row is not None and not node.row.reads_memory}
        applied |= {
            self.terms.names[head]: self.rows[self.terms.names[head]]
            for hole in self._operators(row)
            for head in np.unique(heads[:, hole])
        }
        place_of = {name: place for place, name in enumerate(applied)}
        of_head = np.array([place_of.get(name, NONE) for name in self.terms.names], np.int64)
        operations = np.zeros((len(arguments), len(nodes)), np.int64)
        for place, node in enumerate(nodes):
            first, last = (*node.arguments, 0)[0], (0, *node.arguments)[-1]
            if node.row is not None and node.row.reads_memory:
                kinds.append((A_READ, first, self.functions.reader(node.row)))
            elif node.arguments:
                operations[:, place] = place_of[node.row.name] if node.row is not None else of_head[heads[:, node.hole]]
                kinds.append((AN_APPLICATION, first, last))
            elif node.hole is not None:
                kinds.append((A_HOLE, node.hole, 0))
            else:
                kinds.append((A_LEAF, self.functions.variable(node.term), 0))
        return self.functions.written(
            np.array(kinds, np.int64), operations, list(applied.values()), self.terms.facts[arguments], fits,
            looped,
        )  # fmt: skip

    def _operators(self, row: Construct) -> list[int]:
        return [hole for hole, kind in enumerate(row.arguments) if kind == OPERATOR]

    def _parts(self, row: Construct, arguments: np.ndarray) -> Iterator[tuple[np.ndarray, list[Node]]]:
        """The terms [P] of arguments [K, n] that have the same operators, and the body's nodes with these."""
        nodes, holes = self.nodes(row.name), self._operators(row)
        if not holes:
            yield np.arange(len(arguments)), nodes
            return
        heads, own = np.unique(self.terms.heads[arguments[:, holes]], axis=0, return_inverse=True)
        for place, operators in enumerate(heads):
            names = {hole: self.terms.names[head] for hole, head in zip(holes, operators, strict=True)}
            filled = [
                node._replace(row=self.rows[names[node.hole]]) if node.arguments and node.hole in names else node
                for node in nodes
            ]
            yield np.flatnonzero(own.ravel() == place), filled

    def _rows(self, node: Node, arguments: np.ndarray) -> np.ndarray:
        """The rows [K] of a leaf, or of what is in a hole."""
        if node.hole is not None:
            return arguments[:, node.hole]
        return np.full(len(arguments), self.leaf(node.term, node.is_name), np.int32)

    def _written(self, nodes: list[Node], arguments: np.ndarray) -> np.ndarray:
        """Write a body with these arguments [K, n]; its rows [K]."""
        rows: list[np.ndarray] = []
        for node in nodes:
            if node.row is None:
                rows.append(self._rows(node, arguments))
            else:
                inner = np.stack([rows[place] for place in node.arguments], 1) if node.arguments else arguments[:, :0]
                rows.append(self._written_one(node.row, inner))
        return rows[-1]

    def _written_one(self, row: Construct, arguments: np.ndarray) -> np.ndarray:
        terms, head, count = self.terms, self.terms.head(row.name, construct=True), arguments.shape[1]
        needs = needs_of(row, [terms.needs[arguments[:, place]] for place in range(count)], len(arguments))
        facts = self.shapes.recordings_of(row, head, arguments) if row.result == STATEMENT else 0
        ends = np.logical_and.reduce(terms.ends[arguments], 1) & row.ends(count)
        rows = terms.write(head, Block(arguments, needs), self.shapes.of(row, head, arguments), ends, facts)
        terms.keep(len(rows))
        return rows


def needs_of(row: Construct, arguments: list[np.ndarray], count: int) -> np.ndarray:
    """The needs [K, 3] of K terms, given those of their arguments [K, 3]."""
    needs = np.zeros((count, 3), np.int64)
    needs[:, 0] = row.own_lines(len(arguments))
    for one in arguments:
        needs[:, 0] += one[:, 0]
        needs[:, 1] = np.maximum(needs[:, 1], one[:, 1])
        needs[:, 2] |= one[:, 2]
    return of_statements(needs) if row.result == STATEMENT else needs


def of_statements(needs: np.ndarray) -> np.ndarray:
    """The needs [K, 3] of statements with words of these needs.

    The element is read once for each statement: from here on it is one of its lines.
    """
    lines = needs[:, 0] + needs[:, 2]
    return np.stack([lines, needs[:, 1], np.zeros_like(lines)], 1)
