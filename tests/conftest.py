"""Fixtures of several test files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from alexnet_helpers import models, recorded, timing
from alexnet_helpers.commands import recipes


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A CPU, a small matrix, and records kept out of the project."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(timing, "matrix_rate", lambda *_: 1e9)
    monkeypatch.setattr(recorded, "FOLDER", tmp_path / "recorded")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The book's recipe for LeNet in batches of 10."""
    monkeypatch.setitem(recipes.RECIPES, "lenet", recipes.Recipe(models.lenet, batch_size=10, resize=None, lr=0.9))
