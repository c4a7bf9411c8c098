"""The gate: what nbval cannot see. A stripped notebook, for one, passes nbval with nothing compared."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from alexnet_helpers.maintain import slides

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").rglob("[0-9]*.ipynb"))
IGNORED_TAGS = {"nbval-ignore-output", "nbval-skip"}
ALLOWED_TAGS = IGNORED_TAGS | {"raises-exception"} | set(slides.TAGS)
ABSOLUTE_PATH = re.compile(r"(?<![\w.])(/(home|root|Users|tmp)/|[A-Za-z]:\\Users)")
SHELL = re.compile(r"^\s*(!|%pip|%conda|%%bash|%%sh)", re.M)


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def is_ignored(cell: dict) -> bool:
    return bool(IGNORED_TAGS & set(cell["metadata"].get("tags", [])))


def text_of(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def problems(path: Path) -> list[str]:
    """Everything that is wrong with a stored notebook, in words; the notebook is not executed."""
    raw = path.read_text(encoding="utf-8")
    notebook = json.loads(raw)              # not nbformat.read, which repairs duplicate ids without a word
    code = code_cells(notebook)
    found = []
    if len(raw) > 500_000:
        found.append(f"{len(raw):,} bytes; at most 500,000")
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        found.append("its kernel is not python3")
    if "widgets" in notebook["metadata"]:
        found.append("widget state in the metadata, with which GitHub shows 'Invalid Notebook'")
    ids = [cell.get("id") for cell in notebook["cells"]]
    if None in ids or len(set(ids)) < len(ids):
        found.append("a cell without an id, or two with the same")
    else:
        try:
            nbformat.validate(nbformat.reads(raw, as_version=nbformat.NO_CONVERT))
        except nbformat.ValidationError as error:
            found.append(f"not a valid notebook: {error.message}")
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        found.append(f"execution counts are not 1 … {len(code)}: nbval compares nothing where they are missing")
    if not any(cell["outputs"] for cell in code):
        found.append("no outputs at all")
    if not code or sum(map(is_ignored, code)) > 0.4 * len(code):
        found.append(f"{sum(map(is_ignored, code))} of {len(code)} code cells are not compared; at most 40 % may be")
    for number, cell in enumerate(notebook["cells"]):
        source = text_of(cell["source"])

        def note(what: str, cell: dict = cell, number: int = number) -> None:
            found.append(f"cell {number} ({cell.get('id')}): {what}")

        if not source.strip():
            note("empty")
        if "execution" in cell["metadata"]:
            note("time stamps in its metadata")
        if ABSOLUTE_PATH.search(source):
            note("an absolute path")
        if cell["cell_type"] == "markdown":
            if re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")", source):
                note("an image without alt text")
            if re.search(r"!\[[^\]]*\]\(https?:|<img[^>]*src=\"https?:", source):
                note("an image from another host")
            for target in re.findall(r"\]\(([^)#\s]+)", source):
                if not target.startswith("http") and not (path.parent / target).exists():
                    note(f"a link to {target}, which is not there")
            continue
        if unknown := set(cell["metadata"].get("tags", [])) - ALLOWED_TAGS:
            note(f"unknown tags {unknown}")
        if SHELL.search(source):
            note("a shell or install command")
        if re.search(r"#\s*(NBVAL_|PYTEST_VALIDATE)", source):
            note("an nbval comment; use a tag, which learners do not see")
        if len(source.splitlines()) > 25:
            note(f"{len(source.splitlines())} lines of code; at most 25")
        for output in cell["outputs"]:
            data = output.get("data", {})
            words = [text_of(output.get("text", ""))] + [text_of(value) for kind, value in data.items()
                                                         if isinstance(value, str | list) and "image/" not in kind]
            if output["output_type"] == "error":
                note(f"a stored error, {output['ename']}")
            if output.get("name") == "stderr":
                note("text on stderr")
            if any(ABSOLUTE_PATH.search(text) for text in words):
                note("an absolute path in its output")
            if "application/vnd.jupyter.widget-view+json" in data:
                note("a stored widget, which shows an error until it is run; use `make notebooks`")
            pictures = [kind for kind in data if kind.startswith("image/")]
            if text_of(data.get("text/plain", "")).startswith("<Figure size") and not pictures:
                note("a figure that came out as text, without its image")
            for kind in pictures:
                if not output["metadata"].get(kind, {}).get("alt", "").strip():
                    note("an image without alt text")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_passes_the_gate(path: Path) -> None:
    assert problems(path) == []


def test_a_third_of_all_cells_at_most_is_ignored() -> None:
    code = [cell for path in NOTEBOOKS for cell in code_cells(json.loads(path.read_text(encoding="utf-8")))]
    ignored = sum(map(is_ignored, code))
    print(f"{len(NOTEBOOKS)} notebooks, {len(code) - ignored} cells compared, {ignored} not")
    assert len(NOTEBOOKS) > 0
    assert ignored <= len(code) / 3


# ---------------------------------------------------------------------------------------------------------------
# The gate itself, tried on a notebook with planted faults


@pytest.fixture(scope="module")
def sound() -> dict:
    """A small executed notebook with a compared number and a figure, as `make notebooks` would store it."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    sources = ["%matplotlib inline\nimport matplotlib.pyplot as plt\nimport alexnet_helpers as ah\n"
               "ah.use_course_style()\nprint('6 x 7 =', 6 * 7)",
               "plt.plot([1, 2])\nplt.title('two points')\nplt.show()",
               "total = 61_706\ntotal"]
    notebook.cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    NotebookClient(notebook, startup_timeout=300, record_timing=False, store_widget_state=False).execute()
    return json.loads(nbformat.writes(notebook))


