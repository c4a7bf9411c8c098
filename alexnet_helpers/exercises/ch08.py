"""Checks of the exercises of chapter 08."""

from __future__ import annotations

from collections.abc import Callable

import torch


def seen_by_a_unit(answer: tuple[float, float, float]) -> str | None:
    # Window and stride of conv1, pool1, conv2, pool2, conv3, conv4, conv5 of the book's network.
    layers, sees, seen, step = ((11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1)), 1, [], 1
    for window, stride in layers:
        sees += (window - 1) * step                            # every further input of the window is a step away
        step *= stride
        seen.append(sees)
    right = seen[0], seen[2], seen[6]
    if all(abs(ours - theirs) < 0.5 for ours, theirs in zip(right, answer, strict=True)):
        return None
    if all(abs(ours / 8 - theirs) < 0.5 for ours, theirs in zip(right, answer, strict=True)):
        return "Those are pixels of the 28-pixel original. How many of the enlarged image?"
    conv1, conv2, conv5 = answer
    if conv1 != right[0]:
        return "conv1 looks at the image itself: its window is all that one of its units sees."
    if conv2 != right[1]:
        return {5: "5 is counted in units of pool1. How far apart do two neighbours in pool1 look, in pixels?",
                seen[1]: "That is what a unit of pool1 sees. conv2 looks at five of them in a row.",
                11 + 4 * 4: "conv1 has stride 4, and pool1 has a stride of its own on top.",
                11 + 4 * 8: "The step is right. But one unit of pool1 sees more than one of conv1: it takes a "
                            "maximum over three.",
                5 * seen[1]: "Neighbours in pool1 see overlapping parts; what they share counts once."}.get(
            conv2, "One unit of pool1 sees 11 + 2 · 4 pixels, and its neighbour looks 8 pixels further on.")
    return {seen[6] + 2 * step: "Right but for conv5: that is what a unit of pool5 sees.",
            seen[5]: "Right but for conv5: that is what a unit of conv4 sees.",
            seen[2] + 3 * 2 * 8: "Right but for conv5: pool2 lies between, with a window and a stride of its own."}.get(
        conv5, "conv1 and conv2 are right. Go on in the same way: pool2, then three times a window of 3, in steps of "
               "16 pixels.")


def from_bar_to_bar(answer: tuple[float, float, float]) -> str | None:
    import math

    frequency, turn = 0.2, math.radians(30)
    period = 1 / frequency
    right = period, period / math.sin(turn), period / math.cos(turn)
    across, row, column = answer

    def equal(found: float, value: float) -> bool:
        return abs(found - value) < 0.01 * abs(value)

    if not equal(across, right[0]):
        if equal(across, frequency):
            return "That is the frequency. How long is one cycle?"
        return "Across the bars: 0.2 cycles go into one pixel. How many pixels go into one cycle?"
    for values, hint in ((right[1:], None),
                         (right[:0:-1], "Row and column have changed places: bars at 0° would lie along the rows."),
                         ((period * math.sin(turn), period * math.cos(turn)),
                          "Along a row you cross the bars at a slant: the way from bar to bar gets longer, not "
                          "shorter."),
                         ((period * math.cos(turn), period * math.sin(turn)),
                          "Along a row you cross the bars at a slant: the way from bar to bar gets longer, not "
                          "shorter."),
                         ((period / math.sin(30), period / math.cos(30)),
                          "Python's sine and cosine want radians, not degrees."),
                         ((period, period), "Only straight across the bars is it 5 pixels.")):
        if equal(row, values[0]) and equal(column, values[1]):
            return hint
    if equal(row, right[1]) or equal(column, right[2]):
        return f"The {'row' if equal(row, right[1]) else 'column'} is right, the other is not."
    return "Draw the bars at 30° and one row of pixels. Which angle is between the row and the bars?"


def numbers_of(function: Callable, *arguments: object) -> object:
    """What `function` returns for arguments with arrays, as an array; it may be written for numpy or for torch."""
    import numpy as np

    try:
        found = function(*arguments)
    except (TypeError, AttributeError):
        found = function(*(torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in arguments))
    return np.asarray(found.detach() if isinstance(found, torch.Tensor) else found, dtype=float)


def gabor(orientation: float, frequency: float, phase: float, along: float, across: float, half: float = 0.5,
          cycle: float = 6.283185307179586, waves: bool = True) -> object:
    """A Gabor function of 11 x 11 pixels; the last three arguments are for faults."""
    import numpy as np

    y, x = np.mgrid[:11, :11] - 5
    turn = np.radians(orientation)
    u, v = x * np.sin(turn) + y * np.cos(turn), x * np.cos(turn) - y * np.sin(turn)
    bell = np.exp(-half * (u / along) ** 2 - half * (v / across) ** 2)
    return bell * np.cos(cycle * frequency * u + np.radians(phase)) if waves else bell


