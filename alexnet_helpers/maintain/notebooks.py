"""Notebooks executed anew, with nothing in their outputs that changes from run to run by itself."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from ..data import PROJECT
from .slides import mark_slides


def plain_environment(folder: Path) -> dict[str, str]:
    """This process's environment without the user's settings of IPython, Jupyter and matplotlib; `folder` is empty.

    A profile, a start-up file, pandas options in one, a matplotlibrc would change what a notebook prints. The list of
    fonts, which takes seconds to make, stays.
    """
    (folder / "matplotlibrc").touch()
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("PYTHONSTARTUP", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH")}
    return environment | {"MATPLOTLIBRC": str(folder / "matplotlibrc")} | {
        name: str(folder / name.lower())
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}


def executed(path: Path) -> tuple[object, float]:
    """The notebook at `path` with fresh outputs, and the minutes that it took; the file stays as it is."""
    import nbformat
    from nbclient import NotebookClient

    started = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        NotebookClient(notebook, timeout=1800, startup_timeout=300, record_timing=False, store_widget_state=False,
                       coalesce_streams=True, resources={"metadata": {"path": str(path.parent)}},
                       ).execute(env=plain_environment(Path(folder)))
    return notebook, (time.perf_counter() - started) / 60


def store(paths: list[Path]) -> None:
    """Execute notebooks (all by default) and store their outputs."""
    import nbformat

    os.environ["ALEXNET_PROFILE"] = "quick"                    # the profile that pytest --nbval compares with
    for path in paths or sorted((PROJECT / "notebooks").rglob("[0-9]*.ipynb")):
        notebook, minutes = executed(path)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):             # a stored view of a widget that is gone shows an error
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        mark_slides(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {minutes:.1f} minutes", flush=True)
