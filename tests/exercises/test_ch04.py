"""The checks of chapter 04's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from alexnet_helpers.exercises import CHECKS


def eight(activation: type[nn.Module] = nn.Sigmoid, gain: float = 12.0, last: bool = True) -> nn.Sequential:
    """The small AlexNet of the chapter with weights of standard deviation gain / sqrt(inputs)."""
    from collections import OrderedDict

    torch.manual_seed(0)
    convs = [nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.Conv2d(8, 16, 3, padding=1),
             *(nn.Conv2d(16, 16, 3, padding=1) for _ in range(3))]
    layers: dict[str, nn.Module] = {}
    for i, conv in enumerate(convs, start=1):
        layers |= {f"conv{i}": conv, f"act{i}": activation()}
        if i <= 2:
            layers[f"pool{i}"] = nn.MaxPool2d(2) if i == 1 else nn.MaxPool2d(3, stride=2)
    layers |= {"flatten": nn.Flatten(), "fc6": nn.Linear(144, 64), "act6": activation()}
    if last:
        layers |= {"fc7": nn.Linear(64, 64), "act7": activation()}
    net = nn.Sequential(OrderedDict(**layers, fc8=nn.Linear(64, 10)))
    for module in net:
        if hasattr(module, "weight"):
            nn.init.normal_(module.weight, std=gain / math.sqrt(module.weight[0].numel()))
            nn.init.zeros_(module.bias)
    return net


def sigma(x: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(x)


@pytest.mark.parametrize("number, answer", [
    ("4.1", 10),                                       # 4^10 = 1,048,576
    ("4.2", 0.28), ("4.2", 0.2828), ("4.2", 4 / 200 ** 0.5),
    ("4.3", ("fc6", 0.679)), ("4.3", ("fc6", 0.6788)),
    ("4.4", lambda x: sigma(x) + x * sigma(x) * (1 - sigma(x))),
    ("4.4", lambda x: sigma(x) * (1 + x * (1 - sigma(x)))),
    ("4.5", eight()),
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("4.1", 20, "What is its slope there"), ("4.1", 9, "Almost"), ("4.1", 6, "largest slope"),
    ("4.2", 200 ** -0.5, "as Xavier does"), ("4.2", 0.1, "Kaiming's"), ("4.2", 0.08, "variance"),
    ("4.2", 0.25 / 200 ** 0.5, "larger weights"), ("4.2", 2 / 200 ** 0.5, "counts squared"), ("4.2", 1.0, "Set n"),
    ("4.3", ("conv3", 0.34), "another layer comes closer"), ("4.3", ("fc9", 0.34), "layer's name"),
    ("4.3", ("fc6", 1.473), "other way round"), ("4.3", ("fc6", 0.96), "2 / inputs"),
    ("4.3", ("fc6", 0.01473), "How much of it"), ("4.3", ("fc6", 0.5), "Divide 0.01"),
    ("4.4", 3.0, "the function itself"), ("4.4", lambda x: sigma(x) * (1 - sigma(x)), "sigmoid's own"),
    ("4.4", lambda x: x * sigma(x), "What is its derivative"), ("4.4", sigma, "two terms"),
    ("4.4", lambda x: x * sigma(x) * (1 - sigma(x)), "one of the two terms"), ("4.4", torch.tanh, "Product rule"),
    ("4.4", lambda x: torch.tensor(1.0), "one slope for each"),
    ("4.5", eight(gain=1.0), "is asked"), ("4.5", eight(nn.ReLU), "stay sigmoids"),
    ("4.5", eight(gain=0.0), "No gradient"),
    ("4.5", eight(last=False), "eight layers"), ("4.5", 0.28, "the network itself"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in CHECKS[number](answer)


def test_the_network_of_4_5_is_left_alone() -> None:
    net = eight()
    before = {name: values.clone() for name, values in net.state_dict().items()}
    CHECKS["4.5"](net)
    assert all(torch.equal(values, before[name]) for name, values in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
