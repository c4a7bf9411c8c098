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
import json
import math
import re
import textwrap
import tomllib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML

LEDGER = Path(__file__).with_name("claims.toml")
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


def check_claim(claim_id: str, value: object) -> None:
    """Print the claim, the computed `value` and the verdict that it supports.

    `value` is a number, a truth value, a word, or a list of them, as the row's `claimed` is. Raises KeyError for an
    id that the ledger lacks, ValueError for a claim that no value can settle, and ClaimError if the value leads to
    another verdict than the one written down or is no value of that kind (a word for a number, NaN).
    """
    rows = ledger()
    if claim_id not in rows:
        raise KeyError(f"The ledger has no claim {claim_id}; it has {', '.join(rows)}.")
    row, value = rows[claim_id], plain(value)
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
    print(entry(claim_id, row, show(value)))


def cite_claim(*claim_ids: str) -> None:
    """Print claims that no cell can settle, each with its verdict and the primary source that settles it.

    Raises KeyError for an id that the ledger lacks, and ValueError for a claim that a cell has to settle.
    """
    rows = ledger()
    for claim_id in claim_ids:
        if claim_id not in rows:
            raise KeyError(f"The ledger has no claim {claim_id}; it has {', '.join(rows)}.")
        row = rows[claim_id]
        if "claimed" in row and row["verdict"] != "unsettled":
            raise ValueError(f"{claim_id} is settled by a value: compute it and call check_claim.")
        print(entry(claim_id, row))


def entry(claim_id: str, row: dict, value: str = "") -> str:
    """What check_claim prints of a row, with the computed `value` in words; without one, what cite_claim prints."""
    if value:
        unit = f" {row['unit']}" if "unit" in row else ""
        # A value that varies from run to run stays out of the line, so that the line can be compared.
        computed = "" if row.get("measured") else f"computed {value}{unit}. "
        line = f"claimed {show(row['claimed'], digits=10)}{unit}; {computed}{row['truth']}"
    else:
        line = f"{row['truth']} Source: {row['primary']}."
    head = textwrap.fill(row["claim"], width=105, initial_indent=f"{claim_id:4} {row['verdict'].upper():12} ",
                         subsequent_indent=" " * 18)
    return head + "\n" + textwrap.fill(line, width=105, initial_indent=" " * 5, subsequent_indent=" " * 5)


def show(value: object, digits: int = 4) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):                                # no commas within numbers where they separate them
        return "[" + ", ".join(str(v) if type(v) is int else show(v, digits) for v in value) + "]"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


# ---------------------------------------------------------------------------------------------------------------
# The ledger as a page

MARKS = {"exact": "✓", "approximate": "≈", "wrong": "✗", "unsettled": "?"}
CALL = re.compile(r"\b(check_claim\(\s*[\"'](\w+)[\"']|cite_claim\(([^)]*)\))")


def settled_in(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Claim id -> where the notebooks in `folder` check or cite it: (file, heading above, id of the cell)."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for path in sorted(Path(folder).glob("[0-9]*.ipynb")):
        heading = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                heading = (re.findall(r"^#{1,3} +(.+?) *$", source, re.M) or [heading])[-1]
                continue
            for _, checked, cited in CALL.findall(source):
                for claim_id in [checked] if checked else re.findall(r"[\"'](\w+)[\"']", cited):
                    found.setdefault(claim_id, []).append((path.name, heading, cell["id"]))
    return found


def table(folder: Path = Path()) -> pd.DataFrame:
    """A row a claim, by id: what the ledger says, and notebook, heading and cell of `folder` where it is settled."""
    import pandas as pd

    places = settled_in(folder)
    rows = pd.DataFrame.from_dict(ledger(), orient="index")
    rows["source"] = rows.index.str[0]
    rows["computed"] = ["claimed" in row and row["verdict"] != "unsettled" for row in ledger().values()]
    where = ["notebook", "heading", "cell"]
    rows[where] = [places.get(name, [("", "", "")])[0] for name in rows.index]
    order = sorted(rows.index, key=lambda name: (name[0], int(re.sub(r"\D", "", name)), name))
    columns = ["source", "chapter", "verdict", "cause", "handed_on", "claim", "truth", "computed", "primary",
               *where]
    return rows.reindex(index=order, columns=columns).fillna("")


def as_html(rows: pd.DataFrame) -> HTML:
    """Rows of `table()` to read: claim, verdict, truth, and what settles it with a link; the text wraps."""
    from IPython.display import HTML

    td = '<td style="text-align:left;vertical-align:top">'
    lines = []
    for name, row in rows.iterrows():
        link = f"{row.notebook}#cell-id={row.cell}"            # both JupyterLab and pages exported to HTML know it
        ways = [way for way in ("computed" if row.computed else "", row.primary) if way]
        settled = escape("; ".join(ways)).replace("/", "/<wbr>")                 # a long address may be broken there
        cells = (f"<b>{name}</b>", escape(row.claim), f"{MARKS[row.verdict]}&nbsp;{row.verdict}", escape(row.truth),
                 f"{settled}; <a href=\"{link}\">{row.notebook[:2]}, {escape(row.heading)}</a>")
        lines.append(f"<tr>{td}" + f"</td>{td}".join(cells) + "</td></tr>")
    titles = ("", "claim", "verdict", "what is true", "settled by, where")
    head = "".join(f'<th style="text-align:left;width:{width}%">{title}</th>'
                   for title, width in zip(titles, (5, 27, 12, 32, 24), strict=True))
    return HTML(f'<table style="width:100%"><thead><tr>{head}</tr></thead><tbody>\n' + "\n".join(lines)
                + "\n</tbody></table>")
