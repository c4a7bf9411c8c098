"""The networks that chapter 02 writes out are those of models.py; a recorded GPU's runs stand in its figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import recorded
from alexnet_helpers.figures import ch02
from alexnet_helpers.maintain import records

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02_lenet_comparison.ipynb"


def from_notebook(name: str) -> Callable[[], nn.Module]:
    """The function `name` as a cell of the chapter defines it."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    cell = next(cell for cell in cells if f"def {name}()" in cell)
    names = {"nn": nn, "ah": ah, "torch": torch}
    exec(cell, names)
    return names[name]


@pytest.mark.parametrize("name, ours, shape", [("book_lenet", ah.lenet, (2, 1, 28, 28)),
                                               ("book_alexnet", ah.alexnet, (2, 1, 224, 224))])
def test_listing_is_the_helper_s_network(name: str, ours: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    listed, helper = from_notebook(name)().eval(), ours().eval()
    assert [type(m) for m in listed] == [type(m) for m in helper]
    weights = list(helper.state_dict().values())
    listed.load_state_dict(dict(zip(listed.state_dict(), weights, strict=True)))
    X = torch.rand(shape)
    torch.testing.assert_close(listed(X), helper(X))


@pytest.mark.parametrize("runs", [{}, {0: [0.5, 0.871, 0.9], 2: [0.6, 0.885, 0.9]}])
def test_recorded_runs_of_alexnet_stand_beside_the_published_ones(runs: dict[int, list[float]], tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Those seeds that are there, after as many epochs as the book trains."""
    monkeypatch.setattr(plt, "show", lambda: None)
    record = ah.load_record("lenet")
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    if runs:
        records.save_record("gpu", {"seeds": [0, 1, 2], "epochs": 2, "parts": {
            f"alexnet, ours, seed {seed}": {"test_accuracy": curve} for seed, curve in runs.items()}})
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    cell = next(cell for cell in cells if 'ah.load_record("gpu")' in cell)
    exec(cell, {"ah": ah, "recorded": recorded, "ch02": ch02, "plt": plt, "record": record})
    words = plt.gcf().alt
    assert ("AlexNet, recorded: 0.871, 0.885" in words) == bool(runs)
    assert ("AlexNet, recorded" in words) == bool(runs) and "AlexNet, the book's 82 runs" in words
    plt.close("all")
