"""The ledger as a page: a row a claim, with a link to the cell that settles it."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ledger

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML

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
    rows = pd.DataFrame.from_dict(ledger.ledger(), orient="index")
    rows["source"] = rows.index.str[0]
    rows["computed"] = ["claimed" in row and row["verdict"] != "unsettled" for row in ledger.ledger().values()]
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
