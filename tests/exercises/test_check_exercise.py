"""The self-checks' mechanism; what each check accepts and refuses is tested chapter by chapter."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from alexnet_helpers import check_exercise, exercises

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Two exercises made for the test, in place of the course's."""
    def number(answer):
        return None if answer == 55 else "Count the steps of the window." if answer > 0 else "A size is positive."

    def shape(answer):
        channels, side = answer
        return None if channels == 256 and side == 5 else "Look at pool5."

    monkeypatch.setattr(exercises, "CHECKS", {"9.1": number, "9.2": shape})


@pytest.mark.parametrize(("number", "answer", "printed"), [
    ("9.1", None, "Exercise 9.1: not answered yet.\n"),
    ("9.2", [256, None], "Exercise 9.2: not answered yet.\n"),
    ("9.2", (None, 5), "Exercise 9.2: not answered yet.\n"),
    ("9.2", {"channels": None, "side": 5}, "Exercise 9.2: not answered yet.\n"),
    ("9.1", 55, "Exercise 9.1: right.\n"),
    ("9.2", [256, 5], "Exercise 9.2: right.\n"),
    ("9.1", 54, "Exercise 9.1: not yet. Count the steps of the window.\n"),
    ("9.1", 0, "Exercise 9.1: not yet. A size is positive.\n"),
    ("9.2", [256, 6], "Exercise 9.2: not yet. Look at pool5.\n"),
])
def test_what_is_said(number, answer, printed, capsys):
    check_exercise(number, answer)
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("answer", [torch.tensor(55), torch.tensor(55.0), np.int64(55), torch.ones(55).sum()])
def test_tensors_and_numpy_scalars_are_numbers(answer, capsys):
    check_exercise("9.1", answer)
    assert capsys.readouterr().out == "Exercise 9.1: right.\n"


@pytest.mark.parametrize("answer", [torch.tensor([256, 5]), np.array([256, 5]), (torch.tensor(256), torch.tensor(5))])
def test_tensors_and_arrays_are_lists(answer, capsys):
    check_exercise("9.2", answer)
    assert capsys.readouterr().out == "Exercise 9.2: right.\n"


@pytest.mark.parametrize(("number", "answer"), [
    ("9.1", "55"), ("9.1", [55, 54]), ("9.1", torch.zeros(3)), ("9.1", np.zeros(3)), ("9.1", print), ("9.1", {}),
    ("9.2", 256), ("9.2", [256]), ("9.2", []), ("9.2", torch.tensor(5)), ("9.2", [256, torch.zeros(2)])])
def test_answer_of_another_form_gets_a_hint(number, answer, capsys):
    check_exercise(number, answer)
    printed = capsys.readouterr().out
    assert printed.startswith(f"Exercise {number}: not yet. The answer, of type ")
    assert "does not have the form that the question asks for" in printed


def test_unknown_exercise_names_those_that_exist():
    with pytest.raises(KeyError, match="no exercise 9.7; there are 9.1, 9.2"):
        check_exercise("9.7", 55)


# ---------------------------------------------------------------------------------------------------------------
# The course's exercises and its notebooks

CHECKS = dict(exercises.CHECKS)


def used(path: Path) -> set[str]:
    """Numbers of the exercises whose check a code cell of the notebook calls."""
    return {number for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
            for number in re.findall(r"check_exercise\(\s*[\"']([\d.]+)[\"']", cell.source)}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("0[1-8]*.ipynb")), ids=lambda path: path.name)    # 09: ledger
def test_chapter_and_solutions_use_every_exercise_of_the_chapter(path):
    registered = {number for number in CHECKS if int(number.split(".")[0]) == int(path.name[:2])}
    assert 2 <= len(registered) <= 9
    deeper = path.parent.glob(f"in_depth/{path.name[:2]}_*.ipynb")
    assert used(path).union(*map(used, deeper)) == registered
    assert used(path.parent / "solutions" / f"{path.stem}_solutions.ipynb") == registered


def test_no_exercise_without_a_chapter():
    chapters = {int(path.name[:2]) for path in NOTEBOOKS.glob("0[1-8]*.ipynb")}
    assert {number for number in CHECKS if int(number.split(".")[0]) not in chapters} == set()
