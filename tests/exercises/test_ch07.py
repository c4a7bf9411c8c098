"""The self-checks of chapter 07 accept the solution and refuse typical wrong answers, each with its own hint."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import check_exercise


def table(measure: str, **arms: list[float]) -> pd.DataFrame:
    return pd.DataFrame([{"arm": arm.replace("_", ", ").removeprefix("b"), "seed": seed, measure: value}
                         for arm, values in arms.items() for seed, value in enumerate(values)])


LONGER = table("held-out accuracy", relu_5=[0.70, 0.71, 0.72], relu_20=[0.78, 0.79, 0.81],
               sigmoid_5=[0.1, 0.1, 0.2], sigmoid_20=[0.5, 0.1, 0.3])
VERDICTS = {name: ah.verdict(LONGER, "held-out accuracy", f"{name}, 20", f"{name}, 5", margin=0.02)
            for name in ("relu", "sigmoid")}
BATCHES = table("test accuracy", b16=[0.7, 0.71, 0.7], b64=[0.6, 0.62, 0.63], b256=[0.5, 0.5, 0.52])
NEEDED = {16: 2 * 246_824 + 16 * 35_520, 64: 2 * 246_824 + 64 * 35_520, 256: 2 * 246_824 + 256 * 35_520}

RIGHT = {
    "7.1": lambda flops, images, rate: images * flops / rate,
    "7.2": 665,
    "7.3": 20e12 / 5_561_132_544,
    "7.4": (LONGER, VERDICTS),
    "7.5": (BATCHES, NEEDED),
}
WRONG = {
    "7.1": [(lambda flops, images, rate: rate / flops / images, "Upside down"),
            (lambda flops, images, rate: flops / rate, "one image"),
            (lambda flops, images, rate: rate / flops, "images a second"),
            (lambda flops, images, rate: 2 * flops * images / rate, "not MACs"),
            (lambda flops, images, rate: flops * images / rate / 60, "not minutes"),
            (lambda flops, images, rate: 42, "the answer gives 42"), (30, "form")],
    "7.2": [(711, "remembers a number"), (758, "that makes three"), (805, "have to fit too"),
            (618, "One copy too many"), (666, "round down"), (670, "round down"), (665.76, "whole images"),
            (100, "find room"), (609, "2**30")],
    "7.3": [(7193, "two operations"), (3553, "conv1"), (10659, "forward pass alone"), (21319, "MACs of the forward"),
            (3596e-12, "10^12"), (3596 * 60_000, "one epoch"), (500, "divided by"),
            ("3597", "form")],
    "7.4": [((LONGER, {**VERDICTS, "relu": VERDICTS["sigmoid"]}), "The verdict on relu"),
            ((LONGER, {**VERDICTS, "sigmoid": VERDICTS["relu"]}), "The verdict on sigmoid"),
            ((LONGER, {"relu": "better", "sigmoid": "undecided"}), "what ah.verdict returns"),
            ((LONGER[LONGER.seed < 2], VERDICTS), "three seeds"),
            ((LONGER[LONGER.arm != "relu, 5"], VERDICTS), "No arm of the table is called relu, 5"),
            ((LONGER.rename(columns={"held-out accuracy": "test accuracy"}), VERDICTS), "lacks held-out accuracy"),
            ((LONGER.assign(**{"held-out accuracy": 0.1}), VERDICTS), "hardly learned"),
            ("better", "form")],
    "7.5": [((BATCHES, {b: v + 246_824 for b, v in NEEDED.items()}), "remembers nothing"),
            ((BATCHES, {b: v - 246_824 for b, v in NEEDED.items()}), "has a gradient"),
            ((BATCHES, {b: v - 2 * 246_824 for b, v in NEEDED.items()}), "take memory too"),
            ((BATCHES, {b: v / 2**20 for b, v in NEEDED.items()}), "give bytes"),
            ((BATCHES, dict.fromkeys(NEEDED, 493_648)), "grow with the batch"),
            ((BATCHES, {16: 1, 64: 2, 256: 3}), "memory_table"),
            ((BATCHES.assign(**{"test accuracy": 0.1}), NEEDED), "hardly learned"),
            ((BATCHES[BATCHES.arm != "64"], NEEDED), "No arm of the table is called 64"),
            ((BATCHES, {16: 1}), "form")],
}


@pytest.mark.parametrize("number", RIGHT)
def test_accepts_the_solution(number, capsys):
    check_exercise(number, RIGHT[number])
    assert capsys.readouterr().out == f"Exercise {number}: right.\n"


@pytest.mark.parametrize(("number", "answer", "hint"), [(n, a, h) for n, cases in WRONG.items() for a, h in cases])
def test_refuses_with_a_hint(number, answer, hint, capsys):
    check_exercise(number, answer)
    printed = capsys.readouterr().out
    assert printed.startswith(f"Exercise {number}: not yet. ")
    assert hint in printed


@pytest.mark.parametrize("number", RIGHT)
def test_says_when_unanswered(number, capsys):
    check_exercise(number, None)
    assert capsys.readouterr().out == f"Exercise {number}: not answered yet.\n"


def test_answers_agree_with_the_networks_and_with_torch(monkeypatch, capsys):
    """The checks are computed from formulas; here the numbers come from the networks and the optimizer themselves."""
    layers = ah.layer_table(ah.alexnet(), (1, 224, 224))
    assert 2 * (3 * layers.loc["total", "MACs"] - layers.loc["conv1", "MACs"]) == pytest.approx(20e12 / RIGHT["7.3"])

    net = ah.alexnet()
    sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    memory = ah.memory_table(net, (1, 224, 224), batch_size=665, update=sgd)
    one, room = memory.loc["total", "an image"], 3 * 2**30
    assert memory.loc["total", "batch of 665"] <= room < memory.loc["total", "batch of 665"] + one

    # On a GPU dropout keeps truth values, as `native_dropout` does everywhere: another count, and right as well.
    monkeypatch.setattr(nn.functional, "dropout", lambda X, p, training, _: torch.native_dropout(X, p, training)[0])
    memory = ah.memory_table(net, (1, 224, 224), batch_size=1, update=sgd)
    check_exercise("7.2", int((room - memory.loc["total", "once"]) // memory.loc["total", "an image"]))
    assert capsys.readouterr().out == "Exercise 7.2: right.\n"

    for size in (16, 64, 256):
        memory = ah.memory_table(ah.lenet(nn.ReLU), (1, 28, 28), size)
        assert memory.loc["total", f"batch of {size}"] == pytest.approx(NEEDED[size], rel=0.01)
