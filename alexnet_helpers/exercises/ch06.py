"""Checks of the exercises of chapter 06."""

from __future__ import annotations

from collections.abc import Callable

import torch


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


def lenet_inputs(answer: dict[str, float]) -> str | None:
    names = ("raw", "standardised", "flips", "shifts")
    if set(answer) != set(names):
        return f"The answer should have the four keys {', '.join(names)}."
    if any(value > 1 for value in answer.values()):
        return "Accuracies as fractions, 0.75 and not 75, please."
    if min(answer.values()) < 0.3:
        return "One of them is hardly better than guessing. Is it ReLU, the rate 0.01 and the momentum 0.9?"
    if max(answer.values()) > 0.88:
        return "That is too good for 1,000 images. Measured on the test images, trained on the first 1,000?"
    if answer["standardised"] < answer["raw"] - 0.03:          # raw ones differ by as much from seed to seed
        return "Standardised pixels should do no worse than raw ones. Are the test images standardised too?"
    if max(answer["flips"], answer["shifts"]) > answer["standardised"] + 0.03:
        return "So large a gain from augmentation is odd here. Did both start from standardised pixels, with 300 steps?"
    return None


CHECKS = {"6.1": padded_views, "6.2": second_axis, "6.3": crop_of_2012, "6.4": lenet_inputs}
