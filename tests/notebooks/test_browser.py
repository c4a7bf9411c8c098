"""The course as readers see it: JupyterLab in Chromium, every notebook run and shown as slides. `make browser` runs it.

All happens on a copy of the project, with JupyterLab's settings in a temporary folder and no way to other hosts.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter

from alexnet_helpers.maintain.slides import SETTINGS, mark_slides

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ElementHandle, Page

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").rglob("[0-9]*.ipynb"))
MINUTES = 15                                 # a notebook may take; those of the course take one or two
WIDGET = "application/vnd.jupyter.widget-view+json"

# What the notebook on the screen holds. A run has to be awaited: counts of the last run would look like success.
CELLS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .filter(cell => cell.type === 'code')
    .map(cell => ({source: cell.sharedModel.getSource(), count: cell.executionCount,
                   outputs: cell.outputs.toJSON()}))"""
IDLE = """() => { const widget = window.jupyterapp.shell.currentWidget;
    return widget?.sessionContext?.session?.kernel?.status === 'idle'; }"""
CLEAR_AND_RUN = """() => {
    for (const cell of window.jupyterapp.shell.currentWidget.content.model.cells)
        if (cell.type === 'code') cell.clearExecution();
    window.jupyterapp.commands.execute('notebook:run-all-cells')
        .then(went => window.ran = String(went), error => window.ran = String(error)); }"""
OUTPUTS_OF = """cell => JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets
    .find(widget => widget.node === cell).model.outputs.toJSON())"""
BROKEN_IMAGES = """() => [...document.querySelectorAll('.jp-NotebookPanel img')]
    .filter(image => image.complete && !image.naturalWidth).map(image => image.src.slice(0, 120))"""
PAGE = """() => { const page = document.querySelector('.slides > section.present > section.present');
    const code = [...page.querySelectorAll('.jp-Cell-inputWrapper')];
    return {id: page.id, bottom: page.getBoundingClientRect().bottom, over: page.scrollHeight - page.clientHeight,
            code: Math.max(0, ...code.map(box => box.scrollHeight - box.clientHeight)),
            cut: page.scrollWidth - page.clientWidth, scrolls: getComputedStyle(page).overflowY,
            wide: [...page.querySelectorAll('.jp-RenderedImage img, .jp-RenderedHTMLCommon table')]
                .filter(shown => shown.getBoundingClientRect().right > innerWidth).length}; }"""


