"""The claims ledger: what the sources, the book and the paper say, and whether it holds.

claims.toml has a row for every claim. A notebook hands what it has just computed to `check_claims`, which derives a
verdict from that alone and compares it with the one written down. A fact takes a value:

    right        the claimed one, within `rounding` or in the claimed range
    roughly      not that, but one of `near`
    wrong        neither
    unsupported  neither a value nor a source decides; the row says why

An effect takes the verdict of a comparison (`comparing.verdict` or `time_verdict`):

    shown        a difference that matters, and to the claimed side
    not shown    one to the other side, or no difference that matters
    undecided    neither: the interval is too wide, or nothing was tried

facts.toml holds the dated facts of chapter 01: milestones, ILSVRC-2012, contests, data sets, machines; each names its
source. `page` shows the ledger as a table.
"""

from __future__ import annotations

import copy
import functools
import math
import tomllib
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ..comparing import SHOWN, UNDECIDED, Verdict

if TYPE_CHECKING:
    from IPython.display import HTML

LEDGER = Path(__file__).with_name("claims.toml")
FACTS = Path(__file__).with_name("facts.toml")
VERDICTS = {"fact": ("right", "roughly", "wrong", "unsupported"), "effect": ("shown", "not shown", "undecided")}
MARKS = {"right": "✓", "roughly": "≈", "wrong": "✗", "unsupported": "?", "shown": "✓", "not shown": "✗",
         "undecided": "?"}
KINDS = ("a truth value", "a number", "a word", "a list")


class ClaimError(AssertionError):
    """What was just computed does not support the verdict written in the ledger."""


@functools.cache
def document() -> dict[str, dict]:
    """claims.toml whole: "sources" by letter, "themes" by chapter, "causes" by name, "claims" by id."""
    return tomllib.loads(LEDGER.read_text(encoding="utf-8"))


@functools.cache
def ledger() -> dict[str, dict]:
    """All rows of claims.toml by id, A1 … P99 (the letter is the source)."""
    return document()["claims"]


def row_of(claim_id: str) -> dict:
    """The row of that id. Raises KeyError for an id that has none, and names the row that tells it, if one does."""
    rows = ledger()
    if claim_id in rows:
        return rows[claim_id]
    for name, row in rows.items():
        if claim_id in row.get("also", {}):
            raise KeyError(f"{claim_id} says the same as {name}, and has no row of its own: check {name}.")
    raise KeyError(f"The ledger has no claim {claim_id}; it has {', '.join(rows)}.")


# ---------------------------------------------------------------------------------------------------------------
# From a value, or a comparison, to a verdict


def kind(value: object) -> str:
    """What `value` is: "a truth value", "a number", "a word" or "a list"; what is none of these is named otherwise.

    A range of the ledger, {"from": 1, "to": 14}, claims a number.
    """
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number" if math.isfinite(value) else f"no number but {value}"
    if isinstance(value, list):
        odd = [kind(v) for v in value if kind(v) not in KINDS]
        return f"a list with {odd[0]}" if odd else "a list"
    if isinstance(value, dict) and value and set(value) <= {"from", "to"}:
        return "a number"
    return "a word" if isinstance(value, str) else f"a {type(value).__name__}"


def same(value: object, claimed: object, rounding: float) -> bool:
    """`value` is the claimed one and of its kind: numbers within `rounding` or the range; lists element by element."""
    if kind(value) != kind(claimed) or isinstance(value, dict):
        return False
    if isinstance(claimed, dict):
        return claimed.get("from", -math.inf) <= value <= claimed.get("to", math.inf)
    if isinstance(claimed, list):
        return len(value) == len(claimed) and all(same(v, c, rounding) for v, c in zip(value, claimed, strict=True))
    return math.isclose(value, claimed, rel_tol=1e-9, abs_tol=rounding) if kind(value) == "a number" \
        else value == claimed


def verdict_of(row: dict, found: object) -> str:
    """The verdict that a value gives the fact in `row`, or a comparison's verdict the effect."""
    if row["kind"] == "effect":
        if found.word == SHOWN:
            return "shown" if found.more == (row["claimed"] == "more") else "not shown"
        return "undecided" if found.word == UNDECIDED else "not shown"
    rounding = row.get("rounding", 0.0)
    if same(found, row["claimed"], rounding):
        return "right"
    return "roughly" if any(same(found, other, rounding) for other in row.get("near", [])) else "wrong"


