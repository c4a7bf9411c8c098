"""Minutes that each chapter takes, measured, and the README's table of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..data import PROJECT
from .notebooks import executed

START, END = "<!-- minutes: written by `python -m alexnet_helpers.maintain minutes` -->", "<!-- end of minutes -->"
NO_GPU = "Minutes on a GPU are not recorded yet."
CORES = {1: "one CPU core", 2: "two CPU cores", 4: "four CPU cores", 8: "eight CPU cores"}


def machine() -> str:
    """What the minutes are measured on, as the table's heading names it."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return CORES.get(cores, f"{cores} CPU cores")


def write_minutes(readme: Path, minutes: dict[str, float], where: str) -> list[str]:
    """Put `minutes`, a notebook's file name -> minutes, into the README's column for `where`; names without a row.

    The table stands between two marks; a row is found by its link to the notebook. A GPU gets a column of its own.
    Raises ValueError where a part of the column would come from another kind of machine than the rest.
    """
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(START)
    table, after = rest.split(END)
    rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines() if "|" in line]
    heading = f"minutes, {where}"
    columns = [i for i, name in enumerate(rows[0])
               if name.startswith("minutes") and ("CPU" in name) == ("CPU" in where)]
    if not columns:
        for row, cell in zip(rows, [heading, "---", *["–"] * len(rows)], strict=False):
            row.append(cell)
    column = columns[0] if columns else len(rows[0]) - 1
    found = {name: row for row in rows[2:] for name in minutes if f"/{name})" in row[1]}
    if rows[0][column] != heading and len(found) < len(rows) - 2:
        raise ValueError(f"The README has '{rows[0][column]}', and this is {where}: measure all chapters, or none.")
    rows[0][column] = heading
    for name, row in found.items():
        row[column] = f"{minutes[name]:.1f}"
    lines = ["|" + "|".join(row if i == 1 else (f" {cell} " if cell else " " for cell in row)) + "|"
             for i, row in enumerate(rows)]
    if not any(name.startswith("minutes") and "CPU" not in name for name in rows[0]):
        lines += ["", NO_GPU]
    readme.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
    return [name for name in minutes if name not in found]


def measure(paths: list[Path]) -> None:
    """Execute chapters (all by default) without storing their outputs; their minutes go into the README's table."""
    minutes = {}
    for path in paths or sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb")):
        _, minutes[path.name] = executed(path)
        print(f"{path.name}: {minutes[path.name]:.1f} minutes", flush=True)
    for name in write_minutes(PROJECT / "README.md", minutes, machine()):
        print(f"README.md has no row for {name}.", file=sys.stderr)
