"""Checks of the exercises of chapter 06."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from .. import comparing
from .common import fault_of_runs

if TYPE_CHECKING:
    import pandas as pd

Crop = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, int], torch.Tensor]


def crop_by_indexing(answer: Crop) -> str | None:
    n, height, width, size = 5, 9, 12, 4
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    X = torch.stack([1000 * i + 20 * rows + columns for i in range(n)])[:, None]
    X = torch.cat([X, X + 10_000], dim=1)
    top, left = torch.tensor([0, 5, 2, 3, 1]), torch.tensor([8, 0, 3, 7, 4])

    def crops(top: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, t:t + size, c:c + size]
                            for x, t, c in zip(X, top.tolist(), left.tolist(), strict=True)])
    try:
        out, right = answer(X, top, left, size), crops(top, left)
    except IndexError:
        return "An index leaves the picture: top belongs to the rows, left to the columns."
    if tuple(out.shape) == (n, size, size, 2) and torch.equal(out.movedim(-1, 1), right):
        return "All pixels are there, but the channels stand last: .movedim(-1, 1) puts them behind the images."
    if tuple(out.shape) != (n, 2, size, size):
        return f"For {n} images of 2 channels the result has the shape {(n, 2, size, size)}, not {tuple(out.shape)}."
    if torch.equal(out, right):
        return None
    if torch.equal(out, crops(top[:1].expand(n), left[:1].expand(n))):
        return "All images are cut at the first one's place; each has its own."
    if torch.equal(out, right.mT):
        return "Rows and columns have changed places."
    return "Row r and column c of crop i should be row top[i] + r, column left[i] + c of image i."


def number_of_views(answer: Callable[[int, int], int]) -> str | None:
    sizes = ((256, 224), (256, 227), (9, 4), (5, 5))
    found = [answer(side, size) for side, size in sizes]
    for formula, hint in ((lambda side, size: 2 * (side - size + 1) ** 2, None),
                          (lambda side, size: 2 * (side - size) ** 2,
                           "Between the first and the last place lie side - size steps. How many places are that?"),
                          (lambda side, size: (side - size + 1) ** 2, "And the mirror images?"),
                          (lambda side, size: (side - size) ** 2,
                           "How many places has a window as large as its picture?"),
                          (lambda side, size: 2 * (side - size + 1), "The window moves along both axes.")):
        if found == [formula(*both) for both in sizes]:
            return hint
    return f"A window of 4 in a picture of 9 has 6 places an axis, and so 72 views; the answer gives {found[2]}."


def padded_views(answer: int) -> str | None:
    places = 32 + 2 * 4 - 32 + 1
    for value, hint in ((2 * places ** 2, None), (places ** 2, "And the mirror images?"),
                        (2 * (places - 1) ** 2, "Eight steps lie between first and last place. How many places?"),
                        (2 * 5 ** 2, "Four pixels on every side: the padded image has 40."),
                        (2 * places, "The window moves along both axes.")):
        if answer == value:
            return hint
    return "Count the places of the window along one axis of the padded image, then both axes, then the mirror."


def second_axis(answer: float) -> str | None:
    spread = 37.1
    for value, hint in ((0.1 * (spread / 255) ** 2 * 255, None),
                        (0.1 * spread, "That is the code's, with roots. The printed formula has the variance."),
                        (0.1 * spread ** 2, "That would be on pixels of 0 to 255. On which scale is the variance?"),
                        (0.1 * (spread / 255) ** 2, "Right on the scale of 0 to 1. How many grey levels is that?"),
                        (0.1 * (121.8 / 255) ** 2 * 255, "That is the first axis."),
                        ((spread / 255) ** 2 * 255, "The random numbers have a standard deviation of 0.1.")):
        if abs(answer - value) <= 0.02 * value:
            return hint
    return "Bring the standard deviation to the scale of 0 to 1, square it, times 0.1, and back to grey levels."


def crop_of_2012(answer: Callable[[torch.Tensor, int, torch.Generator], torch.Tensor]) -> str | None:
    # Every pixel tells its image, row and column, so a crop shows where it comes from.
    n, side, size = 32 * 60 + 5, 7, 5
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    X = (1000.0 * torch.arange(n)[:, None, None, None] + 10 * rows + columns).expand(n, 2, side, side).clone()
    out = answer(X, size, torch.Generator().manual_seed(0))
    if tuple(out.shape) != (n, 2, size, size):
        return f"For {n} images the result should have the shape {(n, 2, size, size)}, not {tuple(out.shape)}."
    start, end = out[:, 0, 0, 0], out[:, 0, 0, -1]
    if not torch.equal(torch.div(start, 1000, rounding_mode="floor"), torch.arange(n).float()):
        return "The images have changed places: the i-th crop must come from the i-th image."
    flipped, corner = start > end, torch.minimum(start, end) % 1000
    top, left = corner.long() // 10, corner.long() % 10
    expected = torch.stack([x[:, t:t + size, c:c + size].flip(-1) if f else x[:, t:t + size, c:c + size]
                            for x, t, c, f in zip(X, top.tolist(), left.tolist(), flipped.tolist(), strict=True)])
    if not torch.equal(out, expected):
        return "What comes out is no window of the image, nor a window's mirror image from left to right."
    chunks = [torch.stack([top[i:i + 32], left[i:i + 32], flipped[i:i + 32].long()]) for i in range(0, n, 32)]
    if any((chunk != chunk[:, :1]).any() for chunk in chunks):
        return "Within 32 images in a row the crop and the flip must be the same; the next 32 draw anew."
    draws = {tuple(chunk[:, 0].tolist()) for chunk in chunks}
    if len(draws) == 1:
        return "All images share one draw. Only 32 in a row should; then draw again."
    if not 10 <= sum(int(chunk[2, 0]) for chunk in chunks) <= 51:
        return "About half of the chunks should be mirrored, each by its own toss of a coin."
    places = set(range(side - size + 1))
    if {t for t, _, _ in draws} != places or {c for _, c, _ in draws} != places:
        return "Some places never occur. torch.randint(n) stops at n - 1: how many places are there?"
    again = answer(X, size, torch.Generator().manual_seed(0))
    return None if torch.equal(again, out) else "The same generator should give the same crops: draw from it alone."


def lenet_inputs(answer: pd.DataFrame) -> str | None:
    if problem := fault_of_runs(answer, "test accuracy", ["raw", "standardised", "flips", "shifts"]):
        return problem
    if answer["test accuracy"].max() > 1:
        return "Accuracies as fractions, 0.75 and not 75, please."
    means = answer.groupby("arm")["test accuracy"].mean()
    if means.min() < 0.3:
        return "One of them is hardly better than guessing. Is it ReLU, the rate 0.01 and the momentum 0.9?"
    if means.max() > 0.88:
        return "That is too good for 1,000 images. Measured on the test images, trained on the first 1,000?"
    found = comparing.verdict(answer, "test accuracy", "standardised", against="raw", margin=0.01)
    if found.word == comparing.SHOWN and found.mean < 0:
        return "Standardised pixels should do no worse than raw ones. Are the test images standardised too?"
    return None


CHECKS = {"6.1": crop_by_indexing, "6.2": number_of_views, "6.3": padded_views, "6.4": second_axis,
          "6.5": crop_of_2012, "6.6": lenet_inputs}
