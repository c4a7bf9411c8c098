"""The checks of chapter 06's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

from collections.abc import Callable

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


LENET = {"raw": 0.728, "standardised": 0.761, "flips": 0.760, "shifts": 0.738}


@pytest.mark.parametrize("number, answer", [
    ("6.1", 162),                                              # 9 x 9 x 2
    ("6.2", 0.5398), ("6.2", 0.54),                            # 37.1^2 / 2550
    ("6.3", shared_crop()),
    ("6.4", LENET), ("6.4", {**LENET, "flips": 0.79}), ("6.4", {**LENET, "raw": 0.78}),
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("6.1", 81, "mirror"), ("6.1", 128, "How many places"), ("6.1", 50, "on every side"), ("6.1", 18, "both axes"),
    ("6.1", 2048, "Count the places"),
    ("6.2", 3.71, "with roots"), ("6.2", 137.6, "On which scale"), ("6.2", 0.002117, "How many grey levels"),
    ("6.2", 5.818, "first axis"), ("6.2", 5.398, "standard deviation of 0.1"), ("6.2", 1.0, "square it"),
    ("6.3", lambda X, size, generator: X, "should have the shape"),
    ("6.3", shared_crop(chunk=1), "must be the same"), ("6.3", shared_crop(chunk=48), "must be the same"),
    ("6.3", shared_crop(places=0), "Some places never occur"), ("6.3", shared_crop(flip=0), "About half"),
    ("6.3", shared_crop(chunk=10_000), "share one draw"), ("6.3", shared_crop(shuffle=True), "changed places"),
    ("6.3", own_randomness, "same generator"),
    ("6.3", lambda X, size, generator: X[:, :, :size, :size].flip(-2), "no window"),
    ("6.4", {**LENET, "standardised": 0.60}, "no worse than raw"), ("6.4", {**LENET, "raw": 73.0}, "fractions"),
    ("6.4", {**LENET, "raw": 0.1}, "guessing"), ("6.4", {**LENET, "shifts": 0.95}, "too good"),
    ("6.4", {**LENET, "flips": 0.85}, "So large a gain"), ("6.4", {"raw": 0.7}, "four keys"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in (CHECKS[number](answer) or "")