def own_gabor(answer: Callable) -> str | None:
    import numpy as np

    if not callable(answer):
        return "Give the function itself, without calling it."
    tries = (30, 0.2, 40, 2.0, 3.5), (120, 0.12, 90, 4.0, 1.5), (75, 0.3, 0, 2.5, 3.0)
    found = [numbers_of(answer, *five) for five in tries]
    if any(part.shape != (11, 11) for part in found):
        return f"It returns something of shape {found[0].shape}, not 11 x 11."
    for other, hint in (
            (lambda o, f, p, a, b: gabor(o, f, p, a, b), None),
            (lambda o, f, p, a, b: gabor(o, f, p, b, a), "The two widths have changed places: along is that of u."),
            (lambda o, f, p, a, b: gabor(90 - o, f, p, a, b), "Sine and cosine of the direction have changed places."),
            (lambda o, f, p, a, b: gabor(-o, f, p, a, b), "Mirrored: one sign is wrong, or y grows upwards."),
            (lambda o, f, p, a, b: gabor(-o, f, -p, a, b), "Upside down: y grows downwards, as rows are numbered."),
            (lambda o, f, p, a, b: gabor(np.degrees(o), f, p, a, b), "Python's and numpy's sine want radians."),
            (lambda o, f, p, a, b: gabor(np.degrees(o), f, np.degrees(p), a, b),
             "Both angles are in degrees, and Python's and numpy's sine and cosine want radians."),
            (lambda o, f, p, a, b: gabor(o, f, np.degrees(p), a, b), "The phase is in degrees, too."),
            (lambda o, f, p, a, b: gabor(o, f, -p, a, b), "The phase is added, not taken off."),
            (lambda o, f, p, a, b: gabor(o, f, p, a, b, cycle=1), "A cycle is an angle of 2π."),
            (lambda o, f, p, a, b: gabor(o, f, p, a, b, half=1), "The bell: divide the squares by 2."),
            (lambda o, f, p, a, b: gabor(o, f, p, a, b, waves=False), "That is the bell. Multiply it by the wave.")):
        if all(np.allclose(part, other(*five), atol=1e-3) for part, five in zip(found, tries, strict=True)):
            return hint
    return ("Not the values of the formula. Compare the middle pixel, x = y = 0, first: there the bell is 1, and the "
            "cosine of the phase is left.")


