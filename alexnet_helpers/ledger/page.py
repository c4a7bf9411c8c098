"""The ledger as a page: a row a claim, with a link to the cell that settles it."""

from __future__ import annotations

import ast
import json
import re
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ledger

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML


def claims_in(source: str) -> list[tuple[str, bool]]:
    """(claim id, whether it is computed) of each claim in a cell's calls of check_claims; the others are cited."""
    code = "\n".join(line for line in source.split("\n") if not line.startswith("%"))
    found = []
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        if getattr(call.func, "attr", getattr(call.func, "id", "")) == "check_claims":
            found += [(key.value, True) for key in call.args[0].keys]
            cited = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
            found += [(part.value, False) for names in cited for part in names.elts]
    return found


def notebooks_of_claims(folder: Path) -> list[Path]:
    """Lessons, what goes deeper, and page 09: where claims may be checked, in this order."""
    return sorted(folder.glob("[0-9]*.ipynb")) + sorted(folder.glob("in_depth/[0-9]*.ipynb"))


def settled_in(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Claim id -> where the notebooks in `folder` check or cite it: (file, id of the cell, what is stored there).

    What is stored is the last column of the cell's table, "what is true", with what was computed; "" if there is none.
    """
    found: dict[str, list[tuple[str, str, str]]] = {}
    for path in notebooks_of_claims(folder):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                html = "".join("".join(output.get("data", {}).get("text/html", "")) for output in cell["outputs"])
                stored = dict(re.findall(r"<tr><td[^>]*><b>(\w+)</b>.*<td[^>]*>(.*?)</td></tr>", html))
                for claim_id, _ in claims_in("".join(cell["source"])):
                    found.setdefault(claim_id, []).append(
                        (path.relative_to(folder).as_posix(), cell["id"], unescape(stored.get(claim_id, ""))))
    return found


def in_order(claim_id: str) -> tuple[str, int, str]:
    """What sorts ids: by letter, then number."""
    return claim_id[0], int(re.sub(r"\D", "", claim_id)), claim_id


def table(folder: Path = Path()) -> pd.DataFrame:
    """A row a claim, by id: what the ledger says, and notebook and cell of `folder` where it is settled.

    "texts" has the letters of all texts that say it: "AB" for one that the row of A tells for B too. "finding" is what
    is true, for a computed one with the value or the interval that is stored in its cell.
    """
    import pandas as pd

    found, rows = settled_in(folder), {}
    for name in sorted(ledger.ledger(), key=in_order):
        row = ledger.ledger()[name]
        notebook, cell, stored = found.get(name, [("", "", "")])[0]
        rows[name] = {
            "texts": "".join(sorted({other[0] for other in (name, *row.get("also", {}))})),
            "theme": ledger.document()["themes"][str(row["chapter"])], "kind": row["kind"], "verdict": row["verdict"],
            "cause": row.get("cause", ""), "computed": "claimed" in row, "notebook": notebook, "cell": cell,
            "finding": stored if "claimed" in row and stored else ledger.truth(row)}
    return pd.DataFrame.from_dict(rows, orient="index")


GROUPS = {"right or shown": ("right", "shown"), "roughly": ("roughly",), "wrong or not shown": ("wrong", "not shown"),
          "unsupported or undecided": ("unsupported", "undecided")}


def counts(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """How many rows of `table()` have each verdict, for each value of the column `by`, in the order of their chapters.

    Verdicts on effects stand with those on facts, in four groups.
    """
    import pandas as pd

    groups = {verdict: group for group, verdicts in GROUPS.items() for verdict in verdicts}
    found = pd.crosstab(rows[by], rows["verdict"].map(groups)).reindex(columns=list(GROUPS), fill_value=0)
    order = [value for value in ledger.document()["themes"].values() if value in found.index]
    return found.reindex(order) if by == "theme" else found


def find(rows: pd.DataFrame, word: str) -> pd.DataFrame:
    """The rows of `table()` with `word` in what is shown of them, whether an id, a Chinese word or an English one."""
    def shown(name: str) -> str:
        row = ledger.ledger()[name]
        return " ".join([name, *row.get("also", {}), ledger.said(name, row, places=True), row["truth"]]).casefold()

    return rows[[word.casefold() in shown(name) for name in rows.index]]


def in_rows(rows: pd.DataFrame) -> str:
    """Rows of `table()` as an HTML table whose text wraps."""
    lines = []
    for name, row in rows.iterrows():
        full = ledger.ledger()[name]
        link = f"{row.notebook}#cell-id={row.cell}"            # both JupyterLab and pages exported to HTML know it
        place = Path(row.notebook).name[:2] + (" in depth" if row.notebook.startswith("in_depth") else "")
        cited = escape(full.get("primary", "")).replace("/", "/<wbr>")           # a long address may be broken there
        cited = f"<br><small>Source: {cited}</small>" if cited else ""
        lines.append(("<br>".join([f"<b>{name}</b>", *full.get("also", {})]), ledger.said(name, full, places=True),
                      ledger.verdict_mark(full), escape(row.finding) + cited,
                      ("computed in" if row.computed else "cited in") + f" <a href=\"{link}\">{place}</a>"))
    return ledger.html_table({"": 5, "what the texts say": 34, "verdict": 11, "what is true": 40, "where": 10}, lines)


def as_html(rows: pd.DataFrame) -> HTML:
    """Rows of `table()` to read, one below the other."""
    from IPython.display import HTML

    return HTML(in_rows(rows))


def by_theme(rows: pd.DataFrame) -> HTML:
    """Rows of `table()` to read, theme by theme; a theme opens when it is clicked."""
    from IPython.display import HTML

    parts = []
    for theme, found in counts(rows, "theme").iterrows():
        words = ", ".join(f"{number} {group}" for group, number in found.items() if number)
        parts.append(f"<details><summary><b>{escape(theme)}</b>: {words}</summary>"
                     f"{in_rows(rows[rows['theme'] == theme])}</details>")
    return HTML("\n".join(parts))
