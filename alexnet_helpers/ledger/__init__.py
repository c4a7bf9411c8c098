"""The claims ledger: what the sources, the book and the paper say, and whether it holds.

claims.toml has a row for every claim. A notebook hands the value that it has just computed to `check_claim`, which
derives a verdict from that value alone and compares it with the one written down:

    exact        the value is the claimed one, within `rounding`
    approximate  it is not, but lies within `near`, [low, high] for numbers or a list of the values that count
    wrong        neither
    unsettled    no value could decide; the row says why and names the primary source

facts.toml holds the dated facts of chapter 01: milestones, ILSVRC-2012, contests, data sets, machines; each names its
source. `page` shows the ledger as a table.
"""

from __future__ import annotations

import copy
import functools
import math
import textwrap
import tomllib
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.display import HTML

LEDGER = Path(__file__).with_name("claims.toml")
FACTS = Path(__file__).with_name("facts.toml")
VERDICTS = ("exact", "approximate", "wrong", "unsettled")
KINDS = ("a truth value", "a number", "a word", "a list")


class ClaimError(AssertionError):
    """The value just computed does not support the verdict written in the ledger."""


@functools.cache
def ledger() -> dict[str, dict]:
    """All rows of claims.toml by id, A1 … P99 (the letter is the source)."""
    return document()["claims"]


@functools.cache
def document() -> dict[str, dict]:
    """claims.toml whole: "sources" by letter, "causes" by name, "claims" by id."""
    return tomllib.loads(LEDGER.read_text(encoding="utf-8"))


def kind(value: object) -> str:
    """What `value` is: "a truth value", "a number", "a word" or "a list"; what is none of these is named otherwise."""
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number" if math.isfinite(value) else f"no number but {value}"
    if isinstance(value, list):
        odd = [kind(v) for v in value if kind(v) not in KINDS]
        return f"a list with {odd[0]}" if odd else "a list"
    return "a word" if isinstance(value, str) else f"a {type(value).__name__}"


def same(a: object, b: object, rounding: float) -> bool:
    """Equal and of one kind; numbers within `rounding`; lists element by element."""
    if kind(a) != kind(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y, rounding) for x, y in zip(a, b, strict=True))
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=rounding) if kind(a) == "a number" else a == b


def verdict_of(row: dict, value: object) -> str:
    """The verdict that `value` gives the claim in `row`: exact, approximate or wrong."""
    rounding = row.get("rounding", 0.0)
    if same(value, row["claimed"], rounding):
        return "exact"
    near = row.get("near", [])
    if near and kind(value) == "a number":
        close = near[0] <= value <= near[1]
    else:
        close = any(same(value, other, rounding) for other in near)
    return "approximate" if close else "wrong"


