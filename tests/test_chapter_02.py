"""The networks that chapter 02 writes out are those of models.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import alexnet_helpers as ah

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "02_lenet_comparison.ipynb"


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