@dataclass
class Lab:
    """A running JupyterLab on a copy of the project, and a browser to look at it."""

    browser: Browser
    address: str
    token: str
    folder: Path

    def path(self, notebook: Path) -> str:
        return notebook.relative_to(self.folder).as_posix()

    def end_kernels(self) -> None:
        """A kernel outlives the page that started it."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"{self.address}/api/sessions"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as reply:
            sessions = json.load(reply)
        for session in sessions:
            urllib.request.urlopen(urllib.request.Request(f"{url}/{session['id']}", headers=headers, method="DELETE"),
                                   timeout=30).close()


@dataclass
class Witness:
    """A page that notes console errors and requests to other hosts, which it does not let through."""

    lab: Lab
    width: int = 1280
    height: int = 1000
    seen: list[str] = field(default_factory=list)

    def __enter__(self) -> Witness:
        self.page: Page = self.lab.browser.new_page(viewport={"width": self.width, "height": self.height})
        self.page.set_default_timeout(600_000)
        self.page.on("console", lambda m: m.type == "error" and self.note("console error", m.text, m.location["url"]))
        self.page.on("pageerror", lambda error: self.note("page error", str(error)))
        self.page.on("websocket", lambda socket: self.is_ours(socket.url) or self.note("other host", socket.url))
        self.page.route(lambda url: not self.is_ours(url), self.refuse)
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()
        self.lab.end_kernels()

    def is_ours(self, url: str) -> bool:
        return url.startswith((self.lab.address + "/", self.lab.address.replace("http", "ws") + "/",
                               "data:", "blob:", "about:"))

    def refuse(self, route) -> None:
        self.note("other host", route.request.url)
        route.abort()

    def unexpected(self) -> list[str]:
        """Without what jupyterlab-rise 0.43.1 always says."""
        harmless = ("#RUNTIME-012",                            # the button to Jupyter Notebook does not load in slides
                    "Maximum call stack size exceeded",        # nor does the toolbar, which slides hide
                    ".css")                                    # rise looks for styles of this one notebook
        return [words for words in self.seen if "other host" in words or not any(map(words.__contains__, harmless))]

    def note(self, *words: str) -> None:
        self.seen.append(": ".join(word[:300] for word in words if word))


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, home = tmp_path_factory.mktemp("project") / "copy", tmp_path_factory.mktemp("home")
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(
        ".*", "data", "tests", "__pycache__", "*.egg-info", "*.checkpoint"))
    for name, settings in {"apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
                           "notebook-extension/tracker": {"windowingMode": "none"}}.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    environment = {**os.environ, "ALEXNET_PROFILE": "quick", "PYTHONPATH": str(folder),
                   "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "IPYTHONDIR": str(home / "ipython"),
                   **{f"JUPYTER_{what}_DIR": str(home / what.lower()) for what in ("CONFIG", "DATA", "RUNTIME")},
                   "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "MPLCONFIGDIR": str(home / "matplotlib")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    log = home / "server.log"
    with log.open("w") as words:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
             "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
             "--LabApp.expose_app_in_browser=True"],
            cwd=folder, env=environment, stdout=words, stderr=subprocess.STDOUT)
    try:
        started = time.monotonic()
        while True:
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() - started < 600, log.read_text()
                time.sleep(0.3)
        yield Lab(browser, address, token, folder)
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def run_in_lab(lab: Lab, notebook: Path) -> list[str]:
    """Open a notebook, clear it, run it, move its sliders; everything that is wrong with it, in words."""
    stored = [[output.get("data", {}) for output in cell["outputs"]]
              for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    with Witness(lab) as witness:
        page, found = witness.page, witness.seen
        page.goto(f"{lab.address}/lab/tree/{lab.path(notebook)}?token={lab.token}&reset")
        page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")
        page.wait_for_function(IDLE)
        page.evaluate(CLEAR_AND_RUN)
        page.wait_for_function("() => window.ran !== undefined", timeout=MINUTES * 60_000)
        page.wait_for_function(IDLE)
        if (ran := page.evaluate("window.ran")) != "true":
            found.append(f"running all cells did not end well: {ran}")
        cells = page.evaluate(CELLS)
        for number, (cell, before) in enumerate(zip(cells, stored, strict=True)):
            name = f"code cell {number} ({cell['source'].strip().splitlines()[0][:50]})"
            if not cell["count"]:
                found.append(f"{name}: not run")
            data = [output.get("data", {}) for output in cell["outputs"]]
            found += [f"{name}: {output['ename']}: {output['evalue']}" for output in cell["outputs"]
                      if output["output_type"] == "error"]
            pictures, expected = (sum("image/png" in one for one in many) for many in (data, before))
            if pictures < expected:
                found.append(f"{name}: {pictures} figures, but {expected} are stored")
            if any(str(one.get("text/plain", "")).startswith("<Figure") and "image/png" not in one for one in data):
                found.append(f"{name}: a figure came out as text")
            if "explorer(" in cell["source"] and not any(WIDGET in one for one in data):
                found.append(f"{name}: an explorer without sliders")
        shown = sum("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])
        page.wait_for_timeout(500)                              # for the last picture to be drawn
        if (drawn := page.locator(".jp-OutputArea .jp-RenderedImage img").count()) != shown:
            found.append(f"{shown} figures came from the kernel, {drawn} are on the page")
        found += [f"a missing image: {source}" for source in page.evaluate(BROKEN_IMAGES)]
        explorers = page.query_selector_all(".jp-CodeCell:has(.widget-slider, .widget-dropdown)")
        for cell in explorers:
            found += move_a_control(page, cell)
        print(f"{notebook.stem}: {len(cells)} cells, {shown} figures, {len(explorers)} explorers")
        return found


def move_a_control(page: Page, cell: ElementHandle) -> list[str]:
    """Move an explorer's first slider by a step, or choose another word; a complaint unless it shows something new."""
    shown = page.evaluate(OUTPUTS_OF, cell)
    if handle := cell.query_selector(".widget-slider .noUi-handle"):
        value = handle.get_attribute("aria-valuenow")
        for key in ("ArrowRight", "ArrowLeft"):                 # at its right end it can only move left
            handle.focus()
            handle.press(key)
            page.wait_for_timeout(300)
            if handle.get_attribute("aria-valuenow") != value:
                break
        else:
            return [f"a slider that does not move from {value}"]
    else:
        cell.query_selector(".widget-dropdown select").select_option(index=1)
    for _ in range(60):
        if page.evaluate(OUTPUTS_OF, cell) != shown:
            return []
        page.wait_for_timeout(500)
    return ["a slider or choice was moved, but what it shows stayed the same"]


