"""The checks of chapter 02's exercises accept the solution and refuse typical wrong answers, each with its hint."""

from __future__ import annotations

from collections import OrderedDict

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from alexnet_helpers import comparing
from alexnet_helpers.exercises import CHECKS


def lenet(activation: type[nn.Module] = nn.ReLU, pool: type[nn.Module] = nn.MaxPool2d, last: nn.Module | None = None,
          units: int = 120) -> nn.Sequential:
    layers = [nn.Conv2d(1, 6, kernel_size=5, padding=2), activation(), pool(kernel_size=2),
              nn.Conv2d(6, 16, kernel_size=5), activation(), pool(kernel_size=2), nn.Flatten(),
              nn.Linear(400, units), activation(), nn.Linear(units, 84), activation(), nn.Linear(84, 10)]
    return nn.Sequential(OrderedDict((str(i), layer) for i, layer in enumerate(layers + ([last] if last else []))))


class Functional(nn.Module):
    """The same network with functions for layers, as a reader may write it; `relus` of its four activations."""

    def __init__(self, relus: int = 4) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Conv2d(6, 16, kernel_size=5)
        self.fc3, self.fc4, self.fc5 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)
        self.activations = [F.relu] * relus + [torch.tanh] * (4 - relus)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        one, two, three, four = self.activations
        X = F.max_pool2d(two(self.conv2(F.max_pool2d(one(self.conv1(X)), 2))), 2).flatten(start_dim=1)
        return self.fc5(four(self.fc4(three(self.fc3(X)))))


def rates(found: dict[float, list[float]], measure: str = "held-out accuracy") -> comparing.Tuned:
    rows = [{"arm": rate, "seed": seed, measure: value} for rate, values in found.items()
            for seed, value in enumerate(values)]
    return comparing.tuned(pd.DataFrame(rows), measure)


@pytest.mark.parametrize("number, answer", [
    ("2.1", lambda inputs, outputs, k: outputs * (inputs * k ** 2 + 1)),
    ("2.2", lambda inputs, outputs, k, rows: outputs * inputs * (k * rows) ** 2),
    ("2.7", rates({0.3: [0.1, 0.1], 0.9: [0.5, 0.6], 2.7: [0.2, 0.1]})),
    ("2.3", 90_776),                       # counted by hand: 456 + 2,416 + 69,240 + 10,164 + 8,500
    ("2.4", lenet()), ("2.4", lenet().to("meta")),                            # on another device
    ("2.4", Functional()), ("2.4", lenet(activation=lambda shared=nn.ReLU(): shared)),     # noqa: B008
    ("2.5", 4.33), ("2.5", 4.3299),        # 600,000 x 938,146,176 x 6 / 780 s = 4.3299e12
    ("2.6", 0.00137),                      # 82 x the normal distribution's tail below -4.149 sd, 1.67e-5
])
def test_right(number: str, answer: object) -> None:
    assert CHECKS[number](answer) is None


@pytest.mark.parametrize("number, answer, hint", [
    ("2.1", lambda inputs, outputs, k: outputs * inputs * k * k, "a bias too"),
    ("2.1", lambda inputs, outputs, k: outputs * inputs * k * k + 1, "not one in all"),
    ("2.1", lambda inputs, outputs, k: outputs * (k * k + 1), "a window for every input map"),
    ("2.1", lambda inputs, outputs, k: outputs * inputs * (k * k + 1), "however many"),
    ("2.1", lambda inputs, outputs, k: outputs * (inputs * k + 1), "k by k"),
    ("2.1", lambda inputs, outputs, k: inputs + outputs + k, "the answer gives 12"),
    ("2.2", lambda inputs, outputs, k, rows: outputs * inputs * k * k * rows, "rows * rows positions"),
    ("2.2", lambda inputs, outputs, k, rows: outputs * (inputs * k * k + 1) * rows ** 2, "it is no MAC"),
    ("2.2", lambda inputs, outputs, k, rows: outputs * k * k * rows * rows, "all input maps at once"),
    ("2.2", lambda inputs, outputs, k, rows: inputs * k * k * rows * rows, "Every output map"),
    ("2.2", lambda inputs, outputs, k, rows: 2 * outputs * inputs * (k * rows) ** 2, "do not count it twice"),
    ("2.2", lambda inputs, outputs, k, rows: k, "the answer gives 5"),
    ("2.7", 0.9, "what ah.tune returns"),
    ("2.7", rates({0.3: [0.1, 0.1], 0.9: [0.5, 0.6]}), "three rates or more"),
    ("2.7", rates({0.3: [0.1, 0.1], 0.9: [0.5, 0.6], 2.7: [0.7, 0.7]}), "one beyond it"),
    ("2.7", rates({0.3: [0.1, 0.1], 0.9: [0.1, 0.2], 2.7: [0.1, 0.1]}), "left the plateau"),
    ("2.7", rates({0.3: [0.1, 0.1], 0.9: [0.5, 0.6], 2.7: [0.2, 0.1]}, "test accuracy"), "held-out images"),
    ("2.3", 61_706, "Take layer by layer"),
    ("2.3", 456 + 2_416 + 48_120 + 10_164 + 8_500, "What reaches fc3"),       # still 400 inputs
    ("2.3", 90_776 + 120 * 16 * (64 - 36), "What reaches fc3"),               # conv2 as if padded
    ("2.3", 90_776 - 300, "reads three channels"),                            # conv1 as for one channel
    ("2.3", 90_776 - 326, "has a bias too"),
    ("2.4", lenet(nn.Sigmoid), "all become ReLU"),
    ("2.4", lenet(pool=nn.AvgPool2d), "take maxima"),
    ("2.4", lenet(nn.Sigmoid, nn.AvgPool2d), "all activations"),
    ("2.4", lenet(last=nn.ReLU()), "follows the last layer"),
    ("2.4", lenet(last=nn.Softmax(dim=1)), "something else"),
    ("2.4", Functional(relus=3), "something else"),
    ("2.4", lenet(last=nn.Unflatten(1, (2, 5))), "(8, 2, 5)"),
    ("2.4", lenet(units=128), "the count cannot change"),
    ("2.5", 4.33 / 2, "two operations"), ("2.5", 4.33 / 3, "about twice the forward pass"),
    ("2.5", 4.33 / 6, "backward pass counts too"), ("2.5", 0.433, "Ten epochs"), ("2.5", 4.33e12, "10^12"),
    ("2.5", 4.33 * 60, "780 seconds"), ("2.5", 23.0, "Pictures a second"),
    ("2.6", 1.67e-5, "how many of 82"), ("2.6", 81.9986, "lower tail"), ("2.6", 0.08, "cumulative"),
    ("2.6", 1.27, "cumulative"),                                              # 82 x the density there
])
def test_wrong(number: str, answer: object, hint: str) -> None:
    assert hint in CHECKS[number](answer)
