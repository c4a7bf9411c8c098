"""The checks of chapter 05's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import nn

from alexnet_helpers.exercises import CHECKS


def drop_maps(X: torch.Tensor, p: float) -> torch.Tensor:
    return X * (torch.rand(*X.shape[:2], 1, 1) >= p) / (1 - p)


def table(shift: float, spread: float = 0.004, seeds: int = 3, dropout: str = "dropout") -> pd.DataFrame:
    """Two arms with the same seeds, `shift` apart, the differences `spread` around it."""
    rows = [{"arm": "no dropout", "seed": seed, "test accuracy": 0.78 + 0.01 * seed} for seed in range(seeds)]
    rows += [{"arm": dropout, "seed": seed, "test accuracy": 0.78 + 0.01 * seed + shift + spread * (seed - 1)}
             for seed in range(seeds)]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("number, answer", [
    ("5.1", (10, 25)), ("5.1", (10.0, 25.0)),  # 0.8 x 156.25 - 100
    ("5.2", 0.7),
    ("5.3", drop_maps),
    ("5.3", lambda X, p: nn.functional.dropout2d(X, p)),
    ("5.4", (table(-0.03), "hurts")), ("5.4", (table(0.03), "helps")), ("5.4", (table(0.003), "undecided")),
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("5.1", (8, 16), "without the division"), ("5.1", (12.5, 25), "a 12.5 comes out"),
    ("5.1", (10, 5), "standard deviation"), ("5.1", (10, 16), "variance without"),
    ("5.1", (10, 400), "changed places"), ("5.1", (10, 125), "mean of the squares"),
    ("5.1", (10, 0.25), "square of the value"), ("5.1", (10, 10), "the mean of the squares minus"),
    ("5.2", 1 / 0.7, "larger"), ("5.2", 0.3, "share that is dropped"), ("5.2", 1.0, "unscaled"),
    ("5.2", 0.5, "One half"), ("5.2", 1 / 0.3, "do not grow"), ("5.2", 0.49, "Write down"),
    ("5.3", lambda X, p: nn.functional.dropout(X, p), "One decision a map"),
    ("5.3", lambda X, p: drop_maps(X, p) * (1 - p), "PyTorch's convention"),
    ("5.3", lambda X, p: drop_maps(X, 1 - p), "probability to keep"),
    ("5.3", lambda X, p: X * (torch.rand(1, X.shape[1], 1, 1) >= p) / (1 - p), "Every image loses the same"),
    ("5.3", lambda X, p: X * (torch.rand(len(X), 1, 1, 1) >= p) / (1 - p), "all of its maps or none"),
    ("5.3", lambda X, p: X.mul_(torch.rand(*X.shape[:2], 1, 1) >= p).div_(1 - p), "changes the X"),
    ("5.3", lambda X, p: None, "tensor of the shape"),
    ("5.4", (table(-0.03), "undecided"), "does not follow"), ("5.4", (table(-0.03), "helps"), "does not follow"),
    ("5.4", (table(0.003), "helps"), "does not follow"), ("5.4", (table(-0.03), "worse"), "The verdict is"),
    ("5.4", (table(-0.03, seeds=2), "hurts"), "three seeds"),
    ("5.4", (table(-0.03, dropout="with"), "hurts"), "is called dropout"),
    ("5.4", (table(-0.03).drop(columns="test accuracy"), "hurts"), "lacks test accuracy"),
    ("5.4", (table(-0.68), "hurts"), "hardly learned"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in CHECKS[number](answer)


def test_drawing_maps_leaves_the_reader_s_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    CHECKS["5.3"](drop_maps)
    assert torch.equal(torch.rand(4), expected)
