"""The README's minutes: measured by a command, on a README and a notebook made up for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from alexnet_helpers.maintain import minutes, notebooks
from alexnet_helpers.maintain.__main__ import main

README = f"""# A course

{minutes.START}
| | chapter | minutes, two CPU cores |
|---|---|---|
| 01 | [One](notebooks/01_one.ipynb) | 9.9 |
| 02 | [Two](notebooks/02_two.ipynb) | 1.2 |

{minutes.NO_GPU}
{minutes.END}

The end, with a | in it.
"""


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path / "README.md"


def test_the_command_measures_and_writes(readme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = readme.parent / "notebooks"
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])
    nbformat.write(notebook, folder / "01_one.ipynb")
    stored = (folder / "01_one.ipynb").read_bytes()
    monkeypatch.setattr(minutes, "PROJECT", readme.parent)
    monkeypatch.setattr(minutes, "machine", lambda: "two CPU cores")
    clock = iter([100.0, 124.0])                               # seconds, before and after
    monkeypatch.setattr(notebooks, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert main(["minutes"]) == 0
    assert readme.read_text(encoding="utf-8") == README.replace("9.9", "0.4")
    assert (folder / "01_one.ipynb").read_bytes() == stored


def test_a_chapter_without_a_row_is_named(readme: Path) -> None:
    assert minutes.write_minutes(readme, {"02_two.ipynb": 0.33, "03_new.ipynb": 1}, "two CPU cores") == ["03_new.ipynb"]
    assert readme.read_text(encoding="utf-8") == README.replace("| 1.2 |", "| 0.3 |")


def test_a_gpu_gets_a_column_and_the_line_about_it_goes(readme: Path) -> None:
    minutes.write_minutes(readme, {"02_two.ipynb": 0.5}, "NVIDIA H100")
    text = readme.read_text(encoding="utf-8")
    assert "| minutes, two CPU cores | minutes, NVIDIA H100 |\n|---|---|---|---|\n" in text
    assert "| 9.9 | – |" in text and "| 1.2 | 0.5 |" in text and minutes.NO_GPU not in text
    minutes.write_minutes(readme, {"01_one.ipynb": 0.4}, "NVIDIA H100")
    minutes.write_minutes(readme, {"01_one.ipynb": 2.0}, "two CPU cores")
    assert "| 2.0 | 0.4 |" in readme.read_text(encoding="utf-8")


def test_one_column_is_of_one_machine(readme: Path) -> None:
    with pytest.raises(ValueError, match="two CPU cores', and this is one CPU core: measure all chapters"):
        minutes.write_minutes(readme, {"01_one.ipynb": 1.0}, "one CPU core")
    assert readme.read_text(encoding="utf-8") == README
    minutes.write_minutes(readme, {"01_one.ipynb": 1.0, "02_two.ipynb": 2.0}, "one CPU core")
    assert "minutes, one CPU core |" in readme.read_text(encoding="utf-8")


def test_the_readme_is_as_the_command_writes_it(tmp_path: Path) -> None:
    """Its table can be read and written again without a change."""
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    heading, _, line, *_ = text.split(minutes.START)[1].splitlines()[1:]
    column = next(i for i, cell in enumerate(heading.split("|")) if "CPU" in cell)
    where = heading.split("|")[column].strip().removeprefix("minutes, ")
    measured = {"01_history.ipynb": float(line.split("|")[column])}
    assert minutes.write_minutes(tmp_path / "README.md", measured, where) == []
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text
