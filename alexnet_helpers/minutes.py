"""Minutes that each chapter takes, measured, and the README's table of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

START, END = "<!-- minutes: written by `python -m alexnet_helpers minutes` -->", "<!-- end of minutes -->"
NO_GPU = "Minutes on a GPU are not recorded yet."
CORES = {1: "one CPU core", 2: "two CPU cores", 4: "four CPU cores", 8: "eight CPU cores"}


def executed(path: Path) -> tuple[object, float]:
    """The notebook at `path` with fresh outputs, and the minutes that it took; the file stays as it is."""
    import nbformat
    from nbclient import NotebookClient

    started = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1800, record_timing=False, store_widget_state=False, coalesce_streams=True,
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook, (time.perf_counter() - started) / 60


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
