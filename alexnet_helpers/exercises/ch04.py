"""Checks of the exercises of chapter 04."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from ..comparing import SHOWN, verdict
from .common import fault_of_runs

if TYPE_CHECKING:
    import pandas as pd


def slope_of_the_sigmoid(answer: Callable[[torch.Tensor], torch.Tensor]) -> str | None:
    if not callable(answer):
        return "Answer with a function of x: answer = lambda x: ..."
    x = torch.linspace(-4, 4, 81, dtype=torch.double)
    found, s, step = answer(x), torch.sigmoid(x), 1e-5
    # The expectation by differences, not by the formula that the lesson uses.
    expected = (torch.sigmoid(x + step) - torch.sigmoid(x - step)) / (2 * step)
    for values, hint in ((expected, None), (s, "That is the sigmoid. What is its derivative?"),
                         (1 - s, "One of two factors: the other is the sigmoid itself."),
                         (x * (1 - x), "Right form, but in the sigmoid of x, not in x."),
                         (torch.exp(-x), "That is the derivative of the denominator, up to its sign. And the rest?")):
        if torch.allclose(found.double(), values, atol=1e-6):
            return hint
    return "Differentiate 1 / (1 + exp(-x)), and write the result with the sigmoid of x alone."


def factor_of_a_layer(answer: Callable[[int, float, torch.Tensor], float]) -> str | None:
    if not callable(answer):
        return "Answer with a function of n, sd and slopes: answer = lambda n, sd, slopes: ..."
    n, sd, slopes = 200, 0.05, torch.tensor([0.0, 1.0, 0.2, 0.6], dtype=torch.double)
    found, mean_square = answer(n, sd, slopes), (0 + 1 + 0.04 + 0.36) / 4
    if isinstance(found, torch.Tensor) and found.numel() > 1:
        return "That is a factor for each slope. The RMS makes one number of all slopes."
    found = float(found)
    for value, hint in ((math.sqrt(n * mean_square) * sd, None),
                        (n * sd ** 2 * mean_square, "That is the factor of the mean square. Take the root."),
                        (n * sd * math.sqrt(mean_square), "The root of n, as variances add up and not the values."),
                        (sd * math.sqrt(mean_square), "And the n terms of each sum?"),
                        (math.sqrt(n) * sd * 0.45, "The RMS of the slopes, not their mean: squares count."),
                        (math.sqrt(n) * sd, "That is the gain. And the slopes?"),
                        (math.sqrt(n * sd * mean_square), "Var(W) is the square of the standard deviation.")):
        if abs(found - value) < 1e-6:
            return hint
    return f"For n = {n}, sd = {sd} and slopes of 0, 1, 0.2 and 0.6 the answer gives {found:.4g}. Gain times RMS."


def weights_for_sigmoids(answer: float) -> str | None:
    n, slope = 200, 0.25
    for value, hint in ((1 / (slope * n ** 0.5), None),
                        (1 / n ** 0.5, "That keeps n times the variance at 1, as Xavier does. And the slope?"),
                        ((2 / n) ** 0.5, "That is Kaiming's, for slopes of which half are 1 and half 0."),
                        (1 / (slope ** 2 * n), "That is the variance; the question asks for the standard deviation."),
                        (slope / n ** 0.5, "Small slopes have to be made up for: larger weights, not smaller ones."),
                        (2 / n ** 0.5, "The slope counts squared, as n · Var · slope² has to be 1.")):
        if abs(answer - value) < 0.015 * value:                # 0.28 is right too
            return hint
    return "Set n · Var(W) · slope² to 1, with the slope of a sigmoid at 0, and take the root of the variance."


def inputs_for_the_texts_start(answer: tuple[float, str]) -> str | None:
    inputs = {"conv1": 3 * 11 ** 2, "conv2": 48 * 5 ** 2, "conv3": 256 * 3 ** 2, "conv4": 192 * 3 ** 2,
              "conv5": 192 * 3 ** 2, "fc6": 9216, "fc7": 4096, "fc8": 4096}
    number, layer = answer
    if layer not in inputs:
        return "Answer with a number of inputs and a layer's name, conv1 to fc8."
    for value, hint in ((2 / 0.01 ** 2, None), (2 / 0.01, "To undo the root, square 0.01."),
                        (1 / 0.01 ** 2, "That is for a variance of 1 / inputs; Kaiming's is 2 / inputs."),
                        (2 / 0.03 ** 2, "That is for the code's 0.03. What does the text say?"),
                        (max(inputs.values()), "So many the layer has. Set the root of 2 / inputs to 0.01.")):
        if abs(number - value) < 0.01 * value:
            if hint is None and layer != max(inputs, key=inputs.get):
                return f"Right number. But {layer} has {inputs[layer]:,} inputs, and another layer has more."
            return hint
    return "Set the root of 2 / inputs to 0.01, and solve for the inputs."


def swish_slope(answer: Callable[[torch.Tensor], torch.Tensor]) -> str | None:
    if not callable(answer):
        return "Give the function itself, without calling it."
    x = torch.linspace(-5, 5, 101, dtype=torch.double)
    found, s = answer(x), torch.sigmoid(x)
    # The expectation by differences, not by the formula that the solution uses.
    step = 1e-5
    expected = ((x + step) * torch.sigmoid(x + step) - (x - step) * torch.sigmoid(x - step)) / (2 * step)
    if found.shape != x.shape:
        return f"For {len(x)} inputs it returns a tensor of shape {tuple(found.shape)}; one slope for each is asked."
    for values, hint in ((expected, None), (s * (1 - s), "That is the sigmoid's own. The x in front has a slope too."),
                         (x * s, "That is the function. What is its derivative?"),
                         (s, "The product rule has two terms."),
                         (x * s * (1 - s), "That is one of the two terms of the product rule.")):
        if torch.allclose(found.double(), values, atol=1e-5):
            return hint
    return "Product rule: the derivative of x times σ, plus x times the derivative of σ."


def saved_network(answer: pd.DataFrame) -> str | None:
    if hint := fault_of_runs(answer, "training error", ["left alone", "saved"]):
        return hint
    if answer.loc[answer["arm"] == "left alone", "training error"].min() < 0.8:
        return "The network that is left alone learns as well, so it was not dead: train it at a rate of 1 first."
    found = verdict(answer, "training error", "saved", against="left alone", margin=0.2)
    if found.word == SHOWN and found.mean < 0:
        return None
    return f"Not saved yet. {found} Which units are dead, and what would give them a gradient again?"


CHECKS = {"4.1": slope_of_the_sigmoid, "4.2": factor_of_a_layer, "4.3": weights_for_sigmoids,
          "4.4": inputs_for_the_texts_start, "4.5": swish_slope, "4.6": saved_network}
