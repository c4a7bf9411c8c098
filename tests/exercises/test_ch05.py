"""The checks of chapter 05's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from alexnet_helpers import verdict
from alexnet_helpers.exercises import CHECKS


def dropout(X: torch.Tensor, p: float, training: bool) -> torch.Tensor:
    if not training:
        return X
    return X * (torch.rand_like(X) >= p) / (1 - p) if p < 1 else X * 0


def but(change: object) -> object:
    """`dropout`, with something wrong in training."""
    return lambda X, p, training: change(X, p) if training and 0 < p < 1 else dropout(X, p, training)


def drop_maps(X: torch.Tensor, p: float) -> torch.Tensor:
    return X * (torch.rand(*X.shape[:2], 1, 1) >= p) / (1 - p)


def table(shift: float, spread: float = 0.004, seeds: int = 3, dropout: str = "dropout") -> pd.DataFrame:
    """Two arms with the same seeds, `shift` apart, the differences `spread` around it."""
    rows = [{"arm": "no dropout", "seed": seed, "test accuracy": 0.78 + 0.01 * seed} for seed in range(seeds)]
    rows += [{"arm": dropout, "seed": seed, "test accuracy": 0.78 + 0.01 * seed + shift + spread * (seed - 1)}
             for seed in range(seeds)]
    return pd.DataFrame(rows)


def judged(shift: float, margin: float = 0.01, arm: str = "dropout", against: str = "no dropout",
           **how: object) -> tuple:
    """The table, and a verdict on it."""
    return table(shift, **how), verdict(table(shift), "test accuracy", arm, against, margin)


@pytest.mark.parametrize("number, answer", [
    ("5.1", dropout), ("5.1", lambda X, p, training: F.dropout(X, float(p), training)),
    ("5.1", lambda X, p, training: torch.zeros_like(X) if training and p == 1 else dropout(X, p, training)),
    ("5.2", 1 / 3), ("5.2", 0.333),
    ("5.3", 0.7),
    ("5.4", drop_maps),
    ("5.4", lambda X, p: nn.functional.dropout2d(X, p)),
    ("5.5", judged(-0.03)), ("5.5", judged(0.03)), ("5.5", judged(0.003)),
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("5.1", lambda X, p, training: dropout(X, p, True), "training = False"),
    ("5.1", lambda X, p, training: X * (torch.rand_like(X) >= p) / (1 - p) if training else X, "0 / 0"),
    ("5.1", lambda X, p, training: torch.where(torch.rand_like(X) >= p, X / (1 - p), 0.0) if training else X,
     "gradient is NaN"),
    ("5.1", lambda X, p, training: X if p == 1 else dropout(X, p, training), "everything is dropped"),
    ("5.1", lambda X, p, training: X * 0 if p == 0 and training else dropout(X, p, training), "nothing is dropped"),
    ("5.1", lambda X, p, training: None, "tensor of the shape"),
    ("5.1", but(lambda X, p: X * (torch.rand_like(X) >= p)), "divide it"),
    ("5.1", but(lambda X, p: X * (torch.rand_like(X) >= p) / p), "divided by 1 - p"),
    ("5.1", but(lambda X, p: X * (torch.rand_like(X) < p) / p), "probability to keep"),
    ("5.1", but(lambda X, p: X * (torch.rand_like(X) >= 0.9)), "share of zeros is 0.9"),
    ("5.1", but(lambda X, p: X * (torch.rand(len(X), 1) >= p) / (1 - p)), "whole rows"),
    ("5.2", 2 / 3, "probability to drop"), ("5.2", 0.5, "gives x²"), ("5.2", 0.25, "3 x²"), ("5.2", 1, "varies"),
    ("5.2", 0.4, "Solve"),
    ("5.3", 1 / 0.7, "larger"), ("5.3", 0.3, "share that is dropped"), ("5.3", 1.0, "unscaled"),
    ("5.3", 0.5, "One half"), ("5.3", 1 / 0.3, "do not grow"), ("5.3", 0.49, "Write down"),
    ("5.4", lambda X, p: nn.functional.dropout(X, p), "One decision a map"),
    ("5.4", lambda X, p: drop_maps(X, p) * (1 - p), "PyTorch's convention"),
    ("5.4", lambda X, p: drop_maps(X, 1 - p), "probability to keep"),
    ("5.4", lambda X, p: X * (torch.rand(1, X.shape[1], 1, 1) >= p) / (1 - p), "Every image loses the same"),
    ("5.4", lambda X, p: X * (torch.rand(len(X), 1, 1, 1) >= p) / (1 - p), "all of its maps or none"),
    ("5.4", lambda X, p: X.mul_(torch.rand(*X.shape[:2], 1, 1) >= p).div_(1 - p), "changes the X"),
    ("5.4", lambda X, p: None, "tensor of the shape"),
    ("5.5", judged(-0.03, arm="no dropout", against="dropout"), "changed places"),
    ("5.5", judged(0.003, margin=0.05), "does not follow"),
    ("5.5", (table(0.03), judged(0.003)[1]), "does not follow"),
    ("5.5", (table(-0.03), "hurts"), "what ah.verdict returns"),
    ("5.5", judged(-0.03, seeds=2), "three seeds"),
    ("5.5", judged(-0.03, dropout="with"), "is called dropout"),
    ("5.5", (table(-0.03).drop(columns="test accuracy"), judged(-0.03)[1]), "lacks test accuracy"),
    ("5.5", judged(-0.68), "hardly learned"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in CHECKS[number](answer)


@pytest.mark.parametrize("number, answer", [("5.1", dropout), ("5.4", drop_maps)])
def test_drawing_leaves_the_reader_s_random_numbers_alone(number: str, answer: object) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    CHECKS[number](answer)
    assert torch.equal(torch.rand(4), expected)
