"""Notebooks say the same whatever the user has set up: in `pytest --nbval`, and executed by the maintainer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from alexnet_helpers.maintain import notebooks

PROJECT = Path(__file__).resolve().parents[2]
# A cell and what it gives back with nothing set up; each stands for one way to set up something.
CELLS = {
    "one\n'two'": "'two'",                                     # ast_node_interactivity = "all" shows both
    "import pandas as pd\npd.Series(range(3)).to_string(), pd.get_option('display.max_rows')":
        "('0    0\\n1    1\\n2    2', 60)",
    "import matplotlib as mpl\nmpl.rcParams['figure.figsize']": "[6.4, 4.8]",
    "sorted(name for name in globals() if name.startswith('planted'))": "[]",
    "get_ipython().config.get('InteractiveShell', {}).get('ast_node_interactivity')": "",
}


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user who has set up everything; and a folder with a notebook as it is stored."""
    user = tmp_path / "user"
    profile, kernel = user / "ipython" / "profile_default", user / "jupyter" / "kernels" / "python3"
    for folder in (profile / "startup", kernel, user / "matplotlib", user / "config"):
        folder.mkdir(parents=True)
    setting = 'c.InteractiveShell.ast_node_interactivity = "all"\n'
    (profile / "ipython_config.py").write_text(f"c = get_config()\n{setting}")
    (profile / "ipython_kernel_config.py").write_text(f"c = get_config()\n{setting}")
    (profile / "startup" / "00-mine.py").write_text(
        "import pandas\npandas.set_option('display.max_rows', 2)\nplanted_by_profile = 1\n")
    (user / "startup.py").write_text("planted_by_python = 1\n")
    (user / "matplotlib" / "matplotlibrc").write_text("figure.figsize: 2, 2\n")
    for place in (user / "jupyter", user / "config"):
        (place / "jupyter_config.json").write_text("{")
    (kernel / "kernel.json").write_text(json.dumps(
        {"argv": ["no-such-python", "{connection_file}"], "display_name": "Mine", "language": "python"}))
    for name, value in (("IPYTHONDIR", "ipython"), ("MPLCONFIGDIR", "matplotlib"), ("PYTHONSTARTUP", "startup.py"),
                        ("JUPYTER_CONFIG_DIR", "config"), ("JUPYTER_DATA_DIR", "jupyter")):
        monkeypatch.setenv(name, str(user / value))
    monkeypatch.setenv("MATPLOTLIBRC", str(user / "matplotlib" / "matplotlibrc"))
    folder = tmp_path / "project"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell("one = 'one'", id="first", execution_count=1)]
    for count, (source, text) in enumerate(CELLS.items(), start=2):
        result = nbformat.v4.new_output("execute_result", data={"text/plain": text}, execution_count=count)
        cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{count}", execution_count=count,
                                               outputs=[result] if text else []))
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "P"}})
    nbformat.write(notebook, folder / "01_small.ipynb")
    return folder


def shown(notebook: nbformat.NotebookNode) -> list[list[str]]:
    return [[output.get("data", output).get("text/plain", str(output)) for output in cell.outputs]
            for cell in notebook.cells[1:]]


def test_nbval_sees_nothing_of_what_the_user_has_set_up(set_up: Path) -> None:
    shutil.copy(PROJECT / "conftest.py", set_up)
    (set_up / "test_size.py").write_text(
        "import matplotlib as mpl\ndef test_size(): assert list(mpl.rcParams['figure.figsize']) == [6.4, 4.8]\n")
    run = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider"], cwd=set_up,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "7 passed" in run.stdout


def test_the_command_executes_without_it_too(set_up: Path) -> None:
    notebook, _ = notebooks.executed(set_up / "01_small.ipynb")
    assert shown(notebook) == [[text] if text else [] for text in CELLS.values()]


def test_what_was_set_up_here_would_change_every_cell(set_up: Path) -> None:
    """Else the tests above would prove nothing. The kernel that cannot start is taken away."""
    shutil.rmtree(Path(os.environ["JUPYTER_DATA_DIR"]) / "kernels")
    notebook = nbformat.read(set_up / "01_small.ipynb", as_version=4)
    NotebookClient(notebook, startup_timeout=300).execute()
    for outputs, text in zip(shown(notebook), CELLS.values(), strict=True):
        assert outputs != ([text] if text else [])
