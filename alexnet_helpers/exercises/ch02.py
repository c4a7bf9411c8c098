"""Checks of the exercises of chapter 02."""

from __future__ import annotations

import copy
from collections.abc import Callable
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import nn

# inputs, outputs, k, rows x rows values a map: LeNet's conv1 and conv2, AlexNet's conv2, and one of no network
LAYERS = ((1, 6, 5, 28), (6, 16, 5, 10), (96, 256, 5, 26), (3, 7, 2, 9))


def parameters_of_a_convolution(answer: Callable[[int, int, int], int]) -> str | None:
    found = [answer(inputs, outputs, k) for inputs, outputs, k, _ in LAYERS]
    if found == [outputs * (inputs * k * k + 1) for inputs, outputs, k, _ in LAYERS]:
        return None
    for formula, hint in ((lambda i, o, k: o * i * k * k, "Every output map has a bias too."),
                          (lambda i, o, k: o * i * k * k + 1, "One bias for every output map, not one in all."),
                          (lambda i, o, k: o * (k * k + 1), "An output map has a window for every input map."),
                          (lambda i, o, k: o * i * (k * k + 1), "A map has one bias, however many maps it reads."),
                          (lambda i, o, k: o * (i * k + 1), "A window is k by k.")):
        if found == [formula(*layer[:3]) for layer in LAYERS]:
            return hint
    return f"LeNet's conv1 has 6 * (1 * 5 * 5 + 1) = 156 parameters; the answer gives {found[0]}."


def macs_of_a_convolution(answer: Callable[[int, int, int, int], int]) -> str | None:
    found = [answer(*layer) for layer in LAYERS]
    if found == [outputs * inputs * k * k * rows * rows for inputs, outputs, k, rows in LAYERS]:
        return None
    for formula, hint in ((lambda i, o, k, rows: o * i * k * k * rows, "There are rows * rows positions."),
                          (lambda i, o, k, rows: o * (i * k * k + 1) * rows * rows,
                           "A bias is added without a product; it is no MAC here."),
                          (lambda i, o, k, rows: o * k * k * rows * rows, "A window lies over all input maps at once."),
                          (lambda i, o, k, rows: i * k * k * rows * rows, "Every output map does these products."),
                          (lambda i, o, k, rows: 2 * o * i * k * k * rows * rows,
                           "A MAC is a product and a sum together: do not count it twice.")):
        if found == [formula(*layer) for layer in LAYERS]:
            return hint
    return f"LeNet's conv1 does 25 products for each of 6 * 28 * 28 values, 117,600; the answer gives {found[0]:,}."


def lenet_for_colour(answer: int) -> str | None:
    conv1, fc3, fc5 = 6 * (3 * 5 * 5 + 1), 120 * (16 * 6 * 6 + 1), 100 * (84 + 1)
    if answer == conv1 + 2_416 + fc3 + 10_164 + fc5:
        return None
    unshrunk = 120 * (16 * 8 * 8 + 1)                         # as if conv2 were padded, too
    if answer in (conv1 + 2_416 + 48_120 + 10_164 + fc5, 156 + 2_416 + 48_120 + 10_164 + fc5,
                  conv1 + 2_416 + unshrunk + 10_164 + fc5):
        return "What reaches fc3? Follow the sides: 32 -> 16 -> ? -> ?"
    if answer == 156 + 2_416 + fc3 + 10_164 + fc5:
        return "Each kernel of conv1 now reads three channels."
    if answer == conv1 + 2_416 + fc3 + 10_164 + fc5 - (6 + 16 + 120 + 84 + 100):
        return "Every map and every unit has a bias too."
    return "Take layer by layer: outputs x (inputs of one output + 1 for the bias)."


