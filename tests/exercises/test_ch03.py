"""The self-checks of chapter 03 accept the solution and refuse typical wrong answers, each with its own hint."""

from __future__ import annotations

import math

import pytest

from alexnet_helpers import check_exercise

RIGHT = {
    "3.1": lambda n, k, s, p: math.floor((n + 2 * p - k) / s) + 1,
    "3.2": 307_200,
    "3.3": 104_873_984,
    "3.7": (196, 227),
    "3.6": ("fc6", 2816),
    "3.4": {"memory": "activations", "compute": "conv2", "bandwidth": "fc6"},
    "3.5": 41,
    "3.8": 1_033_600,
}
WRONG = {
    "3.1": [(54, "with a function"), (lambda n, k, s, p: (n + 2 * p - k) / s + 1, "whole places"),
            (lambda n, k, s, p: (n + 2 * p - k) // s, "first place"),
            (lambda n, k, s, p: (n + p - k) // s + 1, "both ends"),
            (lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1, "must not pass"),
            (lambda n, k, s, p: n // s, "n = 11, k = 1, s = 2, p = 0 it gives 5"),
            (lambda n, k, s, p: (n + 2 * p - k) // s + 1.0, "numbers are right"),
            (lambda n: n, "does not have the form")],
    "3.2": [(614_400, "all 96"), (153_600, "one of the two"), (307_456, "biases"), (12_288, "for each map"),
            (6400, "How many does it read"), (96, "256 kernels")],
    "3.3": [(104_857_600, "has a bias"), (26_218_496, "four bytes"), (26_214_400, "Add the biases"),
            (209_747_968, "not eight"), (151_011_328, "the paper's"), (104.9, "not megabytes"),
            (104.9e6, "every digit"), (10, "each pair")],
    "3.7": [((227, 258), "rounded down"), ((224, 227), "after conv1"), ((193, 224), "the book's"),
            ((227, 196), "smallest comes first"), ((196, 224), "smallest is right"), ((195, 227), "largest is right"),
            ((100, 300), "backwards")],
    "3.6": [(("conv1", 2816), "conv1 has as many"), (("fc6", 11_534_336), "number of weights"),
            (("fc6", 11), "256 maps"), (("fc6", 9216), "difference"), (("fc6", 2815), "in each network")],
    "3.4": [({"memory": "weights", "compute": "conv2", "bandwidth": "fc6"}, "178 MiB"),
            ({"memory": "fc6", "compute": "conv2", "bandwidth": "fc6"}, "weights, gradients or activations"),
            ({"memory": "activations", "compute": "fc6", "bandwidth": "fc6"}, "at every place"),
            ({"memory": "activations", "compute": "conv1", "bandwidth": "fc6"}, "at every place"),
            ({"memory": "activations", "compute": "conv2", "bandwidth": "conv1"}, "add input, weights and output"),
            ({"memory": "activations", "compute": "conv2", "bandwidth": "memory"}, "a layer's name")],
    "3.5": [(40, "Almost"), (40.66, "round up"), (20, "a product and a sum"), (10, "four bytes"), (0.5, "one or more"),
            (80, "must reach")],
    "3.8": [(258_400, "four bytes"), (1_041_792, "only one tower"), (520_896, "both ways"), (234_496, "the paper's"),
            (1_025_408, "And fc8"), (1_915_264, "pool1"), (1, "four bytes a value")],
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


def test_answers_agree_with_the_networks():
    """The checks are computed from formulas; here the numbers come from the networks themselves."""
    import torch

    import alexnet_helpers as ah
    with torch.device("meta"):
        code, grouped, book = ah.alexnet_2012_code(), ah.alexnet_paper(groups=1), ah.alexnet(3, 1000)
        accepted = []
        for side in range(150, 300):
            rest = (side - 11) % 4                             # zeros that let the last window of conv1 overhang
            code.overhang.padding = (0, (4 - rest) % 4, 0, (4 - rest) % 4)
            try:
                code(torch.empty(1, 3, side, side))
                accepted.append(side)
            except RuntimeError:
                pass
    assert (accepted[0], accepted[-1]) == RIGHT["3.7"]
    assert len(accepted) == accepted[-1] - accepted[0] + 1
    assert grouped.fc6.in_features - book.fc6.in_features == RIGHT["3.6"][1]
    assert ah.alexnet_paper().conv2.weight.numel() == RIGHT["3.2"]
    assert sum(4 * p.numel() for p in ah.alexnet().fc6.parameters()) == RIGHT["3.3"]
    difference = sum(p.numel() for p in grouped.parameters()) - sum(p.numel() for p in book.parameters())
    assert difference == 11_534_336 == RIGHT["3.6"][1] * 4096
