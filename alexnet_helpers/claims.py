"""The claims ledger: what the sources, the book and the paper say, and whether it holds.

claims.toml has a row for every claim. A notebook hands the value that it has just computed to `check_claim`, which
derives a verdict from that value alone and compares it with the one written down:

    exact        the value is the claimed one, within `rounding`
    approximate  it is not, but lies within `near`, [low, high] for numbers or a list of the values that count
    wrong        neither
    unsettled    no value could decide; the row says why and names the primary source
"""

from __future__ import annotations

import functools
import math
import textwrap
import tomllib
from pathlib import Path

LEDGER = Path(__file__).with_name("claims.toml")
VERDICTS = ("exact", "approximate", "wrong", "unsettled")


class ClaimError(AssertionError):
    """The value just computed does not support the verdict written in the ledger."""


@functools.cache
def ledger() -> dict[str, dict]:
    """All rows of claims.toml by id, A1 … E42 (the letter is the source)."""
    return tomllib.loads(LEDGER.read_text(encoding="utf-8"))["claims"]


def same(a: object, b: object, rounding: float) -> bool:
    """Equal; numbers within `rounding`; lists and tuples element by element."""
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, rounding) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool | str) or isinstance(b, bool | str):
        return a == b
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=rounding)


def verdict_of(row: dict, value: object) -> str:
    """The verdict that `value` gives the claim in `row`: exact, approximate or wrong."""
    rounding = row.get("rounding", 0.0)
    if same(value, row["claimed"], rounding):
        return "exact"
    near = row.get("near", [])
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if (near[0] <= value <= near[1]) if near and number else any(same(value, other, rounding) for other in near):
        return "approximate"
    return "wrong"


def plain(value: object) -> object:
    """`value` as TOML would have it: tensors and numpy scalars as numbers, tuples as lists."""
    if hasattr(value, "item"):
        return value.item()
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def check_claim(claim_id: str, value: object) -> None:
    """Print the claim, the computed `value` and the verdict that it supports.

    `value` is a number, a truth value, a word, or a list of them, as the row's `claimed` is. Raises KeyError for an
    id that the ledger lacks, ValueError for a claim that no value can settle, and ClaimError if the value leads to
    another verdict than the one written down.
    """
    rows = ledger()
    if claim_id not in rows:
        raise KeyError(f"The ledger has no claim {claim_id}; it has {', '.join(rows)}.")
    row, value = rows[claim_id], plain(value)
    if row["verdict"] == "unsettled":
        raise ValueError(f"{claim_id} is unsettled, so no value can confirm it: {row['truth']}")
    found = verdict_of(row, value)
    if found != row["verdict"]:
        raise ClaimError(f"{claim_id}: the ledger says {row['verdict']}, but {show(value)}, computed for a claim of "
                         f"{show(row['claimed'])}, makes it {found}. Either the cell or the row has changed.")
    unit = f" {row['unit']}" if "unit" in row else ""
    # A value that varies from run to run stays out of the line, so that the line can be compared.
    computed = "" if row.get("measured") else f"computed {show(value)}{unit}. "
    print(f"{claim_id:4} {found.upper():12} {row['claim']}")
    line = f"claimed {show(row['claimed'])}{unit}; {computed}{row['truth']}"
    print(textwrap.indent(textwrap.fill(line, width=100), " " * 5))


def show(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(show(v) for v in value) + "]"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