def store(notebook: dict, folder: Path, name: str = "01_planted.ipynb") -> Path:
    path = folder / name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def test_a_sound_notebook_passes_gate_and_nbval_which_sees_one_changed_digit(sound: dict, tmp_path: Path) -> None:
    changed = json.loads(json.dumps(sound).replace("= 42", "= 43"))
    assert changed != sound
    path = store(sound, tmp_path)
    assert problems(path) == []
    store(changed, tmp_path, "02_changed.ipynb")
    shutil.copy(PROJECT / "conftest.py", tmp_path)             # the project's own
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider"], cwd=tmp_path,
                         capture_output=True, text=True)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Notebooks: 2 run, 6 cells compared, 0 run without comparing (0%)" in run.stdout
    assert "Cell outputs differ" in run.stdout and "1 failed, 5 passed" in run.stdout
    assert "FAILED 02_changed.ipynb::Cell 0" in run.stdout


def test_two_processes_run_whole_notebooks_and_share_the_cores(tmp_path: Path) -> None:
    for name in ("01_planted", "02_planted"):                  # every cell needs the one before it
        cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}", execution_count=i + 1, outputs=[
            nbformat.v4.new_output("stream", name="stdout", text=f"{i}\n")])
            for i, source in enumerate(["n = 0\nprint(n)"] + 5 * ["n += 1\nprint(n)"])]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    shutil.copy(PROJECT / "conftest.py", tmp_path)
    (tmp_path / "test_cores.py").write_text(
        "import os\ndef test_share(): assert int(os.environ['OMP_NUM_THREADS']) == max(1, os.cpu_count() // 2)\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "PYTEST_XDIST"))}
    run = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", "--numprocesses", "2"],
                         cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0 and "13 passed" in run.stdout, run.stdout + run.stderr
    assert "Notebooks: 2 run, 12 cells compared, 0 run without comparing (0%)" in run.stdout


def test_a_run_without_notebooks_fails(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "conftest.py", tmp_path)
    (tmp_path / "test_one.py").write_text("def test_one():\n    pass\n")
    run = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider"], cwd=tmp_path,
                         capture_output=True, text=True)
    assert "Notebooks: 0 run" in run.stdout
    assert run.returncode == 1


def strip_counts(notebook: dict) -> None:
    for cell in notebook["cells"]:
        cell["execution_count"] = None


def shuffle_counts(notebook: dict) -> None:
    notebook["cells"][0]["execution_count"] = 7


def store_error(notebook: dict) -> None:
    notebook["cells"][0]["outputs"].append(
        {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []})


def strip_outputs(notebook: dict) -> None:
    for cell in notebook["cells"]:
        cell["outputs"] = []


def lose_image(notebook: dict) -> None:
    del notebook["cells"][1]["outputs"][0]["data"]["image/png"]


def lose_alt_text(notebook: dict) -> None:
    del notebook["cells"][1]["outputs"][0]["metadata"]["image/png"]


def add_widget_state(notebook: dict) -> None:
    notebook["metadata"]["widgets"] = {}


def print_a_path(notebook: dict) -> None:
    notebook["cells"][0]["outputs"][0]["text"] = ["/home/someone/data\n"]


def install_something(notebook: dict) -> None:
    notebook["cells"][0]["source"] = "!pip install something"


def ignore_everything(notebook: dict) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["nbval-ignore-output"]


def take_another_kernel(notebook: dict) -> None:
    notebook["metadata"]["kernelspec"]["name"] = "my-environment"


def repeat_an_id(notebook: dict) -> None:
    notebook["cells"][1]["id"] = notebook["cells"][0]["id"]


def grow(notebook: dict) -> None:
    notebook["cells"][0]["source"] += "#" * 500_000


def write_to_stderr(notebook: dict) -> None:
    notebook["cells"][0]["outputs"].append({"output_type": "stream", "name": "stderr", "text": ["a warning\n"]})


def keep_a_widget(notebook: dict) -> None:
    notebook["cells"][1]["outputs"][0]["data"]["application/vnd.jupyter.widget-view+json"] = {"model_id": "0"}


def link_to_nowhere(notebook: dict) -> None:
    notebook["cells"].append({"cell_type": "markdown", "id": "link", "metadata": {}, "source": "[next](99_next.ipynb)"})


def picture_without_alt(notebook: dict) -> None:
    notebook["cells"].append({"cell_type": "markdown", "id": "picture", "metadata": {}, "source": "![](picture.png)"})


@pytest.mark.parametrize("plant, complaint", [
    (strip_counts, "execution counts"), (shuffle_counts, "execution counts"), (store_error, "stored error"),
    (strip_outputs, "no outputs"), (lose_image, "without its image"), (lose_alt_text, "without alt text"),
    (add_widget_state, "widget state"), (print_a_path, "absolute path"), (install_something, "install command"),
    (ignore_everything, "not compared"), (take_another_kernel, "kernel"), (repeat_an_id, "an id"),
    (grow, "at most 500,000"), (write_to_stderr, "stderr"), (picture_without_alt, "without alt text"),
    (link_to_nowhere, "which is not there"), (keep_a_widget, "a stored widget"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_the_gate_catches(plant: Callable[[dict], None], complaint: str, sound: dict, tmp_path: Path) -> None:
    notebook = copy.deepcopy(sound)
    plant(notebook)
    assert any(complaint in problem for problem in problems(store(notebook, tmp_path)))
