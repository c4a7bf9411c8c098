"""The ledger as a page: a row a claim, with a link to the cell that settles it."""

from __future__ import annotations

import ast
import json
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ledger

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML


def claims_in(source: str) -> list[tuple[str, str]]:
    """(function, claim id) of each claim that a cell's code checks or cites."""
    code = "\n".join(line for line in source.split("\n") if not line.startswith("%"))
    found = []
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        ids = [part.value for part in call.args if isinstance(part, ast.Constant)]
        if name == "check_claim":
            found += [(name, ids[0])]
        elif name == "cite_claim":
            found += [(name, claim_id) for claim_id in ids]
        elif name == "check_claims":
            found += [("check_claim", key.value) for key in call.args[0].keys]
            cited = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
            found += [("cite_claim", part.value) for names in cited for part in names.elts]
    return found


def notebooks_of_claims(folder: Path) -> list[Path]:
    """Lessons, what goes deeper, and page 09: where claims may be checked, in this order."""
    return sorted(folder.glob("[0-9]*.ipynb")) + sorted(folder.glob("in_depth/[0-9]*.ipynb"))


def settled_in(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Claim id -> where the notebooks in `folder` check or cite it: (file, heading above, id of the cell)."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for path in notebooks_of_claims(folder):
        heading = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                heading = (re.findall(r"^#{1,3} +(.+?) *$", source, re.M) or [heading])[-1]
                continue
            for _, claim_id in claims_in(source):
                found.setdefault(claim_id, []).append((path.relative_to(folder).as_posix(), heading, cell["id"]))
    return found


def in_order(claim_id: str) -> tuple[str, int, str]:
    """What sorts ids: by letter, then number."""
    return claim_id[0], int(re.sub(r"\D", "", claim_id)), claim_id


def table(folder: Path = Path()) -> pd.DataFrame:
    """A row a claim, by id: what the ledger says, and notebook, heading and cell of `folder` where it is settled.

    "texts" has the letters of all texts that say it, "AB" for one that a row of A tells for B too.
    """
    import pandas as pd

    found = settled_in(folder)
    rows = pd.DataFrame.from_dict(ledger.ledger(), orient="index")
    rows["source"] = rows.index.str[0]
    rows["texts"] = ["".join(sorted({place[0][0] for place in ledger.places(name, row)}))
                     for name, row in ledger.ledger().items()]
    rows["computed"] = ["claimed" in row for row in ledger.ledger().values()]
    where = ["notebook", "heading", "cell"]
    rows[where] = [found.get(name, [("", "", "")])[0] for name in rows.index]
    columns = ["source", "texts", "chapter", "kind", "verdict", "cause", "quotes", "claim", "truth", "computed",
               "primary", *where]
    rows = rows.reindex(index=sorted(rows.index, key=in_order), columns=columns)
    texts = ["cause", "quotes", "primary"]                     # which not every row has
    return rows.assign(**rows[texts].astype(object).fillna(""))


def as_html(rows: pd.DataFrame) -> HTML:
    """Rows of `table()` to read: claim, verdict, truth, and what settles it with a link; the text wraps."""
    from IPython.display import HTML

    lines = []
    for name, row in rows.iterrows():
        link = f"{row.notebook}#cell-id={row.cell}"            # both JupyterLab and pages exported to HTML know it
        place = Path(row.notebook).name[:2] + (" in depth" if row.notebook.startswith("in_depth") else "")
        ways = [way for way in ("computed" if row.computed else "", row.primary) if way]
        settled = escape("; ".join(ways)).replace("/", "/<wbr>")                 # a long address may be broken there
        full = ledger.ledger()[name]
        lines.append((f"<b>{name}</b>", ledger.said(name, full), ledger.verdict_mark(full), escape(row.truth),
                      f"{settled}; <a href=\"{link}\">{place}, {escape(row.heading)}</a>"))
    return HTML(ledger.html_table({"": 5, "claim": 27, "verdict": 12, "what is true": 32, "settled by, where": 24},
                                  lines))
