"""Which cells share a page of slides: the rule, the tags that overrule it, and every stored notebook."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from alexnet_helpers.maintain.__main__ import main
from alexnet_helpers.maintain.slides import SETTINGS, height, mark_slides, slide_types

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").rglob("[0-9]*.ipynb"))


def text(source: str, *tags: str) -> dict:
    return {"cell_type": "markdown", "source": source, "metadata": {"tags": list(tags)} if tags else {}}


def code(lines: int, *tags: str, printed: int = 0) -> dict:
    outputs = [{"output_type": "stream", "text": "line\n" * printed}] if printed else []
    return {"cell_type": "code", "source": "\n".join(["x"] * lines), "outputs": outputs,
            "metadata": {"tags": list(tags)} if tags else {}}


def test_headings_start_slides_and_subheadings_pages() -> None:
    cells = [text("# Title"), text("words"), text("## Part"), text("### Piece"), text("words"), text("## Part")]
    assert slide_types(cells) == ["slide", "-", "slide", "subslide", "-", "slide"]


def test_a_page_is_filled_and_not_more() -> None:
    assert slide_types([text("## Part"), code(8), code(8), code(8), code(8)]) == [
        "slide", "-", "-", "subslide", "-"]
    assert slide_types([text("## Part"), code(8, printed=30), code(1)]) == ["slide", "subslide", "subslide"]


def test_an_answer_is_not_on_the_page_of_its_question() -> None:
    assert slide_types([text("## Part"), text("**Predict.** (a) or (b)?"), code(1)]) == ["slide", "-", "subslide"]
    assert slide_types([text("## Part"), text("**Not shown.**"), code(1)]) == ["slide", "-", "-"]


def test_a_tag_overrules() -> None:
    cells = [text("# Title"), code(30, "same-page"), text("a", "page"), text("b", "slide"), text("c", "skip"),
             text("d", "notes"), text("e")]
    assert slide_types(cells) == ["slide", "-", "subslide", "slide", "skip", "notes", "-"]


def test_cells_that_are_not_shown_take_no_room() -> None:
    assert slide_types([text("# Title"), code(40, "skip"), code(1)])[-1] == "-"


@pytest.mark.parametrize(("across", "down", "percent"), [
    (720, 360, 60), (1600, 400, 37.2), (800, 800, 62)])        # as it is, as wide as the page, as high as rise.css says
def test_a_figure_takes_its_room(across: int, down: int, percent: float) -> None:
    png = io.BytesIO()
    Image.new("1", (across, down)).save(png, "png")
    cell = code(3) | {"outputs": [{"data": {"image/png": base64.b64encode(png.getvalue()).decode()}}]}
    assert height(cell) - height(code(3)) == pytest.approx(percent + 2.5)      # and the gap above it


def test_the_command_marks_and_marks_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "01_a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A")]), path)
    assert main(["slides", str(path)]) == 0
    assert "01_a.ipynb: slides marked" in capsys.readouterr().out
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].metadata.slideshow.slide_type == "slide"
    assert notebook.metadata.rise == SETTINGS
    assert main(["slides", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_the_theme_needs_no_web_font() -> None:
    assert SETTINGS["theme"] in ("white", "black", "serif")    # those of reveal.js that bring their fonts, or need none


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_slides_follow_the_rule(path: Path) -> None:
    """Else run `python -m alexnet_helpers.maintain slides`, or overrule it for a cell with a tag."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    stored = [cell["metadata"].get("slideshow", {}).get("slide_type") for cell in notebook["cells"]]
    assert stored == slide_types(notebook["cells"])
    assert notebook["metadata"].get("rise") == SETTINGS


@pytest.mark.parametrize("folder", sorted({path.parent for path in NOTEBOOKS}), ids=lambda folder: folder.name)
def test_every_folder_has_the_slides_style(folder: Path) -> None:
    sheet = folder / "rise.css"                                # jupyterlab-rise reads the one beside the notebook
    assert '@import "../rise.css"' in sheet.read_text(encoding="utf-8") or folder.name == "notebooks"


def test_mark_slides_covers_every_cell() -> None:
    notebook = {"cells": [text("# A"), code(1)], "metadata": {}}
    mark_slides(notebook)
    assert [cell["metadata"]["slideshow"]["slide_type"] for cell in notebook["cells"]] == ["slide", "-"]