def plain(value: object) -> object:
    """`value` as TOML would have it: tensors and arrays as numbers or lists of them, tuples as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def confirmed(claim_id: str, value: object) -> str:
    """`value` in words, if it leads to the verdict that the ledger has; raises as `check_claims` does."""
    row, value = row_of(claim_id), plain(value)
    if "claimed" not in row:
        raise ValueError(f"{claim_id} is settled by its primary source, not by a value: {row['primary']}")
    # Else nonsense would pass for a claim that the ledger calls wrong.
    if row["kind"] == "effect":
        if not isinstance(value, Verdict):
            raise ClaimError(f"{claim_id} claims an effect, so it takes what ah.verdict or ah.time_verdict returns, "
                             f"not {kind(value)}, {show(value)}.")
    elif kind(value) != kind(row["claimed"]):
        raise ClaimError(f"{claim_id} claims {kind(row['claimed'])}, {show(row['claimed'])}, but the cell computed "
                         f"{kind(value)}, {show(value)}.")
    found = verdict_of(row, value)
    if found != row["verdict"]:
        raise ClaimError(f"{claim_id}: the ledger says {row['verdict']}, but {show(value)}, computed for a claim of "
                         f"{show(row['claimed'])}, makes it {found}. Either the cell or the row has changed.")
    return show(value)


def citable(claim_id: str) -> dict:
    """The row of a claim that no cell can settle; raises as `check_claims` does."""
    row = row_of(claim_id)
    if "claimed" in row:
        raise ValueError(f"{claim_id} is settled by a value: compute it and hand it over.")
    return row


# ---------------------------------------------------------------------------------------------------------------
# What a notebook calls


def check_claims(computed: dict[str, object], cited: Iterable[str] = ()) -> HTML:
    """What the texts say, as the table that closes a notebook: claims with what was computed for them, then others.

    `computed` maps an id to a value, as the row's `claimed` is: a number, a truth value, a word, or a list of them;
    for an effect, to what `ah.verdict` or `ah.time_verdict` returned. `cited` are claims that no cell can settle.
    Raises KeyError for an id that has no row (a claim that several texts make has one, and the error names it),
    ValueError for a computed claim that no value can settle or a cited one that a value has to, and ClaimError if what
    was computed leads to another verdict than the one written down or is not of the claimed kind (a word, NaN).
    """
    from IPython.display import HTML

    values = {claim_id: confirmed(claim_id, value) for claim_id, value in computed.items()}
    rows = {claim_id: row_of(claim_id) for claim_id in values} | {claim_id: citable(claim_id) for claim_id in cited}
    return HTML(html_table({"": 6, "what a text says": 36, "verdict": 14, "what is true": 44}, [
        (f"<b>{claim_id}</b>", said(claim_id, row), verdict_mark(row), escape(finding(row, values.get(claim_id, ""))))
        for claim_id, row in rows.items()]))


# ---------------------------------------------------------------------------------------------------------------
# How it is shown


def said(claim_id: str, row: dict, places: bool = False) -> str:
    """What the texts say, as HTML: the claim in our words, then each text's key words, if wanted with their places.

    Words that tell faithfully what stands in the book or the paper are marked as theirs.
    """
    texts = {claim_id: row, **row.get("also", {})}
    words = {name: f"“{text['words']}”" + (f" (the {text['quotes']}’s)" if "quotes" in text else "")
             for name, text in texts.items() if "words" in text}
    if places:
        lines = [f"{name[0]}, {text['where']}" + (f": {words[name]}" if name in words else "")
                 for name, text in texts.items()]
    else:
        also = " ".join(row.get("also", {}))
        lines = [*dict.fromkeys(words.values()), *[f"also {also}"] * bool(also)]
    return escape(row["claim"]) + (f"<br><small>{escape('; '.join(lines))}</small>" if lines else "")


def truth(row: dict) -> str:
    """What is true, and of an effect on what it was tried."""
    return row["truth"] + (f" Tried on: {row['scale']}." if "scale" in row else "")


def finding(row: dict, value: str = "") -> str:
    """What was computed, in words, and what is true; without a value, what is true and its primary source."""
    if not value:
        return f"{truth(row)} Source: {row['primary']}."
    if row.get("measured"):        # what varies from run to run stays out of the line, so that the line can be compared
        return truth(row)
    if row["kind"] == "effect":
        return f"{value} {truth(row)}"
    unit = f" {row['unit']}" if "unit" in row else ""
    return f"computed {value}{unit}. {truth(row)}"


def verdict_mark(row: dict) -> str:
    """The verdict, as HTML, with its sign."""
    return f"{MARKS[row['verdict']]}&nbsp;{row['verdict'].replace(' ', '&nbsp;')}"


def html_table(titles: dict[str, int], rows: Iterable[tuple[str, ...]]) -> str:
    """An HTML table whose text wraps: `titles` maps each column's to its width in percent; cells are HTML."""
    td = '<td style="text-align:left;vertical-align:top">'
    head = "".join(f'<th style="text-align:left;width:{width}%">{title}</th>' for title, width in titles.items())
    body = "\n".join(f"<tr>{td}" + f"</td>{td}".join(cells) + "</td></tr>" for cells in rows)
    return f'<table style="width:100%"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'


def show(value: object, digits: int = 4) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        low, high = (show(value[end], digits) if end in value else "" for end in ("from", "to"))
        return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    if isinstance(value, list):                                # no commas within numbers where they separate them
        return "[" + ", ".join(str(v) if type(v) is int else show(v, digits) for v in value) + "]"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


# ---------------------------------------------------------------------------------------------------------------
# facts.toml


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
