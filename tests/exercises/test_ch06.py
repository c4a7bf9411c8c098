"""The checks of chapter 06's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
import torch

from alexnet_helpers.exercises import CHECKS


def shared_crop(chunk: int = 32, places: int = 1, flip: float = 0.5, shuffle: bool = False) -> Callable:
    """The function of the solution, with a fault: other chunks, missing places, flips of other probability."""
    def crop(X: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
        crops = []
        for part in X.split(chunk):
            top, left = (torch.randint(side - size + places, (), generator=generator) for side in X.shape[2:])
            window = part[:, :, top:top + size, left:left + size]
            crops.append(window.flip(-1) if torch.rand((), generator=generator) < flip else window)
        out = torch.cat(crops)
        return out.flip(0) if shuffle else out
    return crop


def own_randomness(X: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    return shared_crop()(X, size, torch.default_generator)


def indexed(X: torch.Tensor, top: torch.Tensor, left: torch.Tensor, size: int) -> torch.Tensor:
    """The crop of the solution, channels last as indexing leaves them."""
    rows, columns = (start[:, None] + torch.arange(size) for start in (top, left))
    return X[torch.arange(len(X))[:, None, None], :, rows[:, :, None], columns[:, None, :]]


def runs(**changed: float) -> pd.DataFrame:
    """A table of four arms and three seeds, as the solution has it; some arms with another mean."""
    means = {"raw": 0.728, "standardised": 0.761, "flips": 0.760, "shifts": 0.738} | changed
    return pd.DataFrame([{"arm": arm, "seed": seed, "test accuracy": mean + 0.01 * spread}
                         for seed, spread in enumerate((-1, 0, 1)) for arm, mean in means.items()])


@pytest.mark.parametrize("number, answer", [
    ("6.3", 162),                                              # 9 x 9 x 2
    ("6.4", 0.5398), ("6.4", 0.54),                            # 37.1^2 / 2550
    ("6.5", shared_crop()),
    ("6.1", lambda *a: indexed(*a).movedim(-1, 1)), ("6.2", lambda side, size: 2 * (side - size + 1) ** 2),
    ("6.6", runs()), ("6.6", runs(flips=0.79)), ("6.6", runs(raw=0.765)),
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("6.3", 81, "mirror"), ("6.3", 128, "How many places"), ("6.3", 50, "on every side"), ("6.3", 18, "both axes"),
    ("6.3", 2048, "Count the places"),
    ("6.4", 3.71, "with roots"), ("6.4", 137.6, "On which scale"), ("6.4", 0.002117, "How many grey levels"),
    ("6.4", 5.818, "first axis"), ("6.4", 5.398, "standard deviation of 0.1"), ("6.4", 1.0, "square it"),
    ("6.5", lambda X, size, generator: X, "should have the shape"),
    ("6.5", shared_crop(chunk=1), "must be the same"), ("6.5", shared_crop(chunk=48), "must be the same"),
    ("6.5", shared_crop(places=0), "Some places never occur"), ("6.5", shared_crop(flip=0), "About half"),
    ("6.5", shared_crop(chunk=10_000), "share one draw"), ("6.5", shared_crop(shuffle=True), "changed places"),
    ("6.5", own_randomness, "same generator"),
    ("6.5", lambda X, size, generator: X[:, :, :size, :size].flip(-2), "no window"),
    ("6.1", indexed, "channels stand last"), ("6.1", lambda X, *rest: X, "has the shape"),
    ("6.1", lambda X, top, left, size: X[:, :, top[0]:top[0] + size, left[0]:left[0] + size], "each has its own"),
    ("6.1", lambda *a: indexed(*a).movedim(-1, 1).mT, "changed places"),
    ("6.1", lambda X, top, left, size: indexed(X, left, top, size).movedim(-1, 1), "top belongs to the rows"),
    ("6.1", lambda X, top, left, size: X[:, :, :size, :size], "row top[i] + r"),
    ("6.2", lambda side, size: 2 * (side - size) ** 2, "How many places"),
    ("6.2", lambda side, size: (side - size + 1) ** 2, "mirror"), ("6.2", lambda side, size: 2048, "72 views"),
    ("6.2", lambda side, size: 2 * (side - size + 1), "both axes"),
    ("6.2", lambda side, size: (side - size) ** 2, "as large as its picture"),
    ("6.6", runs(standardised=0.60), "no worse than raw"), ("6.6", runs(raw=73.0), "fractions"),
    ("6.6", runs(raw=0.1), "guessing"), ("6.6", runs(shifts=0.95), "too good"),
    ("6.6", runs().query("arm != 'flips'"), "arm of the table is called flips"),
    ("6.6", runs().query("seed > 0"), "three seeds"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in (CHECKS[number](answer) or "")
