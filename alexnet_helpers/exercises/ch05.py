"""Checks of the exercises of chapter 05."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .common import table_of_runs


def moments_of_dropout(answer: tuple[float, float]) -> str | None:
    x, p = 10.0, 0.2
    mean, variance = answer
    if abs(mean - x * (1 - p)) < 1e-6:
        return "That is the mean without the division by 1 - p, which PyTorch does in training."
    if abs(mean - x) > 1e-6:
        return "The mean: with probability 0.8 a 12.5 comes out, else a 0."
    right = x ** 2 * p / (1 - p)
    for value, hint in ((right, None), (right ** 0.5, "That is the standard deviation."),
                        (x ** 2 * p * (1 - p), "Mean right; that is the variance without the division by 1 - p."),
                        (x ** 2 * (1 - p) / p, "Mean right; in the variance p and 1 - p have changed places."),
                        (x ** 2 / (1 - p), "Mean right; that is the mean of the squares. What has to be taken off?"),
                        (p / (1 - p), "Mean right; the variance grows with the square of the value.")):
        if abs(variance - value) < 1e-6 * max(1, value):
            return hint
    return "Mean right; the variance is the mean of the squares minus the square of the mean."


def factor_of_2012(answer: float) -> str | None:
    for value, hint in ((0.7, None), (1 / 0.7, "That makes them larger. What reaches fc7 at test, here and there?"),
                        (0.3, "0.3 is the share that is dropped; the factor of 2012 is the share that is kept."),
                        (1 / 0.3, "0.3 is the share that is dropped, and the weights do not grow."),
                        (1, "At test PyTorch gives fc7 the outputs of fc6 unscaled, the code of 2012 did not."),
                        (0.5, "One half is right for a probability of 0.5.")):
        if abs(answer - value) < 0.005:
            return hint
    return "Write down what fc7 adds up at test, in either convention, and make the two equal."


def whole_maps_dropped(answer: Callable[[torch.Tensor, float], torch.Tensor]) -> str | None:
    p, before = 0.3, torch.random.get_rng_state()
    X = torch.rand(400, 25, 3, 4) + 0.5                        # 10,000 maps without a zero
    given = X.clone()
    try:
        torch.manual_seed(0)
        out, full = answer(X, p), answer(torch.ones(200, 25, 2, 2), 0.5)
    finally:
        torch.random.set_rng_state(before)
    if not isinstance(out, torch.Tensor) or out.shape != given.shape:
        return "It should return a tensor of the shape that it got."
    if not torch.equal(X, given):
        return "It changes the X that it is given; return a new tensor."
    off = out == 0
    whole = off.flatten(2).all(dim=2)                          # (400, 25): maps that are gone
    if not torch.equal(off.flatten(2).any(dim=2), whole):
        return "Some maps are zero in places only. One decision a map: which shape must the mask have?"
    if (whole == whole[0]).all():
        return "Every image loses the same maps. Each should be decided for itself."
    if (whole == whole[:, :1]).all():
        return "An image keeps all of its maps or none. Decide for each map."
    if abs(whole.double().mean().item() - p) > 5 * (p * (1 - p) / whole.numel()) ** 0.5:
        return "The share of dropped maps is not p. Is yours the probability to keep?"
    if not torch.allclose(out[~off], (given / (1 - p))[~off]):
        return "What is kept has not the value that PyTorch's convention gives it, so that the mean stays."
    return None if abs(full.mean().item() - 1) < 0.08 else "With p = 0.5 the mean does not stay."


def lenet_with_dropout(answer: tuple[object, str]) -> str | None:
    from ..comparing import difference

    runs, verdict = answer
    if verdict not in ("helps", "hurts", "undecided"):
        return 'The verdict is "helps", "hurts" or "undecided".'
    if hint := table_of_runs(runs, "test accuracy", ["no dropout", "dropout"]):
        return hint
    if not runs["test accuracy"].dropna().between(0.3, 1).all():
        return "Some networks have hardly learned anything: try other learning rates, or more steps."
    change, half = difference(runs, "test accuracy", "dropout", against="no dropout")
    found = "undecided" if abs(change) <= half else "helps" if change > 0 else "hurts"
    if found == verdict:
        return None
    return "The verdict does not follow from the table: does the interval of ah.difference leave out zero, and where?"


CHECKS = {"5.1": moments_of_dropout, "5.2": factor_of_2012, "5.3": whole_maps_dropped, "5.4": lenet_with_dropout}
