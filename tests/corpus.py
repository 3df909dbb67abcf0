"""What each task of the corpus leaves, said without its program: sums and sorts of Python's lists.

A definition takes the start memory m, the list's length n, the base b and the word k of register 6 where it is a task's
parameter. It gives the words of the cells that are checked, from the first of them on. Words are reduced mod b
by whoever asks, but for planning: no sum there may reach b.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence


def exchanged(words: Sequence[int], place: int) -> list[int]:
    """The words with the two at `place` and behind it in ascending order."""
    return [*words[:place], *sorted(words[place : place + 2]), *words[place + 2 :]]


def bubbled(words: Sequence[int]) -> list[int]:
    """The largest word so far moves on: a place gets the lesser of it and the next word, the last place the largest."""
    largest = itertools.accumulate(words, max)
    return [*map(min, largest, words[1:]), max(words)]


def relaxed(m: Sequence[int], n: int) -> list[int]:
    """Distances [n] after each edge was tried once: all from node 0 first, then from node 1, ..."""
    distances = list(m[:n])
    for edge, (start, end) in enumerate(itertools.product(range(n), repeat=2)):
        distances[end] = min(distances[end], distances[start] + m[n + edge])
    return distances


def shortest(m: Sequence[int], n: int, start: int, end: int) -> int:
    """The least sum of edges over all paths from `start` to `end` that visit no other node twice."""
    others = set(range(n)) - {start, end}
    between = (middle for size in range(n) for middle in itertools.permutations(others, size))
    paths = ((start, *middle, end) for middle in between)
    return min(sum(m[n * here + there] for here, there in itertools.pairwise(path)) for path in paths)


PLANNING: dict[str, Callable[[Sequence[int], int, int, int], list[int]]] = {
    "relax_row": lambda m, n, b, k: [min(m[j], k + m[n + j]) for j in range(n)],
    "relax_edges": lambda m, n, b, k: relaxed(m, n),
    "shortest_paths": lambda m, n, b, k: [shortest(m, n, i, j) for i, j in itertools.product(range(n), repeat=2)],
}

DEFINITIONS: dict[str, Callable[[Sequence[int], int, int, int], list[int]]] = PLANNING | {
    # maps
    "inc_each": lambda m, n, b, k: [word + 1 for word in m[:n]],
    "dec_each": lambda m, n, b, k: [word - 1 for word in m[:n]],
    "double": lambda m, n, b, k: [word * 2 for word in m[:n]],
    "affine": lambda m, n, b, k: [word * 2 + 1 for word in m[:n]],
    "negate": lambda m, n, b, k: [b - word for word in m[:n]],
    "cap": lambda m, n, b, k: [k if word > k else word for word in m[:n]],
    "parity_each": lambda m, n, b, k: [word & 1 for word in m[:n]],
    "is_zero": lambda m, n, b, k: [int(word == 0) for word in m[:n]],
    # neighbors
    "shift_left": lambda m, n, b, k: list(m[1:n]),
    "shift_right": lambda m, n, b, k: [m[0], *m[: n - 1]],
    "diff": lambda m, n, b, k: [right - left for left, right in itertools.pairwise(m[:n])],
    "pair_sum": lambda m, n, b, k: [sum(pair) for pair in itertools.pairwise(m[:n])],
    "pair_max": lambda m, n, b, k: [max(pair) for pair in itertools.pairwise(m[:n])],
    # scans
    "prefix_sum": lambda m, n, b, k: [sum(m[: i + 1]) for i in range(n)],
    "running_max": lambda m, n, b, k: [max(m[: i + 1]) for i in range(n)],
    "running_min": lambda m, n, b, k: [min(m[: i + 1]) for i in range(n)],
    "suffix_sum": lambda m, n, b, k: [sum(m[i:n]) for i in range(n)],
    "count_up": lambda m, n, b, k: [m[0] + i for i in range(n)],
    "alternating_sum": lambda m, n, b, k: [sum(m[i::-2]) - sum(m[i - 1 :: -2] if i else []) for i in range(n)],
    # conditionals
    "abs_diff": lambda m, n, b, k: [abs(word - k) for word in m[:n]],
    "threshold": lambda m, n, b, k: [word if word >= k else 0 for word in m[:n]],
    "at_least": lambda m, n, b, k: [int(word >= k) for word in m[:n]],
    "dec_positive": lambda m, n, b, k: [word - 1 if word else 0 for word in m[:n]],
    "replace_zero": lambda m, n, b, k: [word or k for word in m[:n]],
    "zero_odd": lambda m, n, b, k: [0 if word % 2 else word for word in m[:n]],
    # folds
    "list_sum": lambda m, n, b, k: [sum(m[:n])],
    "list_max": lambda m, n, b, k: [max(m[:n])],
    "list_min": lambda m, n, b, k: [min(m[:n])],
    "last_element": lambda m, n, b, k: [m[n - 1]],
    "count_nonzero": lambda m, n, b, k: [n - m[:n].count(0)],
    "index_of_max": lambda m, n, b, k: [m.index(max(m[:n]))],
    # two passes
    "prefix_sum_twice": lambda m, n, b, k: [sum(m[j] * (i - j + 1) for j in range(i + 1)) for i in range(n)],
    "running_max_doubled": lambda m, n, b, k: [2 * max(m[: i + 1]) for i in range(n)],
    "count_at_least": lambda m, n, b, k: [len([word for word in m[:n] if word >= k])],
    "subtract_min": lambda m, n, b, k: [word - min(m[:n]) for word in m[:n]],
    "list_range": lambda m, n, b, k: [max(m[:n]) - min(m[:n])],
    # permutations
    "rotate_left": lambda m, n, b, k: [*m[1:n], m[0]],
    "rotate_right": lambda m, n, b, k: [m[n - 1], *m[: n - 1]],
    "reverse_in_place": lambda m, n, b, k: list(reversed(m[:n])),
    "swap_ends": lambda m, n, b, k: [m[n - 1], *m[1 : n - 1], m[0]],
    "swap_pairs": lambda m, n, b, k: [m[i ^ 1] for i in range(n)],
    "exchange": lambda m, n, b, k: exchanged(m[:n], k),
    # sorting
    "bubble": lambda m, n, b, k: bubbled(m[:n]),
    "sort_3": lambda m, n, b, k: sorted(m[:n]),
    "sort_4": lambda m, n, b, k: sorted(m[:n]),
}
LONGER = dict.fromkeys(DEFINITIONS, 2) | dict.fromkeys(PLANNING, 1)  # how much longer a list is at the general size
