"""The checks of chapter 04's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from alexnet_helpers.exercises import CHECKS


def sigma(x: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(x)


def rms(values: torch.Tensor) -> torch.Tensor:
    return values.square().mean().sqrt()


def runs(saved: float, alone: float = 0.9, seeds: int = 3, arm: str = "saved") -> pd.DataFrame:
    return pd.DataFrame([{"arm": name, "seed": seed, "training error": error + 0.01 * seed * (name == arm)}
                         for name, error in (("left alone", alone), (arm, saved)) for seed in range(seeds)])


@pytest.mark.parametrize("number, answer", [
    ("4.1", lambda x: sigma(x) * (1 - sigma(x))), ("4.1", lambda x: torch.exp(-x) / (1 + torch.exp(-x)) ** 2),
    ("4.2", lambda n, sd, slopes: n ** 0.5 * sd * rms(slopes)),
    ("4.2", lambda n, sd, slopes: float((n * sd ** 2 * slopes.square().mean()) ** 0.5)),
    ("4.3", 0.28), ("4.3", 0.2828), ("4.3", 4 / 200 ** 0.5),
    ("4.4", (20_000, "fc6")), ("4.4", (2 / 0.01 ** 2, "fc6")),
    ("4.5", lambda x: sigma(x) + x * sigma(x) * (1 - sigma(x))),
    ("4.5", lambda x: sigma(x) * (1 + x * (1 - sigma(x)))),
    ("4.6", runs(0.4)),
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("4.1", sigma, "That is the sigmoid"), ("4.1", lambda x: 1 - sigma(x), "One of two factors"),
    ("4.1", lambda x: x * (1 - x), "not in x"), ("4.1", lambda x: torch.exp(-x), "denominator"),
    ("4.1", torch.tanh, "Differentiate"), ("4.1", 0.25, "a function of x"),
    ("4.2", 0.8, "a function of n"), ("4.2", lambda n, sd, slopes: n ** 0.5 * sd * slopes, "for each slope"),
    ("4.2", lambda n, sd, slopes: n * sd ** 2 * slopes.square().mean(), "Take the root"),
    ("4.2", lambda n, sd, slopes: n * sd * rms(slopes), "root of n"),
    ("4.2", lambda n, sd, slopes: sd * rms(slopes), "n terms"),
    ("4.2", lambda n, sd, slopes: n ** 0.5 * sd * slopes.mean(), "not their mean"),
    ("4.2", lambda n, sd, slopes: n ** 0.5 * sd, "And the slopes"),
    ("4.2", lambda n, sd, slopes: (n * sd * slopes.square().mean()) ** 0.5, "square of the standard deviation"),
    ("4.2", lambda n, sd, slopes: 1.0, "the answer gives 1"),
    ("4.3", 200 ** -0.5, "as Xavier does"), ("4.3", 0.1, "Kaiming's"), ("4.3", 0.08, "variance"),
    ("4.3", 0.25 / 200 ** 0.5, "larger weights"), ("4.3", 2 / 200 ** 0.5, "counts squared"), ("4.3", 1.0, "Set n"),
    ("4.4", (20_000, "fc9"), "layer's name"), ("4.4", (20_000, "fc7"), "4,096 inputs"),
    ("4.4", (200, "fc6"), "square 0.01"), ("4.4", (10_000, "fc6"), "Kaiming's is 2 / inputs"),
    ("4.4", (2222, "conv3"), "the code's 0.03"), ("4.4", (9216, "fc6"), "So many the layer has"),
    ("4.4", (144, "fc6"), "solve for the inputs"),
    ("4.5", 3.0, "the function itself"), ("4.5", lambda x: sigma(x) * (1 - sigma(x)), "sigmoid's own"),
    ("4.5", lambda x: x * sigma(x), "What is its derivative"), ("4.5", sigma, "two terms"),
    ("4.5", lambda x: x * sigma(x) * (1 - sigma(x)), "one of the two terms"), ("4.5", torch.tanh, "Product rule"),
    ("4.5", lambda x: torch.tensor(1.0), "one slope for each"),
    ("4.6", runs(0.4, arm="revived"), "No arm"), ("4.6", runs(0.4, seeds=2), "three seeds"),
    ("4.6", runs(0.4).drop(columns="training error"), "lacks training error"),
    ("4.6", runs(0.3, alone=0.4), "was not dead"), ("4.6", runs(0.85), "Not saved yet"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in CHECKS[number](answer)
