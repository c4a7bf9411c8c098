"""The site without a browser: a small course made up for it, and the pages of the whole course."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup

from alexnet_helpers.maintain import minutes, site

PROJECT = Path(__file__).resolve().parents[2]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
README = f"""# A course

See [one](notebooks/01_one.ipynb), [its solutions](notebooks/solutions), [licence](LICENSE) and
[elsewhere](https://example.org).

{minutes.START}
{minutes.END}

![A picture](notebooks/shown.png)
"""


def cell(source: str, *outputs: dict, name: str = "") -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, **({"id": name} if name else {}), outputs=[
        nbformat.v4.new_output("display_data", data, metadata=metadata) for data, metadata in outputs])


def text(source: str, name: str = "") -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, **({"id": name} if name else {}))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a course of two lessons, one with solutions."""
    root = tmp_path_factory.mktemp("course")
    notebooks = {"01_one": [
        text("# 01 · One\n\nA convolution (卷积) of $k < n$ pixels.\n\n$$\\frac{1}{2}$$"),
        text("**Next:** [two](02_two.ipynb), [deep](solutions/01_one_solutions.ipynb#Part)"),
        cell("draw()", ({"image/png": PIXEL}, {"image/png": {"alt": 'Two "bars"'}})),
        cell("explorer()", ({"text/plain": "VBox(children=(IntSlider(value=5, description='kernel', max=11),))"}, {}),
             name="b-cell")],
        "02_two": [text("# 02 · Two\n\n[below](#\"So\")\n\n## A\n\n## \"So\"\n\n## B"),
                   cell("table", ({"text/html": '<table><thead><tr><th></th><th>n</th></tr></thead><tbody>'
                                                '<tr><th>a</th><td><a href="01_one.ipynb#cell-id=b-cell">1</a>'
                                                "</td></tr></tbody></table>"}, {}))],
        "solutions/01_one_solutions": [
            text("# 01 · One: solutions\n\nTry first."), text("## 1.1 Half\n\nBecause.", "half"), cell("1 / 2"),
            text("So it is.\n\n## 1.2 Whole", "whole"), cell("1")]}
    for name, cells in notebooks.items():
        path = root / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    (root / "notebooks" / "teaching_notes.md").write_text("# Notes\n\n[words](#glossary)\n\n## Glossary\n")
    (root / "notebooks" / "shown.png").write_bytes(b"a picture")
    (root / "README.md").write_text(README, encoding="utf-8")
    for name in ("CONTRIBUTING.md", "INSTALL.md"):
        (root / name).write_text(f"# {name}\n\nBack to the [course](README.md).\n")
    site.build(root / "site", root)
    return root / "site"


def page(folder: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def links(soup: BeautifulSoup, within: str = "main") -> dict[str, str]:
    return {link.get_text(): link["href"] for link in soup.select(f"{within} a[href]")}


def test_links_between_notebooks_lead_to_pages_and_cells(course: Path) -> None:
    assert links(page(course, "01_one")) == {"two": "02_two.html", "deep": "solutions/01_one_solutions.html#Part"}
    assert links(page(course, "02_two"))["1"] == "01_one.html#cell-id=b-cell"
    assert page(course, "01_one").find(id="cell-id=b-cell")
    assert page(course, "02_two").find("h2", id='"So"') and links(page(course, "02_two"))['"So"'] == "#%22So%22"
    assert links(page(course, "teaching_notes")) == {"words": "#glossary"}
    assert page(course, "teaching_notes").find(id="glossary")


def test_index_lists_all_and_keeps_solutions_behind_a_click(course: Path) -> None:
    index = page(course, "index")
    assert index.h1.get_text() == "A course" and (course / "shown.png").read_bytes() == b"a picture"
    found = links(index)
    assert found["one"] == "01_one.html" and found["Notes"] == "teaching_notes.html"
    assert found["elsewhere"] == "https://example.org"
    assert "licence" not in found and "licence" in index.get_text()         # no page: words without a link
    assert index.select_one("details a")["href"] == "solutions/01_one_solutions.html"


def test_lessons_lead_on_and_back(course: Path) -> None:
    assert links(page(course, "01_one"), "header") == {"The course": "index.html", "02 · Two →": "02_two.html"}
    assert links(page(course, "02_two"), "header") == {"The course": "index.html", "← 01 · One": "01_one.html"}
    assert links(page(course, "solutions/01_one_solutions"), "header") == {
        "The course": "../index.html", "01 · One": "../01_one.html"}


def test_answers_are_folded_under_their_headings(course: Path) -> None:
    soup = page(course, "solutions/01_one_solutions")
    assert [summary.get_text() for summary in soup.select("summary")] == ["Show the answer: 1.1 Half",
                                                                         "Show the answer: 1.2 Whole"]
    first, second = soup.select("details")
    assert "Because." in first.get_text() and "So it is." in first.get_text() and "1 / 2" in first.get_text()
    assert second.select_one(".highlight").get_text().strip() == "1"
    assert not soup.select("details h2") and "Try first." in soup.get_text()
    assert soup.find(id="cell-id=half")


def test_formulas_are_mathml(course: Path) -> None:
    soup = page(course, "01_one")
    inline, block = soup.select("math")
    assert inline.get_text() == "k<n" and block["display"] == "block"
    assert [number.get_text() for number in block.select("mfrac mn")] == ["1", "2"]
    assert "$" not in soup.main.get_text()


def test_figures_keep_their_text_and_explorers_say_what_they_were(course: Path) -> None:
    soup = page(course, "01_one")
    assert soup.img["alt"] == 'Two "bars"'
    assert "there are controls here: kernel" in soup.get_text() and "VBox" not in soup.get_text()


def test_tables_and_chinese_words_are_marked_for_screen_readers(course: Path) -> None:
    assert [span.get_text() for span in page(course, "01_one").select("span[lang=zh]")] == ["卷积"]
    soup = page(course, "02_two")
    assert [(head.get_text(), head["scope"]) for head in soup.select("th")] == [("n", "col"), ("a", "row")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, BeautifulSoup]:
    """Every page of this course."""
    folder = tmp_path_factory.mktemp("whole")
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in site.build(folder)}


def test_every_notebook_has_a_page_with_all_its_figures(whole: dict[Path, BeautifulSoup]) -> None:
    folder = min((path.parent for path in whole), key=lambda path: len(path.parts))
    for path in (PROJECT / "notebooks").rglob("[0-9]*.ipynb"):
        soup = whole[folder / path.relative_to(PROJECT / "notebooks").with_suffix(".html")]
        stored = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
        pictures = [output for output in stored if "image/png" in output.get("data", {})]
        assert [image["alt"] for image in soup.select("main img[src^='data:']")] == [
            output["metadata"]["image/png"]["alt"] for output in pictures], path
    assert {"index.html", "install.html", "contributing.html", "teaching_notes.html"} <= {path.name for path in whole}


def test_pages_fetch_nothing_and_run_no_script(whole: dict[Path, BeautifulSoup]) -> None:
    for path, soup in whole.items():
        assert not soup.select("script, iframe, object, embed"), path
        fetched = [tag.get("src") or tag.get("href") for tag in soup.select("[src], link[href]")]
        assert [address for address in fetched if re.match(r"(https?:)?//|/", address)] == [], path
        assert not re.search(r"url\(|@import", "".join(style.get_text() for style in soup.select("style"))), path


def test_every_link_leads_somewhere(whole: dict[Path, BeautifulSoup]) -> None:
    names = {path: {tag["id"] for tag in soup.select("[id]")} for path, soup in whole.items()}
    broken = []
    for path, soup in whole.items():
        for link in soup.select("[href], img[src]"):
            address = link.get("href") or link["src"]
            parts = urlsplit(address)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in names[target]):
                broken.append((path.name, address))
    assert broken == []
