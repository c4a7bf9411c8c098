"""The self-checks of chapter 08 accept the solution and refuse typical wrong answers, each with its own hint."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import alexnet_helpers as ah
from alexnet_helpers import check_exercise, filters, recorded


def off_grey(w):
    return 1 - 3 * (w.mean(axis=1) ** 2).sum(axis=(1, 2)) / (w ** 2).sum(axis=(1, 2, 3))


def off_grey_in_torch(w):
    grey = w.mean(dim=1, keepdim=True)
    return (w - grey).square().flatten(1).sum(dim=1) / w.square().flatten(1).sum(dim=1)


def strengthened(w):
    w *= 2
    return off_grey(w)


def colour_of_the_mean(w):
    mean = w.mean(axis=(2, 3))
    return ((mean - mean.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (mean ** 2).sum(axis=1)


def mean_of_shares(w):
    return (1 - 3 * w.mean(axis=1) ** 2 / (w ** 2).sum(axis=1)).mean(axis=(1, 2))


def wave_under_a_bell(orientation, frequency, phase, along, across, turn=math.radians, turn_phase=math.radians, half=2,
                      cycle=2 * math.pi, size=11):
    """A Gabor function pixel by pixel, written down independently, with room for faults."""
    a, rows = turn(orientation), []
    for y in range(-(size // 2), size // 2 + 1):
        rows.append([])
        for x in range(-(size // 2), size // 2 + 1):
            u, v = math.sin(a) * x + math.cos(a) * y, math.cos(a) * x - math.sin(a) * y
            bell = math.exp(-(u * u / along ** 2 + v * v / across ** 2) / half)
            rows[-1].append(bell * math.cos(cycle * frequency * u + turn_phase(phase)))
    return np.array(rows)


def sums(w, orientation, frequency, turn=math.radians, along=False, first=0, mirror=1, cycle=2 * math.pi):
    """(2, n): what the filters make of a cosine and of a sine, with a fault."""
    y, x = np.mgrid[:w.shape[2], :w.shape[3]] - first
    a = mirror * turn(orientation)
    off_bar = x * math.cos(a) - y * math.sin(a) if along else x * math.sin(a) + y * math.cos(a)
    return np.stack([(w * wave(cycle * frequency * off_bar)).sum(axis=(1, 2, 3)) for wave in (np.cos, np.sin)])


def lengths(w):
    return np.sqrt((w ** 2).sum(axis=(1, 2, 3)))


def response(w, orientation, frequency, **fault):
    return np.hypot(*sums(w, orientation, frequency, **fault)) / lengths(w)


def response_by_phases(w, orientation, frequency):
    even, odd = sums(w, orientation, frequency, first=5)
    return np.max([np.cos(t) * even + np.sin(t) * odd for t in np.linspace(0, 2 * np.pi, 36)], axis=0) / lengths(w)


def response_in_torch(w, orientation, frequency):
    y, x = torch.meshgrid(torch.arange(w.shape[2]), torch.arange(w.shape[3]), indexing="ij")
    a = math.radians(orientation)
    wave = 2 * math.pi * frequency * (x * math.sin(a) + y * math.cos(a))
    even, odd = ((w * part(wave)).flatten(1).sum(dim=1) for part in (torch.cos, torch.sin))
    return (even ** 2 + odd ** 2).sqrt() / torch.linalg.vector_norm(w.flatten(1), dim=1)


def response_colour_by_colour(w, orientation, frequency):
    return sum(np.hypot(*sums(w[:, c:c + 1], orientation, frequency)) for c in range(3)) / lengths(w)


def unlike(w, orientation, frequency):
    return np.abs(w).sum(axis=(1, 2, 3)) + orientation * frequency


@pytest.fixture(autouse=True)
def twelve_filters(monkeypatch):
    """Twelve filters in the place of the record; number 7 is a grating of bars at 60° with 0.2 cycles a pixel."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(12, 3, 11, 11)).astype(np.float32)
    y, x = np.mgrid[:11, :11]
    a = math.radians(60)
    w[7] = 0.01 * np.cos(2 * np.pi * 0.2 * (x * math.sin(a) + y * math.cos(a)) + 1)
    monkeypatch.setattr(recorded, "load_filters", lambda: {"one tower": w})      # 8.6 reads the real ones
    return w


PERIOD = 5.0
ROW, COLUMN = 10.0, 5 / math.cos(math.radians(30))

