"""The checks of chapter 02's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from torch import nn

from alexnet_helpers.exercises import CHECKS


def lenet(activation: type[nn.Module] = nn.ReLU, pool: type[nn.Module] = nn.MaxPool2d, last: nn.Module | None = None,
          units: int = 120) -> nn.Sequential:
    layers = [nn.Conv2d(1, 6, kernel_size=5, padding=2), activation(), pool(kernel_size=2),
              nn.Conv2d(6, 16, kernel_size=5), activation(), pool(kernel_size=2), nn.Flatten(),
              nn.Linear(400, units), activation(), nn.Linear(units, 84), activation(), nn.Linear(84, 10)]
    return nn.Sequential(OrderedDict((str(i), layer) for i, layer in enumerate(layers + ([last] if last else []))))


@pytest.mark.parametrize("number, answer", [
    ("2.1", 90_776),                       # counted by hand: 456 + 2,416 + 69,240 + 10,164 + 8,500
    ("2.2", lenet()), ("2.2", lenet().to("meta")),                            # on another device
    ("2.3", 4.33), ("2.3", 4.3299),        # 600,000 x 938,146,176 x 6 / 780 s = 4.3299e12
    ("2.4", 0.00137),                      # 82 x the normal distribution's tail below -4.149 sd, 1.67e-5
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("2.1", 61_706, "Take layer by layer"),
    ("2.1", 456 + 2_416 + 48_120 + 10_164 + 8_500, "What reaches fc3"),       # still 400 inputs
    ("2.1", 90_776 - 300, "reads three channels"),                            # conv1 as for one channel
    ("2.1", 90_776 - 326, "has a bias too"),
    ("2.2", lenet(nn.Sigmoid), "all become ReLU"),
    ("2.2", lenet(pool=nn.AvgPool2d), "take maxima"),
    ("2.2", lenet(last=nn.ReLU()), "all become ReLU"),
    ("2.2", lenet(units=128), "the count cannot change"),
    ("2.3", 4.33 / 2, "two operations"), ("2.3", 4.33 / 3, "about twice the forward pass"),
    ("2.3", 4.33 / 6, "backward pass counts too"), ("2.3", 0.433, "Ten epochs"), ("2.3", 4.33e12, "10^12"),
    ("2.3", 4.33 * 60, "780 seconds"), ("2.3", 23.0, "Pictures a second"),
    ("2.4", 1.67e-5, "how many of 82"), ("2.4", 81.9986, "lower tail"), ("2.4", 0.08, "cumulative"),
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in CHECKS[number](answer)
