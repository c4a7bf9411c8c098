"""The course as a static site: a page for every notebook, from its stored outputs, by nbconvert.

Nothing is executed, nothing comes from the network, and the pages need no script: formulas become MathML here.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup, NavigableString
from jinja2 import FileSystemLoader, pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from ..data import PROJECT
from .minutes import END
from .slides import joined

TEMPLATE = Path(__file__).with_name("site_template")
HAN = re.compile(r"[\u3400-\u9fff]+")
COLOURS = "xcode"                            # the one of Pygments' styles whose colours all have a contrast of 4.5 : 1


class Renderer(IPythonRenderer):
    """Markdown to HTML with formulas as MathML."""

    def block_math(self, body: str) -> str:
        return convert(body.strip(), display="block")

    def inline_math(self, body: str) -> str:
        return convert(body.strip())


class Exporter(HTMLExporter):
    """nbconvert's HTML, in the site's frame."""

    def __init__(self) -> None:
        super().__init__(template_name="lab", template_file="page.html.j2", exclude_input_prompt=True,
                         exclude_output_prompt=True, extra_loaders=[FileSystemLoader(TEMPLATE)])

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        return MarkdownWithMath(renderer=Renderer(escape=False)).render(source)


def pages(root: Path = PROJECT) -> dict[Path, str]:
    """What becomes a page: its file -> the page's place in the site. README.md becomes index.html."""
    found = {root / f"{name}.md": f"{page}.html" for name, page in
             {"README": "index", "INSTALL": "install", "CONTRIBUTING": "contributing"}.items()}
    folder = root / "notebooks"
    for path in sorted([*folder.rglob("[0-9]*.ipynb"), *folder.rglob("*.md")]):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            found[path] = path.relative_to(folder).with_suffix(".html").as_posix()
    return found


def build(folder: Path = PROJECT / "site", root: Path = PROJECT) -> list[Path]:
    """Write the site into `folder`, which is emptied first; its pages."""
    shutil.rmtree(folder, ignore_errors=True)
    places, exporter = pages(root), Exporter()
    notebooks = {path: load(path) for path in places}
    titles = {path: title(notebook) for path, notebook in notebooks.items()}
    index = notebooks[root / "README.md"]["cells"][0]
    index["source"] = index["source"].replace(END, END + "\n\n" + contents(titles, root))
    written = []
    for path, notebook in notebooks.items():
        make_readable(notebook)
        if path.parent.name == "solutions":
            fold_answers(notebook)
        html, _ = exporter.from_notebook_node(notebook, {
            "title": titles[path], "root": "../" * places[path].count("/"),
            "ways": [(name, address(other, path, places)) for name, other in ways(path, titles, root)]})
        page = folder / places[path]
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(finished(html, path, places, folder), encoding="utf-8", newline="\n")
        written.append(page)
    colours = HtmlFormatter(style=COLOURS).get_style_defs(".highlight")
    (folder / "site.css").write_text((TEMPLATE / "site.css").read_text(encoding="utf-8") + colours + "\n",
                                     encoding="utf-8", newline="\n")
    print(f"{len(written)} pages; open {folder / 'index.html'}")
    return written


def load(path: Path) -> nbformat.NotebookNode:
    """A notebook; a text in Markdown becomes one of a single cell."""
    if path.suffix == ".ipynb":
        return nbformat.read(path, as_version=4)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))])


def title(notebook: nbformat.NotebookNode) -> str:
    text = notebook["cells"][0]["source"]
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def contents(titles: dict[Path, str], root: Path) -> str:
    """For the index, in Markdown: in-depth pages, other texts, and the solutions behind a click."""
    def links(*paths: Path) -> str:
        return "\n".join(f"- [{titles[path]}]({path.relative_to(root).as_posix()})" for path in paths)

    depth, solutions = ([path for path in titles if path.parent.name == name] for name in ("in_depth", "solutions"))
    texts = [path for path in titles if path.suffix == ".md" and path.parent != root]
    return (f"### In depth\n\n{links(*depth)}\n\n### For teachers\n\n{links(*texts)}\n\n### Solutions\n\n"
            f"<details><summary>Show the solutions: try the exercises first</summary>\n\n{links(*solutions)}\n\n"
            "</details>\n")


