"""Checks of the exercises of chapter 04."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def sigmoids_to_a_millionth(answer: int) -> str | None:
    layers = next(n for n in range(1, 100) if 0.25 ** n < 1e-6)
    if answer == layers:
        return None
    if answer == next(n for n in range(1, 100) if 0.5 ** n < 1e-6):
        return "A half is the sigmoid's value at 0. What is its slope there?"
    if answer == layers - 1:
        return "Almost: put your number in, and compare with 0.000001."
    return "At best every sigmoid passes on its largest slope. Which power of it is below one millionth?"


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


def closest_to_kaiming(answer: tuple[str, float]) -> str | None:
    inputs = {"conv1": 3 * 11 ** 2, "conv2": 48 * 5 ** 2, "conv3": 256 * 3 ** 2, "conv4": 192 * 3 ** 2,
              "conv5": 192 * 3 ** 2, "fc6": 9216, "fc7": 4096, "fc8": 4096}
    layer, ratio = answer
    if layer not in inputs:
        return "Answer with a layer's name, conv1 to fc8, and a number."
    shares = {name: 0.01 / (2 / n) ** 0.5 for name, n in inputs.items()}
    best = min(shares, key=lambda name: abs(shares[name] - 1))
    if layer != best:
        return f"In {layer} it is {shares[layer]:.2f}; another layer comes closer. Kaiming's shrinks with the inputs."
    for value, hint in ((shares[best], None), (1 / shares[best], "The other way round: 0.01 over Kaiming's."),
                        (shares[best] * 2 ** 0.5, "That is for a variance of 1 / inputs; Kaiming's is 2 / inputs."),
                        ((2 / inputs[best]) ** 0.5, "That is Kaiming's standard deviation. How much of it is 0.01?")):
        if abs(ratio - value) < 0.01 * value:
            return hint
    return "Right layer. Divide 0.01 by the root of 2 / inputs."


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


def sigmoids_with_gradient(answer: nn.Module) -> str | None:
    import copy

    if not isinstance(answer, nn.Module):
        return "Give the network itself."
    kinds = [type(module) for module in answer.modules()]
    if nn.Sigmoid not in kinds or nn.ReLU in kinds or nn.Tanh in kinds:
        return "Its activations are to stay sigmoids, nn.Sigmoid; only the weights may change."
    if sum(isinstance(module, nn.Conv2d | nn.Linear) for module in answer.modules()) != 8:
        return "The small AlexNet has eight layers with weights."
    from ..data import load_fashion_mnist
    from ..inspection import layer_flow

    train, _ = load_fashion_mnist(batch_size=256, device="cpu", train_size=256, test_size=1)
    X = train.images.float() / 255 - 0.286
    flow = layer_flow(copy.deepcopy(answer).cpu(), X, train.labels.long())["gradient"]
    share = flow["conv1"] / flow["fc8"]
    if share >= 0.01:
        return None
    return (f"conv1 gets {share:.1g} of fc8's gradient, and 0.01 is asked. Draw each layer's weights with a multiple "
            "of 1 / √inputs; the 4 of exercise 4.2 supposes inputs near 0, and larger weights leave them less near."
            if share > 0 else "No gradient reaches conv1 at all: are the weights 0?")


CHECKS = {
    "4.1": sigmoids_to_a_millionth,
    "4.2": weights_for_sigmoids,
    "4.3": closest_to_kaiming,
    "4.4": swish_slope,
    "4.5": sigmoids_with_gradient,
}