def own_colourfulness(answer: Callable) -> str | None:
    import numpy as np

    if not callable(answer):
        return "Give the function itself, without calling it."
    rng = np.random.default_rng(0)
    w = rng.normal(size=(8, 3, 11, 11)) + rng.normal(size=(8, 3, 1, 1)) + rng.normal(size=(8, 1, 11, 11))
    given = w.copy()
    found = numbers_of(answer, w)
    if not np.array_equal(w, given):
        return "It changes the filters that it is given."
    if found.shape != (len(w),):
        return f"For {len(w)} filters it returns something of shape {found.shape}; one number a filter is asked for."
    if not np.allclose(numbers_of(answer, 2 * w), found, rtol=1e-4):
        return "A filter twice as strong is no more colourful. Divide by its energy."
    axis = np.ones(3) / 3 ** 0.5                               # of length 1
    along = np.einsum("nchw,c->nhw", w, axis)                  # each pixel's part on the grey axis
    off = w - along[:, None] * axis[:, None, None]
    pixels, energy = (off ** 2).sum(axis=1), (w ** 2).sum(axis=(1, 2, 3))
    right = pixels.sum(axis=(1, 2)) / energy
    mean = w.mean(axis=(2, 3))                                 # (8, 3), each filter's mean colour
    for values, hint in ((right, None),
                         (1 - right, "That is the share on the grey axis. The rest is asked for."),
                         (1 - (1 - right) / 3, "Almost. A grey pixel (g, g, g) has the energy 3 g²; try your function "
                                               "on a filter with three equal colours."),
                         (right ** 0.5, "Energies are squares: no root is asked for."),
                         ((pixels / (w ** 2).sum(axis=1)).mean(axis=(1, 2)),
                          "You average the shares of the pixels. Add up the energies first, so that strong pixels "
                          "count more."),
                         (((mean - mean.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (mean ** 2).sum(axis=1),
                          "You average over the filter first. An edge from red to green would then have no colour.")):
        if np.allclose(found, values, rtol=1e-3):
            return hint
    return ("Try it on a filter of three equal colours, which should give 0, and on one whose colours sum to zero at "
            "each pixel, which should give 1.")


def grating_response(w: object, orientation: float, frequency: float) -> object:
    """The length of what filters w (n, 3, size, size) make of a grating's cosine and sine, over their own lengths."""
    import numpy as np

    y, x = np.mgrid[:w.shape[2], :w.shape[3]]
    turn = np.radians(orientation)
    wave = np.exp(2j * np.pi * frequency * (x * np.sin(turn) + y * np.cos(turn)))
    return np.abs((w * wave).sum(axis=(1, 2, 3))) / np.sqrt((w ** 2).sum(axis=(1, 2, 3)))


def filter_for_a_grating(answer: tuple[Callable, int]) -> str | None:
    import numpy as np

    from ..recorded import load_filters

    response, number = answer
    if not callable(response):
        return "The first of the two is the function itself, without calling it."
    rng = np.random.default_rng(0)
    w = rng.normal(size=(6, 3, 11, 11)) * rng.uniform(0.5, 2, size=(6, 1, 1, 1)) + rng.normal(size=(6, 1, 11, 11))
    gratings = (20.0, 0.13), (60.0, 0.2), (135.0, 0.08), (90.0, 0.3)
    found = [numbers_of(response, w, *grating) for grating in gratings]
    if any(part.shape != (len(w),) for part in found):
        return f"For {len(w)} filters it returns something of shape {found[0].shape}; one number a filter is asked for."
    found = np.stack(found)

    def alike(other: Callable) -> bool:                        # to a hundredth, but for one factor, the same for all
        values = np.stack([other(w, *grating) for grating in gratings])
        factor = (found * values).sum() / (values ** 2).sum()
        return bool(factor > 0 and np.allclose(found, factor * values, atol=0.01 * np.abs(found).max(), rtol=0))

    length = np.sqrt((w ** 2).sum(axis=(1, 2, 3)))
    if not alike(grating_response):
        there, here = np.zeros_like(w), np.zeros_like(w)
        there[:, :, 2:, 1:], here[:, :, :9, :10] = w[:, :, :9, :10], w[:, :, :9, :10]
        moved = [np.abs(numbers_of(response, place, *gratings[0])) for place in (here, there)]
        if not np.allclose(*moved, rtol=0.03):
            return ("The same filter, moved two pixels, answers otherwise: that is the response to one grating that "
                    "begins at one place. Which two sums tell the largest response, wherever it begins?")
        for other, hint in (
                (lambda w, o, f: grating_response(w, o, f) * length,
                 "A filter with larger weights answers more to everything. Divide by its own length."),
                (lambda w, o, f: grating_response(w, o, f) / length,
                 "Divided by the energy, a weak filter wins. What is its length?"),
                (lambda w, o, f: grating_response(w, o, f) ** 2,
                 "That is the square of the response. Take the root."),
                (lambda w, o, f: grating_response(w, o + 90, f),
                 "The bars lie at that angle; the wave runs across them."),
                (lambda w, o, f: grating_response(w, -o, f),
                 "Mirrored: angles count counterclockwise, and y counts downwards. Compare the signs in gabor."),
                (lambda w, o, f: grating_response(w, 90 - o, f),
                 "Sine and cosine have changed places: at 0° the bars lie along the rows, and nothing changes with "
                 "x."),
                (lambda w, o, f: grating_response(w, np.degrees(o), f),
                 "numpy's and Python's sine want radians, not degrees."),
                (lambda w, o, f: grating_response(w, o, f / (2 * np.pi)),
                 "A cycle is an angle of 2π: does your wave repeat after 1 / frequency pixels?"),
                (lambda w, o, f: sum(grating_response(w[:, c:c + 1], o, f) * np.sqrt((w[:, c] ** 2).sum(axis=(1, 2)))
                                     for c in range(3)) / length,
                 "A grey grating is in all three colours at once: add over the colours before you take the length.")):
            if alike(other):
                return hint
        return ("The response is not yet right. Multiply the filter with a cosine and with a sine of the grating, add "
                "up each over pixels and colours, take the length of the two sums, and divide by the filter's length.")
    kept = load_filters()
    if kept is None:
        return "The function is right. For the number the recorded filters are missing."
    responses = grating_response(kept["one tower"].astype(float), 60, 0.2)
    if number not in range(len(responses)):
        return f"The function is right. Number the filters from 0 to {len(responses) - 1}."
    if responses[number] > 0.98 * responses.max():
        return None
    if responses[number] < 1.02 * responses.min():
        return "The function is right. But this filter answers least of all."
    if number > 0 and responses[number - 1] > 0.98 * responses.max():
        return "The function is right. Number the filters from 0."
    return ("The function is right. Apply it to the filters of the recorded \"one tower\", at 60° and 0.2 cycles a "
            "pixel, and take the number of the largest response.")


def filters_of_a_photograph(answer: object) -> str | None:
    import numpy as np

    from ..filters import fit_gabor, scorecard
    from ..recorded import read_filters

    w = np.asarray(answer.detach().cpu() if isinstance(answer, torch.Tensor) else answer, dtype=float)
    if w.ndim != 4 or w.shape[1:] != (3, 11, 11):
        return f"The weights of conv1 have the shape (96, 3, 11, 11); yours have {w.shape}."
    if any(len(w) == len(kept) and np.allclose(w, kept, atol=1e-3) for kept in read_filters().values()
           if kept.shape[1] == 3):
        return "These are filters of the record. Learn some from a photograph of your own."
    share = scorecard(fit_gabor(w))["median fit"]
    if share < 0.5:
        return (f"Their median R² is {share:.2f}, and noise reaches 0.15. Train for five epochs or more, or take a "
                "photograph with more in it.")
    return None


CHECKS = {"8.1": own_gabor, "8.2": own_colourfulness, "8.3": seen_by_a_unit, "8.4": from_bar_to_bar,
          "8.5": filter_for_a_grating, "8.6": filters_of_a_photograph}
