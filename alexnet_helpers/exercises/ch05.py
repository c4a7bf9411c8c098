"""Checks of the exercises of chapter 05."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .common import fault_of_runs


def dropout_with_its_modes(answer: Callable[[torch.Tensor, float, bool], torch.Tensor]) -> str | None:
    p, before = 0.3, torch.random.get_rng_state()
    X = torch.rand(300, 100) + 0.5                             # no zero among them
    leaf = X.clone().requires_grad_()
    try:
        torch.manual_seed(0)
        out, idle = answer(X.clone(), p, True), answer(X.clone(), p, False)
        none, whole = answer(X.clone(), 0, True), answer(leaf, 1, True)
    finally:
        torch.random.set_rng_state(before)
    if not all(isinstance(found, torch.Tensor) and found.shape == X.shape for found in (out, idle, none, whole)):
        return "It should return a tensor of the shape that it got, in either mode."
    if not torch.equal(idle, X):
        return "With training = False what goes in should come out, whatever p is."
    if not torch.allclose(none, X):
        return "With p = 0 nothing is dropped and nothing changes."
    if whole.isnan().any():
        return "With p = 1 it gives NaN: 0 / 0. nn.Dropout(1) gives zeros."
    if whole.any():
        return "With p = 1 everything is dropped."
    if whole.requires_grad and torch.autograd.grad(whole.sum(), leaf)[0].isnan().any():
        return "With p = 1 zeros come out, but their gradient is NaN. Keep the division by 0 away from it."
    off = out == 0
    if (off == off[0]).all() or (off == off[:, :1]).all():
        return "Each value should be dropped or kept for itself, not whole rows or columns."
    share = off.double().mean().item()
    if abs(share - (1 - p)) < 0.02:
        return "p is the probability to drop; yours is the probability to keep."
    if abs(share - p) > 5 * (p * (1 - p) / X.numel()) ** 0.5:
        return f"With p = {p} the share of zeros is {share:.2f}."
    if torch.allclose(out[~off], X[~off]):
        return "What is kept must grow, so that the mean stays: divide it."
    return None if torch.allclose(out[~off], X[~off] / (1 - p)) else "What is kept should be divided by 1 - p."


def keeping_for_twice_the_variance(answer: float) -> str | None:
    for value, hint in ((1 / 3, None), (2 / 3, "That is p, the probability to drop; asked for is 1 - p."),
                        (1 / 2, "That gives x²."), (1 / 4, "That gives 3 x²: put p = 0.75 into the formula."),
                        (1, "Nothing is dropped then, and nothing varies.")):
        if abs(answer - value) < 0.005:
            return hint
    return "Solve p / (1 - p) = 2 for p, then take 1 - p."


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


def lenet_with_dropout(answer: tuple[object, object]) -> str | None:
    from ..comparing import verdict

    runs, found = answer
    if not hasattr(found, "word"):
        return "The second part is what ah.verdict returns."
    if hint := fault_of_runs(runs, "test accuracy", ["no dropout", "dropout"]):
        return hint
    if not runs["test accuracy"].dropna().between(0.3, 1).all():
        return "Some networks have hardly learned anything: try other learning rates, or more steps."
    right = verdict(runs, "test accuracy", "dropout", against="no dropout", margin=0.01)
    if found.word == right.word and abs(found.mean - right.mean) < 1e-9:
        return None
    if abs(found.mean + right.mean) < 1e-9:
        return "The two arms have changed places: dropout is judged against no dropout."
    return "The verdict does not follow from the table: test accuracy, dropout against no dropout, margin 0.01."


CHECKS = {"5.1": dropout_with_its_modes, "5.2": keeping_for_twice_the_variance, "5.3": factor_of_2012,
          "5.4": whole_maps_dropped, "5.5": lenet_with_dropout}