def ways(path: Path, titles: dict[Path, str], root: Path) -> list[tuple[str, Path]]:
    """Where a page leads: the course, its lesson if it belongs to one, the lessons before and after."""
    lessons = [other for other in titles if other.parent == root / "notebooks" and other.suffix == ".ipynb"]
    found = [("The course", root / "README.md")]
    if path in lessons:
        place = lessons.index(path)
        found += [(f"← {titles[other]}", other) for other in lessons[max(0, place - 1):place]]
        found += [(f"{titles[other]} →", other) for other in lessons[place + 1:place + 2]]
    else:
        found += [(titles[other], other) for other in lessons if path.suffix == ".ipynb"
                  and other.name[:2] == path.name[:2]]
    return found


def make_readable(notebook: nbformat.NotebookNode) -> None:
    """Without a kernel sliders are only the text of an object: say in their place what stands there in Jupyter."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if joined(data.get("text/plain", "")).startswith("VBox(children=("):
                names = re.findall(r"description='([^']+)'", joined(data["text/plain"]))
                data["text/markdown"] = (f"*In Jupyter there are controls here: {', '.join(names)}. "
                                         "What they show at first is below.*")


def fold_answers(notebook: nbformat.NotebookNode) -> None:
    """Mark what stands under each ## heading to be shown by a click; the heading becomes a cell of its own."""
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            cells.append(cell)
            continue
        parts = filter(str.strip, re.split(r"^(## .*)$", cell["source"], flags=re.MULTILINE))
        for number, part in enumerate(parts):
            cells.append(nbformat.v4.new_markdown_cell(part, id=cell["id"] + (f"-{number}" if number else "")))
    heads = [cell["cell_type"] == "markdown" and cell["source"].startswith("## ") for cell in cells]
    for i, cell in enumerate(cells):
        if not heads[i] and any(heads[:i]):
            if heads[i - 1]:
                cell["metadata"]["opens"] = cells[i - 1]["source"][3:]
            cell["metadata"]["closes"] = heads[i + 1:i + 2] != [False]
    notebook["cells"] = cells


def address(target: Path, source: Path, places: dict[Path, str]) -> str:
    """The way from one page to another, relative, so that the site works under any path and from a folder."""
    return Path(os.path.relpath(places[target], Path(places[source]).parent)).as_posix()


def finished(html: str, source: Path, places: dict[Path, str], folder: Path) -> str:
    """The page with links led to pages, pictures copied, a list of its sections, and what screen readers need."""
    soup = BeautifulSoup(html, "html.parser")
    for anchor in soup.select(".anchor-link"):
        anchor.decompose()
    for link in soup.select("main a[href]"):
        lead_to_page(link, source, places)
    for image in soup.select("img[src]"):
        if not image["src"].startswith("data:"):
            shutil.copy(source.parent / image["src"], folder / places[source].rpartition("/")[0])
            image["src"] = Path(image["src"]).name
    for table in soup.select("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "table", "tabindex": "0"}))
    for head in soup.select("th"):
        if head.get_text(strip=True):
            head["scope"] = "col" if head.find_parent("thead") else "row"
        else:
            head.name = "td"                                   # a corner that heads nothing
    for box in soup.select("pre"):
        box["tabindex"] = "0"                                  # long lines scroll: by keyboard, too
    for heading in soup.select("h1[id], h2[id], h3[id], h4[id]"):
        name = unquote(heading["id"])                          # as Jupyter names them; in a text, as GitHub does
        heading["id"] = name.lower() if source.suffix == ".md" else name
    sections = soup.select("main h2[id]")
    if len(sections) > 2:
        items = "".join(f'<li><a href="#{quote(head["id"])}">{head.decode_contents()}</a></li>' for head in sections)
        list_ = BeautifulSoup(f'<nav aria-label="On this page"><ul class="contents">{items}</ul></nav>', "html.parser")
        soup.h1.insert_after(list_)
    for text in soup.main.find_all(string=HAN):
        pieces = HAN.sub(lambda found: f'<span lang="zh">{found[0]}</span>', NavigableString(text).output_ready("html"))
        text.replace_with(BeautifulSoup(pieces, "html.parser"))
    return str(soup)


def lead_to_page(link, source: Path, places: dict[Path, str]) -> None:
    """A link to a notebook or text becomes one to its page; one to a folder or file without a page, plain words."""
    parts = urlsplit(link["href"])
    if parts.scheme or not parts.path:
        return
    target = (source.parent / unquote(parts.path)).resolve()
    if target in places:
        link["href"] = address(target, source, places) + (f"#{parts.fragment}" if parts.fragment else "")
    else:
        link.unwrap()