def show_slides(lab: Lab, notebook: Path, width: int, height: int) -> tuple[list[dict], list[str]]:
    """All pages of a notebook shown with jupyterlab-rise, measured, and what went wrong."""
    with Witness(lab, width, height) as witness:
        page = witness.page
        page.goto(f"{lab.address}/rise/{lab.path(notebook)}?token={lab.token}")
        page.wait_for_selector(".reveal .slides > section.present > section.present")
        page.wait_for_function("() => document.querySelector('.slides').offsetHeight > 0")
        page.wait_for_timeout(2000)                            # rise synchronises a moment later
        pages = []
        for _ in range(page.locator(".slides > section > section").count()):
            pages.append(page.evaluate(PAGE))
            page.keyboard.press("Escape")                      # rise selects code, where a space would be typed
            page.keyboard.press("Space")
            page.wait_for_timeout(150)
        return pages, witness.unexpected()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_in_jupyterlab(path: Path, lab: Lab) -> None:
    assert run_in_lab(lab, lab.folder / path.relative_to(PROJECT)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("width, height", [(1280, 800), (1920, 1080)])
def test_slides_fit_the_screen(path: Path, width: int, height: int, lab: Lab) -> None:
    pages, wrong = show_slides(lab, lab.folder / path.relative_to(PROJECT), width, height)
    assert wrong == []
    assert len({page["id"] for page in pages}) == len(pages) > 1          # every page was reached
    longer = [page for page in pages if page["over"] > 2]
    print(f"{path.stem}, {width} x {height}: {len(pages)} pages, {len(pages) - len(longer)} fit, of these "
          f"{sum(page['code'] > 2 >= page['over'] for page in pages)} with code that scrolls in its box; "
          f"longest: {1 + max(page['over'] for page in pages) / height:.2f} screens")
    for page in pages:
        assert page["bottom"] <= height and page["cut"] <= 2 and not page["wide"], page
        assert page["over"] <= 2 or page["scrolls"] == "auto", page       # what does not fit can be reached
    assert len(longer) <= 2, longer                                       # page 09 has two long tables


# ---------------------------------------------------------------------------------------------------------------
# The test itself, tried on planted faults

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
DRAW = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
SLIDER = """%matplotlib inline
import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display

def picture():
    figure, ax = plt.subplots()
    ax.plot([0, {end}])
    plt.close(figure)
    return figure

slider = widgets.IntSlider(value=3, min=1, max={highest})
display(widgets.VBox([slider]))
shown = display(picture(), display_id=True)
slider.observe(lambda _: shown.update(picture()), names="value")"""
CHOICE = SLIDER.replace("IntSlider(value=3, min=1, max={highest})", "Dropdown(options=[3, 4])")


@pytest.fixture
def plant(lab: Lab) -> Callable[..., Path]:
    def write(*sources: str, pictures: int = 0) -> Path:
        """A notebook of these cells, a text among them if it starts with a word and a colon, and figures as stored."""
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
        for source in sources:
            is_text = source.startswith("text: ")
            cell = (nbformat.v4.new_markdown_cell if is_text else nbformat.v4.new_code_cell)(
                source.removeprefix("text: "))
            notebook.cells.append(cell)
        for _ in range(pictures):
            cell.outputs.append(nbformat.v4.new_output("display_data", {"image/png": DOT}))
        mark_slides(notebook)
        path = lab.folder / "notebooks" / f"planted_{secrets.token_hex(4)}.ipynb"
        nbformat.write(notebook, path)
        return path
    return write


def test_a_sound_notebook_passes(plant: Callable[..., Path], lab: Lab) -> None:
    assert run_in_lab(lab, plant("text: # Sound", DRAW, pictures=1)) == []
    assert run_in_lab(lab, plant(SLIDER.format(end="slider.value", highest=5), pictures=1)) == []
    assert run_in_lab(lab, plant(SLIDER.format(end="slider.value", highest=3), pictures=1)) == []     # at its end
    assert run_in_lab(lab, plant(CHOICE.format(end="slider.value"), pictures=1)) == []


@pytest.mark.parametrize("cells, pictures, complaint", [
    (["1 / 0", "print('never reached')"], 0, "ZeroDivisionError"),
    (["1 / 0", "print('never reached')"], 0, "not run"),
    (["print('no figure')"], 1, "0 figures, but 1 are stored"),
    ([DRAW.replace("plt.plot", "import sys\nget_ipython().display_formatter.formatters['image/png'].enabled = False\n"
                               "plt.plot")], 0, "came out as text"),
    (["text: ![a picture](nowhere.png)", "1"], 0, "missing image"),
    ([SLIDER.format(end=1, highest=5)], 0, "stayed the same"),
    ([SLIDER.format(end="slider.value", highest=3).replace("min=1", "min=3")], 0, "does not move"),
    ([CHOICE.format(end=1)], 0, "stayed the same"),
    (["def explorer(draw): pass\nexplorer(print)"], 0, "without sliders"),
    (["from IPython.display import HTML\nHTML('<img src=\"https://example.org/x.png\">')"], 0, "other host"),
    (["from IPython.display import Javascript\nJavascript(\"new WebSocket('wss://example.org/')\")"], 0, "other host"),
    (["from IPython.display import Javascript\nJavascript(\"console.error('planted')\")"], 0, "console error: planted"),
], ids=["error", "stopped", "lost figure", "figure as text", "missing image", "dead slider", "stuck slider",
        "dead choice", "no slider", "other host", "other host's socket", "console error"])
def test_a_planted_fault_is_found(cells: list[str], pictures: int, complaint: str, plant: Callable[..., Path],
                                  lab: Lab) -> None:
    found = run_in_lab(lab, plant(*cells, pictures=pictures))
    assert any(complaint in words for words in found), found


def test_a_cell_run_on_a_slide_has_sliders_that_work(plant: Callable[..., Path], lab: Lab) -> None:
    notebook = plant(SLIDER.format(end="slider.value", highest=5))
    with Witness(lab) as witness:
        page = witness.page
        page.goto(f"{lab.address}/rise/{lab.path(notebook)}?token={lab.token}")
        sliders, figure = page.locator(".noUi-handle"), page.locator(".jp-RenderedImage img")
        for _ in range(12):                                    # until the kernel is there
            page.locator(".reveal .present .jp-CodeCell .cm-content").focus()
            page.keyboard.press("Shift+Enter")
            page.wait_for_timeout(5000)
            if sliders.count():
                break
        before, track = figure.get_attribute("src"), page.locator(".noUi-base").bounding_box()
        page.mouse.click(track["x"] + 0.9 * track["width"], track["y"] + track["height"] / 2)    # keys turn pages
        for _ in range(40):
            page.wait_for_timeout(500)
            if figure.get_attribute("src") != before:
                break
        assert figure.get_attribute("src") != before
        assert witness.unexpected() == []


def test_slides_that_do_not_fit_are_measured(plant: Callable[..., Path], lab: Lab) -> None:
    long = "text: " + "many words " * 2000
    pages, wrong = show_slides(lab, plant("text: # One", "text: ## Two", long), 1280, 800)
    assert [page["over"] > 2 for page in pages] == [False, False, True]
    assert wrong == []


def test_a_web_font_would_be_found(plant: Callable[..., Path], lab: Lab) -> None:
    path = plant("text: # One")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["rise"] = {**SETTINGS, "theme": "simple"}
    nbformat.write(notebook, path)
    assert any("other host: https://fonts" in words for words in show_slides(lab, path, 1280, 800)[1])


# ---------------------------------------------------------------------------------------------------------------
# Sheets to hand out


def printed_pages(browser: Browser, markdown: str) -> int:
    """Pages of A4 that `markdown` takes, shown as JupyterLab shows it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(markdown)])
    page = browser.new_page()
    page.route("**/*", lambda route: route.abort())            # no fonts or scripts from elsewhere
    page.set_content(HTMLExporter(exclude_input_prompt=True).from_notebook_node(notebook)[0])
    printed = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "10mm"))
    page.close()
    return len(re.findall(rb"/Type\s*/Page\b", printed))


SHEETS = sorted((PROJECT / "notebooks" / "teaching").glob("*_sheet.md"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.stem)
def test_a_sheet_prints_on_one_page(sheet: Path, browser: Browser) -> None:
    text = sheet.read_text(encoding="utf-8")
    assert printed_pages(browser, text) == 1
    assert printed_pages(browser, text + text) > 1