good = wave_under_a_bell
RIGHT = [
    ("8.1", good), ("8.1", lambda *five: torch.from_numpy(good(*five))), ("8.1", lambda *five: good(*five).tolist()),
    ("8.6", 0.1 * np.stack([good(15 * i, 0.1, 30 * i, 2, 3) * np.ones((3, 1, 1)) for i in range(12)])),
    ("8.3", (11, 51, 163)), ("8.3", [11.0, 51.0, 163.0]), ("8.3", torch.tensor([11, 51, 163])),
    ("8.4", (PERIOD, ROW, COLUMN)), ("8.4", (5, 10, 5.77)), ("8.4", np.array([5, 10, 5.8])),
    ("8.2", off_grey), ("8.2", off_grey_in_torch), ("8.2", filters.colourfulness),
    ("8.2", lambda w: np.array([off_grey(one[None])[0] for one in w])), ("8.2", lambda w: off_grey(w).tolist()),
    ("8.5", (response, 7)), ("8.5", (response_in_torch, 7)), ("8.5", (response_by_phases, np.int64(7))),
    ("8.5", (lambda w, o, f: response(w, o + 180, f, first=5), 7)), ("8.5", (lambda w, o, f: 3 * response(w, o, f), 7)),
]
WRONG = [
    ("8.1", 0.5, "without calling"), ("8.1", lambda *five: good(*five, size=9), "not 11 x 11"),
    ("8.1", lambda o, f, p, a, b: good(o, f, p, b, a), "two widths"),
    ("8.1", lambda o, f, p, a, b: good(90 - o, f, p, a, b), "Sine and cosine"),
    ("8.1", lambda o, f, p, a, b: good(-o, f, p, a, b), "Mirrored"),
    ("8.1", lambda *five: good(*five)[::-1], "y grows downwards"),
    ("8.1", lambda *five: good(*five, turn=float), "want radians"),
    ("8.1", lambda *five: good(*five, turn=float, turn_phase=float), "Both angles are in degrees"),
    ("8.1", lambda *five: good(*five, turn_phase=float), "degrees, too"),
    ("8.1", lambda o, f, p, a, b: good(o, f, -p, a, b), "added"), ("8.1", lambda *five: good(*five, cycle=1), "2π"),
    ("8.1", lambda *five: good(*five, half=1), "by 2"), ("8.1", lambda o, f, p, a, b: good(o, 0, 0, a, b), "the bell"),
    ("8.1", lambda *five: 1 + good(*five), "middle pixel"), ("8.1", lambda o: o, "form"),
    ("8.6", np.zeros((96, 3, 5, 5)), "(96, 3, 5, 5)"), ("8.6", ah.load_filters()["one tower"], "of the record"),
    ("8.6", np.random.default_rng(0).normal(size=(12, 3, 11, 11)), "noise reaches"),
    ("8.3", (1.4, 6.4, 20.4), "28-pixel original"), ("8.3", (55, 51, 163), "conv1 looks at the image itself"),
    ("8.3", (11, 5, 3), "units of pool1"), ("8.3", (11, 19, 163), "what a unit of pool1 sees"),
    ("8.3", (11, 27, 51), "stride of its own"), ("8.3", (11, 43, 163), "maximum over three"),
    ("8.3", (11, 95, 163), "counts once"), ("8.3", (11, 40, 163), "8 pixels further"),
    ("8.3", (11, 51, 195), "pool5"), ("8.3", (11, 51, 131), "conv4"), ("8.3", (11, 51, 99), "pool2 lies between"),
    ("8.3", (11, 51, 120), "steps of 16"),
    ("8.3", 11, "form"), ("8.3", (11, 51), "form"),
    ("8.4", (0.2, ROW, COLUMN), "the frequency"), ("8.4", (2.2, ROW, COLUMN), "one cycle"),
    ("8.4", (PERIOD, COLUMN, ROW), "changed places"), ("8.4", (PERIOD, 2.5, 4.33), "gets longer"),
    ("8.4", (PERIOD, 4.33, 2.5), "gets longer"), ("8.4", (PERIOD, PERIOD, PERIOD), "straight across"),
    ("8.4", (PERIOD, 5 / math.sin(30), 5 / math.cos(30)), "radians"), ("8.4", (PERIOD, ROW, 7), "The row is right"),
    ("8.4", (PERIOD, 7, COLUMN), "The column is right"), ("8.4", (PERIOD, 8, 8), "Which angle"),
    ("8.2", 0.5, "without calling"), ("8.2", strengthened, "changes the filters"),
    ("8.2", lambda w: off_grey(w).mean(), "one number a filter"), ("8.2", lambda w: w.std(axis=1).mean(axis=(1, 2)),
                                                                   "Divide by its energy"),
    ("8.2", lambda w: 1 - off_grey(w), "The rest"), ("8.2", lambda w: 1 - (1 - off_grey(w)) / 3, "3 g²"),
    ("8.2", lambda w: np.sqrt(off_grey(w)), "no root"), ("8.2", mean_of_shares, "shares of the pixels"),
    ("8.2", colour_of_the_mean, "red to green"), ("8.2", lambda w: w.std(axis=1).mean(axis=(1, 2)) / lengths(w),
                                                 "three equal colours"),
    ("8.2", lambda w: "grey", "form"),
    ("8.5", (7, response), "without calling"), ("8.5", (lambda w, o, f: response(w, o, f).sum(), 7), "one number"),
    ("8.5", (lambda w, o, f: sums(w, o, f)[0] / lengths(w), 7), "moved two pixels"),
    ("8.5", (lambda w, o, f: np.abs(sums(w, o, f, first=5)[1]) / lengths(w), 7), "moved two pixels"),
    ("8.5", (lambda w, o, f: response(w, o, f) * lengths(w), 7), "larger weights"),
    ("8.5", (lambda w, o, f: response(w, o, f) / lengths(w), 7), "a weak filter wins"),
    ("8.5", (lambda w, o, f: response(w, o, f) ** 2, 7), "the square"),
    ("8.5", (lambda w, o, f: response(w, o, f, along=True), 7), "the wave runs across"),
    ("8.5", (lambda w, o, f: response(w, o, f, mirror=-1), 7), "counterclockwise"),
    ("8.5", (lambda w, o, f: response(w, 90 - o, f), 7), "changed places"),
    ("8.5", (lambda w, o, f: response(w, o, f, turn=float), 7), "radians"),
    ("8.5", (lambda w, o, f: response(w, o, f, cycle=1), 7), "angle of 2π"),
    ("8.5", (response_colour_by_colour, 7), "before you take the length"), ("8.5", (unlike, 7), "not yet right"),
    ("8.5", (lambda w, o, f: response(w, o, 2 * f), 7), "not yet right"),
    ("8.5", (response, 12), "from 0 to 11"), ("8.5", (response, 8), "Number the filters from 0"),
    ("8.5", (response, 3), "largest response"), ("8.5", response, "form"),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_accepts_the_solution(number, answer, capsys):
    check_exercise(number, answer)
    assert capsys.readouterr().out == f"Exercise {number}: right.\n"


@pytest.mark.parametrize(("number", "answer", "hint"), WRONG)
def test_refuses_with_a_hint(number, answer, hint, capsys):
    check_exercise(number, answer)
    printed = capsys.readouterr().out
    assert printed.startswith(f"Exercise {number}: not yet. ")
    assert hint in printed


@pytest.mark.parametrize("answer", [None, (None, None, None), (11, None, 163)])
def test_says_when_unanswered(answer, capsys):
    check_exercise("8.3", answer)
    assert capsys.readouterr().out == "Exercise 8.3: not answered yet.\n"


def test_the_filter_that_answers_least(twelve_filters, capsys):
    check_exercise("8.5", (response, int(response(twelve_filters, 60, 0.2).argmin())))
    assert "least of all" in capsys.readouterr().out


def test_without_a_record(monkeypatch, capsys):
    monkeypatch.setattr(recorded, "load_filters", lambda: None)
    check_exercise("8.5", (response, 7))
    assert "The function is right. For the number the recorded filters are missing." in capsys.readouterr().out


def test_what_a_unit_sees_is_what_its_gradient_reaches():
    """The check follows windows and strides; here a gradient flows from one unit in the middle to the image."""
    torch.manual_seed(0)
    net = ah.alexnet().eval()
    for name, rows in (("conv1", 11), ("conv2", 51), ("conv5", 163)):
        X = torch.rand(1, 1, 224, 224, requires_grad=True)
        maps = X
        for layer_name, layer in net.named_children():
            # All inputs of a window count, so means for maxima, and nothing is cut off by a ReLU.
            maps = torch.nn.functional.avg_pool2d(maps, 3, 2) if layer_name.startswith("pool") else \
                maps if layer_name.startswith("relu") else layer(maps)
            if layer_name == name:
                break
        middle = maps.shape[2] // 2
        maps[0, :, middle, middle].sum().backward()
        reached = (X.grad[0, 0] != 0).any(dim=1).nonzero().flatten()
        assert int(reached[-1] - reached[0]) + 1 == rows


def test_a_grating_repeats_as_often_as_the_check_says():
    """Bars at 30° on a large sheet: the strongest frequency along a row, along a column, and in all."""
    n = 600
    y, x = np.mgrid[:n, :n]
    a = math.radians(30)
    sheet = np.cos(2 * np.pi * 0.2 * (x * math.sin(a) + y * math.cos(a)))
    along = [np.abs(np.fft.rfft(line * np.hanning(n))).argmax() / n for line in (sheet[0], sheet[:, 0])]
    assert 1 / along[0] == pytest.approx(ROW, rel=0.01) and 1 / along[1] == pytest.approx(COLUMN, rel=0.01)
    bell = np.exp(-((x - 5) ** 2 + (y - 5) ** 2) / 2 / 3 ** 2)[:11, :11]
    row = ah.fit_gabor((bell * sheet[:11, :11])[None, None]).iloc[0]
    assert row["orientation"] == pytest.approx(30, abs=1) and 1 / row["frequency"] == pytest.approx(PERIOD, rel=0.03)
