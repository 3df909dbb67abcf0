"""A cell as a notebook shows it: its summary, and below it its restarts, as tables of HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurocomp.text import visible

if TYPE_CHECKING:
    from pandas import DataFrame

LISTED = 20  # restarts; of more, the first and the last are shown
CIRCUMSTANTIAL = ("schema", "batch", "commit", "dirty", "wall_s", "cpu_s", "date", "coverage")


def as_html(texts: dict[str, str], rows: DataFrame) -> str:
    """Its line of `neurocomp show`, and the columns in which its restarts differ. All text is escaped."""
    import pandas as pd

    return _html(pd.DataFrame([texts])) + (_html(_restarts(rows)) if len(rows) else "")


def _restarts(rows: DataFrame) -> DataFrame:
    """The restart, and the columns that do not have one value for all."""
    distinct: dict[str, int] = rows.nunique(dropna=False).to_dict()
    differing = [name for name, number in distinct.items() if name not in ("restart", *CIRCUMSTANTIAL) and number > 1]
    return rows.loc[:, ["restart", *differing]]


def _html(frame: DataFrame) -> str:
    from pandas.api.types import is_numeric_dtype

    of_text = {name: _text for name in frame.columns if not is_numeric_dtype(frame[name])}
    many = len(frame) > LISTED
    return frame.to_html(index=False, border=0, max_rows=LISTED, na_rep="-", formatters=of_text, show_dimensions=many)


def _text(value: Any) -> str:
    return visible(str(value))