def plain(value: object) -> object:
    """`value` as TOML would have it: tensors and arrays as numbers or lists of them, tuples as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def row_of(claim_id: str) -> dict:
    rows = ledger()
    if claim_id not in rows:
        raise KeyError(f"The ledger has no claim {claim_id}; it has {', '.join(rows)}.")
    return rows[claim_id]


def confirmed(claim_id: str, value: object) -> str:
    """`value` in words, if it leads to the verdict that the ledger has; raises as `check_claim` does."""
    row, value = row_of(claim_id), plain(value)
    if row["verdict"] == "unsettled":
        raise ValueError(f"{claim_id} is unsettled, so no value can confirm it: {row['truth']}")
    if "claimed" not in row:
        raise ValueError(f"{claim_id} is settled by its primary source, not by a value: {row['primary']}")
    if kind(value) != kind(row["claimed"]):     # else nonsense would pass for a claim that the ledger calls wrong
        raise ClaimError(f"{claim_id} claims {kind(row['claimed'])}, {show(row['claimed'])}, but the cell computed "
                         f"{kind(value)}, {show(value)}.")
    found = verdict_of(row, value)
    if found != row["verdict"]:
        raise ClaimError(f"{claim_id}: the ledger says {row['verdict']}, but {show(value)}, computed for a claim of "
                         f"{show(row['claimed'])}, makes it {found}. Either the cell or the row has changed.")
    return show(value)


def citable(claim_id: str) -> dict:
    """The row of a claim that no cell can settle; raises as `cite_claim` does."""
    row = row_of(claim_id)
    if "claimed" in row and row["verdict"] != "unsettled":
        raise ValueError(f"{claim_id} is settled by a value: compute it and call check_claim.")
    return row


def check_claim(claim_id: str, value: object) -> None:
    """Print the claim, the computed `value` and the verdict that it supports.

    `value` is a number, a truth value, a word, or a list of them, as the row's `claimed` is. Raises KeyError for an
    id that the ledger lacks, ValueError for a claim that no value can settle, and ClaimError if the value leads to
    another verdict than the one written down or is no value of that kind (a word for a number, NaN).
    """
    words = confirmed(claim_id, value)
    print(entry(claim_id, row_of(claim_id), words))


def cite_claim(*claim_ids: str) -> None:
    """Print claims that no cell can settle, each with its verdict and the primary source that settles it.

    Raises KeyError for an id that the ledger lacks, and ValueError for a claim that a cell has to settle.
    """
    for claim_id in claim_ids:
        print(entry(claim_id, citable(claim_id)))


def check_claims(computed: dict[str, object], cited: Iterable[str] = ()) -> HTML:
    """What the texts say, as the table that closes a notebook: claims with the values computed for them, then others.

    `computed` maps ids to values, as `check_claim` takes them; `cited` are claims that no cell can settle. Raises as
    `check_claim` and `cite_claim` do.
    """
    from IPython.display import HTML

    values = {claim_id: confirmed(claim_id, value) for claim_id, value in computed.items()}
    rows = {claim_id: row_of(claim_id) for claim_id in values} | {claim_id: citable(claim_id) for claim_id in cited}
    return HTML(html_table({"": 6, "what a text says": 36, "verdict": 14, "what is true": 44}, [
        (f"<b>{claim_id}</b>", escape(row["claim"]), verdict_mark(row),
         escape(finding(row, values.get(claim_id, "")))) for claim_id, row in rows.items()]))


def entry(claim_id: str, row: dict, value: str = "") -> str:
    """What check_claim prints of a row, with the computed `value` in words; without one, what cite_claim prints."""
    head = textwrap.fill(row["claim"], width=105, initial_indent=f"{claim_id:4} {row['verdict'].upper():12} ",
                         subsequent_indent=" " * 18)
    line = f"claimed {claimed(row)}; {finding(row, value)}" if value else finding(row)
    return head + "\n" + textwrap.fill(line, width=105, initial_indent=" " * 5, subsequent_indent=" " * 5)


def claimed(row: dict) -> str:
    return show(row["claimed"], digits=10) + (f" {row['unit']}" if "unit" in row else "")


def finding(row: dict, value: str = "") -> str:
    """What is true: the computed `value` and the row's words, or, without a value, these and the primary source."""
    if not value:
        return f"{row['truth']} Source: {row['primary']}."
    # A value that varies from run to run stays out of the line, so that the line can be compared.
    unit = f" {row['unit']}" if "unit" in row else ""
    return ("" if row.get("measured") else f"computed {value}{unit}. ") + row["truth"]


MARKS = {"exact": "✓", "approximate": "≈", "wrong": "✗", "unsettled": "?"}


def verdict_mark(row: dict) -> str:
    return f"{MARKS[row['verdict']]}&nbsp;{row['verdict']}"


def html_table(titles: dict[str, int], rows: Iterable[tuple[str, ...]]) -> str:
    """An HTML table whose text wraps: `titles` maps each column's to its width in percent; cells are HTML."""
    td = '<td style="text-align:left;vertical-align:top">'
    head = "".join(f'<th style="text-align:left;width:{width}%">{title}</th>' for title, width in titles.items())
    body = "\n".join(f"<tr>{td}" + f"</td>{td}".join(cells) + "</td></tr>" for cells in rows)
    return f'<table style="width:100%"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'


def show(value: object, digits: int = 4) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):                                # no commas within numbers where they separate them
        return "[" + ", ".join(str(v) if type(v) is int else show(v, digits) for v in value) + "]"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


@functools.cache
def _read_facts() -> dict:
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def facts() -> dict:
    """facts.toml as a dictionary; the caller may change it.

    Each machine and each published speed also gets `tflops`, its peak in float32 arithmetic, 10^12 operations a second,
    computed from its units, its clock and the operations that a unit does in a cycle.
    """
    found = copy.deepcopy(_read_facts())
    for machine in found["machines"] + found["speeds"]:
        machine["tflops"] = machine["units"] * machine["ghz"] * machine["flops_per_cycle"] / 1e3
    return found
