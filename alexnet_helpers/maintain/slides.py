"""Notebooks as slides: which cells share a page, by one rule, so that nobody has to mark cells by hand."""

from __future__ import annotations

import base64
import math
import re
import struct
from pathlib import Path

from ..data import PROJECT

PAGE = 90                                    # percent of the screen's height that a page may fill
LINE, TEXT_LINE, GAP = 2.9, 4.1, 2.5         # heights in percent of the screen's, as notebooks/rise.css sets them
TAGS = {"slide": "slide", "page": "subslide", "same-page": "-", "skip": "skip", "notes": "notes"}
SETTINGS = {"theme": "white", "transition": "none", "center": False, "scroll": True, "margin": 0, "slideNumber": "c/t"}


def slide_types(cells: list[dict]) -> list[str]:
    """The slide type of each cell: `slide` and `subslide` start a page, `-` stays on the page of the cell before.

    A title or a `##` heading starts a slide, to be reached with →. Below it a cell stays on the page as long as that
    fits the screen; else it starts the next page, reached with ↓. So does a `###` heading, and the code after a
    question marked Predict, since its output is the answer. For a single cell a tag decides instead: `slide`, `page`,
    `same-page`, `skip` (not shown) or `notes` (for the speaker).
    """
    types, filled, asked = [], 0.0, False
    for number, cell in enumerate(cells):
        text = source_of(cell)
        is_text = cell["cell_type"] == "markdown"
        tags = [TAGS[tag] for tag in cell["metadata"].get("tags", []) if tag in TAGS]
        if tags:
            kind = tags[0]
        elif number == 0 or (is_text and re.match(r"##? ", text)):
            kind = "slide"
        elif (is_text and text.startswith("### ")) or (asked and not is_text) or filled + height(cell) > PAGE:
            kind = "subslide"
        else:
            kind = "-"
        types.append(kind)
        if kind in ("skip", "notes"):
            continue
        filled = height(cell) + (filled if kind == "-" else 0)
        asked = is_text and "**Predict" in text
    return types


def mark_slides(notebook: dict) -> None:
    """Write the slide types into a notebook's metadata, and how jupyterlab-rise shall show them."""
    for cell, kind in zip(notebook["cells"], slide_types(notebook["cells"]), strict=True):
        cell["metadata"]["slideshow"] = {"slide_type": kind}
    notebook["metadata"]["rise"] = dict(SETTINGS)


def height(cell: dict) -> float:
    """About how much of the screen's height a cell takes on a slide, with its outputs, in percent."""
    lines = source_of(cell).splitlines()
    if cell["cell_type"] == "markdown":
        return GAP + sum(text_height(line) for line in lines)
    return 2 * GAP + LINE * len(lines) + sum(map(output_height, cell.get("outputs", [])))


def text_height(line: str) -> float:
    if not line.strip():
        return TEXT_LINE / 2
    if heading := re.match(r"(#+) ", line):
        return 11.0 - 2 * len(heading[1])
    shown = re.sub(r"\]\([^)]*\)", "", line)                   # a link's target takes no room
    return TEXT_LINE * math.ceil(len(shown) / 100)


def output_height(output: dict) -> float:
    data = output.get("data", {})
    if picture := data.get("image/png"):
        across, down = struct.unpack(">II", base64.b64decode(joined(picture)[:32])[16:24])
        return GAP + min(62, down / 6, 62 * down / across * 2.4)            # as large as width and rise.css let it
    if "text/html" in data:
        return GAP + 3.6 * joined(data["text/html"]).count("<tr")
    words = joined(output.get("text") or data.get("text/plain", ""))
    return GAP + LINE * sum(math.ceil(max(1, len(line)) / 115) for line in words.splitlines())


def source_of(cell: dict) -> str:
    return joined(cell["source"])


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def mark(paths: list[Path]) -> None:
    """Say again which cells of stored notebooks (all by default) share a page of slides, without executing anything."""
    import nbformat

    for path in paths or sorted((PROJECT / "notebooks").rglob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        before = nbformat.writes(notebook)
        mark_slides(notebook)
        if nbformat.writes(notebook) != before:
            nbformat.write(notebook, path)
            print(f"{path.name}: slides marked")
