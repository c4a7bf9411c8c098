"""Checks of the exercises of chapter 02."""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import nn


def lenet_for_colour(answer: int) -> str | None:
    conv1, fc3, fc5 = 6 * (3 * 5 * 5 + 1), 120 * (16 * 6 * 6 + 1), 100 * (84 + 1)
    if answer == conv1 + 2_416 + fc3 + 10_164 + fc5:
        return None
    if answer in (conv1 + 2_416 + 48_120 + 10_164 + fc5, 156 + 2_416 + 48_120 + 10_164 + fc5):
        return "What reaches fc3? Follow the sides: 32 -> 16 -> ? -> ?"
    if answer == 156 + 2_416 + fc3 + 10_164 + fc5:
        return "Each kernel of conv1 now reads three channels."
    if answer == conv1 + 2_416 + fc3 + 10_164 + fc5 - (6 + 16 + 120 + 84 + 100):
        return "Every map and every unit has a bias too."
    return "Take layer by layer: outputs x (inputs of one output + 1 for the bias)."


def lenet_with_relu_and_max(answer: nn.Module) -> str | None:
    kinds = [type(module) for module in answer.modules()]
    parameters = sum(p.numel() for p in answer.parameters())
    if parameters != 61_706:
        return f"It has {parameters:,} parameters; neither activation nor pooling has any, so the count cannot change."
    if kinds.count(nn.MaxPool2d) != 2 or nn.AvgPool2d in kinds:
        return "Both pooling layers take maxima."
    if kinds.count(nn.ReLU) != 4 or nn.Sigmoid in kinds:
        return "The book's LeNet has four activations; all become ReLU, and none follows the last layer."
    X = torch.zeros(2, 1, 28, 28, device=next(answer.parameters()).device)
    if tuple(answer(X).shape) != (2, 10) or kinds[-1] is nn.ReLU:
        return "From (2, 1, 28, 28) it should give logits of shape (2, 10), with no activation after them."
    return None


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
    if answer > 1:
        return "Which side of 0.860? The question asks for the lower tail."
    return "Use the cumulative distribution function at 0.860, then multiply by the number of runs."


CHECKS = {"2.1": lenet_for_colour, "2.2": lenet_with_relu_and_max, "2.3": sustained_rate, "2.4": runs_in_the_tail}
