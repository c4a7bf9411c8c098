"""Figures really come out as images, with a text alternative, in a kernel like the reader's.

With a newer IPython than the one pinned they silently do not, and nbval cannot see it: it never compares images.
"""

import base64

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from alexnet_helpers.figures.style import describe

SETUP = "%matplotlib inline\nimport alexnet_helpers as ah\nah.use_course_style()"
CELLS = {
    "setup": SETUP,
    "pyplot": """
import matplotlib.pyplot as plt
figure, ax = plt.subplots()
ax.plot([0, 2], [3, 5], label="rising")
ax.set(title="It rises", xlabel="step", ylabel="height (m)")
plt.show()""",
    "own words": "figure, ax = plt.subplots()\nfigure.alt = 'Nothing at all'\nplt.show()",
    "fit": """
import torch
torch.manual_seed(0)
data = [(torch.rand(8, 4), torch.randint(0, 10, (8,))) for _ in range(3)]
history = ah.fit(torch.nn.Linear(4, 10), data, data, epochs=3, lr=0.1)""",
    "interrupted": """
class Stop(list):
    def __iter__(self):
        yield from super().__iter__()
        raise KeyboardInterrupt
history = ah.fit(torch.nn.Linear(4, 10), Stop(data), data, epochs=3, lr=0.1)""",
    "book": "from d2l import torch as d2l\nbooks_own = d2l.use_svg_display\nd2l.use_svg_display = ah.use_course_style",
    "d2l.plot": "d2l.plot(torch.arange(4.0), torch.arange(4.0) ** 2, xlabel='x', ylabel='f(x)')",
    "d2l.Animator": """
animator = d2l.Animator(xlabel="epoch", legend=["train loss"])
for epoch in range(3):
    animator.add(epoch, [1 / (1 + epoch)])""",
    "book alone": "d2l.use_svg_display = books_own\nd2l.plot([1.0, 2.0, 4.0])\nd2l.plt.show()",
    "course again": "ah.use_course_style()\nfigure = plt.figure()\nplt.plot([1, 2], [1, 4])\nplt.show()",
}


def execute(cells, folder):
    """Run the cells in a fresh kernel in `folder`; their outputs, a list for each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    client = NotebookClient(notebook, timeout=900, startup_timeout=300, kernel_name="python3",
                            resources={"metadata": {"path": str(folder)}})
    client.execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    by_name = dict(zip(CELLS, execute(CELLS.values(), folder), strict=True))
    assert list(folder.iterdir()) == []                        # nothing is written beside a notebook
    return by_name


def pictures(outputs):
    return [output for output in outputs if any(kind.startswith("image/") for kind in output.get("data", {}))]


def texts(outputs):
    """What is printed or shown as text alone."""
    return [output.get("text") or output["data"]["text/plain"] for output in outputs if output not in pictures(outputs)]


def alt(picture):
    """Text alternative of a PNG; also looks whether it is one."""
    assert base64.b64decode(picture["data"]["image/png"])[:4] == b"\x89PNG"
    assert "image/svg+xml" not in picture["data"]
    return picture["metadata"]["image/png"]["alt"]


def test_pyplot_figure_is_a_picture_described_from_its_data(outputs):
    [picture] = outputs["pyplot"]
    assert alt(picture) == "It rises; height (m) over step; rising: 3 at 0 to 5 at 2"


def test_figure_described_in_its_own_words(outputs):
    [picture] = outputs["own words"]
    assert alt(picture) == "Nothing at all"


def test_fit_leaves_one_line_and_one_figure(outputs):
    [picture] = pictures(outputs["fit"])
    assert "Loss and accuracy over epochs" in alt(picture) and "run 1, 3 epochs: training loss " in alt(picture)
    [line] = texts(outputs["fit"])
    assert line.startswith("3 epochs in ")
    assert "test accuracy 0." in line


def test_interrupted_fit_says_so(outputs):
    assert pictures(outputs["interrupted"]) == []
    state, line = sorted(texts(outputs["interrupted"]), key=len)
    assert state == "no whole epoch yet, 3 steps"
    assert line.startswith("Interrupted after 3 steps (0 whole epochs); the network keeps what it has learned.")


@pytest.mark.parametrize("cell", ["d2l.plot", "d2l.Animator"])
def test_books_figures_are_pictures_with_words_too(outputs, cell):
    [picture] = pictures(outputs[cell])
    assert {"d2l.plot": "f(x) over x", "d2l.Animator": "train loss: 1 at 0 to 0.333 at 2"}[cell] in alt(picture)


def test_books_figures_are_pictures_without_any_help(outputs):
    [picture] = pictures(outputs["book alone"])
    assert "<svg" in picture["data"]["image/svg+xml"]


def test_course_style_comes_back_after_the_books(outputs):
    [picture] = pictures(outputs["course again"])
    assert alt(picture) == "1 at 1 to 4 at 2"


@pytest.mark.parametrize(("x", "y", "words"), [
    ([0, 1, 2], [3, 4, 5], "3 at 0 to 5 at 2"),
    (["small", "large"], [3, 4], "3 at 0 to 4 at 1"),
    (pd.Series([1.0, 2.0], index=[7, 8]), pd.Series([3.0, 4.0], index=[7, 8]), "3 at 1 to 4 at 2"),
    ([0, 1, 2, 3], [float("nan"), 4, 5, float("nan")], "4 at 1 to 5 at 2"),
    ([0], [1], "An empty figure"),
])
def test_every_line_can_be_described(x, y, words):
    figure = Figure()
    figure.subplots().plot(x, y)
    assert describe(figure) == words


def test_level_and_upright_lines_are_not_curves():
    figure = Figure()
    ax = figure.subplots()
    ax.plot([0, 20], [3, 4])
    ax.axhline(2.3, label="chance")
    ax.axvline(12)
    assert describe(figure) == "3 at 0 to 4 at 20; chance: a level line at 2.3; an upright line at 12"


def test_names_in_the_books_legend():
    figure = Figure()
    ax = figure.subplots()
    ax.plot([1, 2])
    ax.plot([3, 4])
    ax.legend(["train loss"])
    assert describe(figure) == "train loss: 1 at 0 to 2 at 1; 3 at 0 to 4 at 1"