def lenet_with_relu_and_max(answer: nn.Module) -> str | None:
    """Judged by what it computes, so that layers of `nn` and functions of `torch.nn.functional` are alike."""
    parameters = sum(p.numel() for p in answer.parameters())
    if parameters != 61_706:
        return f"It has {parameters:,} parameters; neither activation nor pooling has any, so the count cannot change."
    network, generator = copy.deepcopy(answer).to_empty(device="cpu").float().eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        weights = {tuple(p.shape): p.copy_(torch.randn(p.shape, generator=generator) / p[0].numel() ** 0.5)
                   for p in network.parameters()}
        X = torch.rand(8, 1, 28, 28, generator=generator)
        logits = network(X)
        if tuple(logits.shape) != (8, 10):
            return f"From (8, 1, 28, 28) it gives {tuple(logits.shape)}; it should give logits of shape (8, 10)."
        for activation, pool, last, hint in (
                (F.relu, F.max_pool2d, False, None),
                (F.relu, F.max_pool2d, True, "No activation follows the last layer."),
                (F.relu, F.avg_pool2d, False, "Both pooling layers take maxima."),
                (torch.sigmoid, F.avg_pool2d, False, "Pooling becomes max-pooling, and all activations become ReLU."),
                (torch.sigmoid, F.max_pool2d, False, "The book's LeNet has four activations; all become ReLU.")):
            expected = lenet_of(weights, X, activation, pool)
            if torch.allclose(logits, activation(expected) if last else expected, atol=1e-4):
                return hint
    return ("It computes something else. Compare line by line: four times ReLU, none after the last layer, and twice "
            "the maximum of 2 x 2.")


def lenet_of(weights: dict[tuple[int, ...], torch.Tensor], X: torch.Tensor, activation: Callable,
             pool: Callable) -> torch.Tensor:
    """What the book's LeNet would compute with these weights, told apart by their shapes."""
    for maps, shape in ((6, (6, 1, 5, 5)), (16, (16, 6, 5, 5))):
        X = pool(activation(F.conv2d(X, weights[shape], weights[(maps,)], padding=2 if maps == 6 else 0)), 2)
    X = X.flatten(start_dim=1)
    for units, inputs in ((120, 400), (84, 120)):
        X = activation(F.linear(X, weights[units, inputs], weights[(units,)]))
    return F.linear(X, weights[10, 84], weights[(10,)])


def sustained_rate(answer: float) -> str | None:
    pictures, macs = 600_000, 938_146_176
    rate = pictures * macs * 2 * 3 / (13 * 60) / 1e12
    for factor, hint in ((1, None), (1 / 2, "A MAC is two operations: a product and a sum."),
                         (1 / 3, "The backward pass costs about twice the forward pass; count both."),
                         (1 / 6, "A MAC is two operations, and the backward pass counts too."),
                         (1 / 10, "Ten epochs, not one."), (1e12, "In TFLOP/s, that is 10^12 operations a second."),
                         (60, "13 minutes are 780 seconds.")):
        if abs(answer / (rate * factor) - 1) < 0.02:
            return hint
    return "Pictures a second, times MACs a picture, times 2, times 3."


def runs_in_the_tail(answer: float) -> str | None:
    share = NormalDist(0.8795, 0.0047).cdf(0.860)
    if abs(answer / (82 * share) - 1) < 0.05:
        return None
    if abs(answer / share - 1) < 0.05:
        return "That is the share of runs; how many of 82 is it?"
    if answer > 41:
        return "Which side of 0.860? The question asks for the lower tail."
    return "Use the cumulative distribution function at 0.860, then multiply by the number of runs."


def rate_of_the_sigmoid(answer: object) -> str | None:
    if not hasattr(answer, "at_edge"):
        return "Give what ah.tune returns."
    runs = answer.runs
    if "held-out accuracy" not in runs:
        return "Judge the rates by the accuracy on held-out images."
    if len(set(runs["arm"])) < 3:
        return "Try three rates or more."
    if runs.groupby("arm")["held-out accuracy"].mean().max() < 0.3:
        return "No rate has a mean of 0.3: too few of its runs have left the plateau. Give more epochs, or other rates."
    if answer.at_edge:
        return f"The best rate, {answer.value:g}, lies at the edge of your grid: try one beyond it."
    return None


CHECKS = {"2.1": parameters_of_a_convolution, "2.2": macs_of_a_convolution, "2.3": lenet_for_colour,
          "2.4": lenet_with_relu_and_max, "2.5": sustained_rate, "2.6": runs_in_the_tail, "2.7": rate_of_the_sigmoid}
