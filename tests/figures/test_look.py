"""Figures for every pair of eyes: colours told apart with a colour-vision deficiency and in grey, large enough text,
and text alternatives whose numbers come from the data.

The rule: no series is known by its colour alone. Lines and dots in one panel that differ in colour differ in marker or
dash too. Areas differ in hatch, or so much in lightness and hue that everybody tells them apart. Sun and tired
projectors are the worse printers, so this holds for everybody.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from daltonlens.simulate import Deficiency, Simulator_Brettel1997, Simulator_Machado2009, Simulator_Vienot1999
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from skimage.color import deltaE_ciede2000, rgb2lab

from alexnet_helpers import figures, filters, layer_table, lenet, verdict
from alexnet_helpers.checkpoints import History
from alexnet_helpers.figures import ch01, ch02, ch03, ch04, ch05, ch06, ch07, ch08, ch09, common, style

# Machado et al. 2009 and Viénot et al. 1999 for red-green, Brettel et al. 1997 for blue-yellow, all at full severity.
SIMULATIONS = {
    "protanopia": [(Simulator_Machado2009(), Deficiency.PROTAN), (Simulator_Vienot1999(), Deficiency.PROTAN)],
    "deuteranopia": [(Simulator_Machado2009(), Deficiency.DEUTAN), (Simulator_Vienot1999(), Deficiency.DEUTAN)],
    "tritanopia": [(Simulator_Brettel1997(), Deficiency.TRITAN)]}


def lab(colour: tuple | str, view: tuple | None = None) -> np.ndarray:
    """CIELAB of a colour on white, as seen through a simulator if one is given."""
    *rgb, alpha = to_rgba(colour)
    pixel = (255 * (alpha * np.array(rgb) + 1 - alpha)).round().astype(np.uint8)[None, None]
    return rgb2lab(view[0].simulate_cvd(pixel, view[1], 1.0) if view else pixel)[0, 0]


def distance(one: tuple | str, other: tuple | str, deficiency: str) -> float:
    """CIEDE2000 between two colours with a deficiency, the least over its simulations. Side by side 2 is just seen."""
    return min(float(deltaE_ciede2000(lab(one, view), lab(other, view))) for view in SIMULATIONS[deficiency])


def apart_as_areas(one: tuple | str, other: tuple | str) -> bool:
    """Told apart by everybody, and in grey, without a second code."""
    return (abs(lab(one)[0] - lab(other)[0]) >= 15
            and all(distance(one, other, deficiency) >= 18 for deficiency in SIMULATIONS))


# ---------------------------------------------------------------------------------------------------------------
# The palette


@pytest.mark.parametrize("one, other", list(itertools.combinations(style.COLOURS, 2)))
def test_every_two_colours_differ_for_everybody(one: str, other: str) -> None:
    for deficiency, bound in (("protanopia", 12), ("deuteranopia", 12), ("tritanopia", 8)):
        assert distance(one, other, deficiency) >= bound, deficiency


def test_the_first_two_colours_do_without_a_second_code() -> None:
    assert apart_as_areas(style.BLUE, style.ORANGE)


def test_every_place_in_the_cycle_has_its_marker_and_dash() -> None:
    assert len(set(style.COLOURS)) == len(set(style.MARKERS)) == len(set(style.DASHES)) == 6


def test_the_simulation_would_see_a_bad_palette() -> None:
    """matplotlib's own red and green, and a common pair of violet and blue."""
    assert distance("tab:green", "tab:red", "deuteranopia") < 12
    assert distance("tab:blue", "tab:purple", "protanopia") < 12
    assert not apart_as_areas("tab:green", "tab:red")


# ---------------------------------------------------------------------------------------------------------------
# A sample of every figure, drawn from made-up data; a larger k means other data


def history(k: float) -> History:
    falling, rising = [2.3, 1.1 / k, 0.9 / k], [0.1, 0.3 * k, 0.35 * k]
    return History(train_loss=falling, test_loss=falling, train_accuracy=rising, test_accuracy=rising,
                   seconds=[1.0, 1.0, 1.0])


def comparison(k: float, **measures: float) -> pd.DataFrame:
    return pd.DataFrame([{"arm": arm, "seed": seed} | {name: k * (value + 0.01 * seed + 0.1 * (arm == "new"))
                                                       for name, value in measures.items()}
                         for arm in ("old", "new", "newer") for seed in range(3)])


def race(k: int) -> tuple[pd.DataFrame, dict]:
    """Three arms at two sizes, and the verdicts on learned against HOG."""
    runs = pd.DataFrame([{"size": size, "arm": arm, "seed": seed, "test accuracy": 0.1 * k + gain + 0.001 * seed * gain}
                         for size in (200, 800) for arm, gain in (("pixels", 0.3), ("HOG", 0.4), ("learned", 0.42))
                         for seed in range(3)])
    return runs, {size: verdict(runs[runs["size"] == size], "test accuracy", "learned", "HOG", 0.01)
                  for size in (200, 800)}


def gains(k: int) -> tuple[pd.DataFrame, dict]:
    """The same runs, and what two of the arms gain over the third."""
    runs, _ = race(k)
    return runs, {arm: {size: verdict(runs[runs["size"] == size], "test accuracy", arm, "pixels", 0.01)
                        for size in (200, 800)} for arm in ("HOG", "learned")}


def looks(k: int, when: str, measure: str) -> pd.DataFrame:
    """Two arms and two seeds, looked at twice: `measure`, and accuracies on test and held-out images."""
    return pd.DataFrame([{"arm": arm, "seed": seed, when: place, measure: 0.2 * k + 0.1 * place + 0.01 * seed + extra,
                          "test accuracy": 0.3 + 0.1 * place + extra, "held-out accuracy": 0.3 + 0.05 * place + extra}
                         for arm, extra in (("old", 0.0), ("new", 0.1)) for seed in range(2) for place in (1, 2)])


SLANT = {k: np.random.default_rng(k).normal(size=(1, 3, 7, 7)) for k in (1, 2)}       # filters

SAMPLES: dict[str, Callable[[int], Figure]] = {
    "training_curves": lambda k: common.training_curves({"one": [history(k)], "two": [history(k + 0.5)]}, "Curves"),
    "image_grid": lambda k: common.image_grid(torch.rand(2 + k, 1, 8, 8), list("abcd"), 2, "Images"),
    "networks_to_scale": lambda k: ch02.networks_to_scale({"A": layer_table(lenet(), (1, 28, 28)),
                                                            "B": bigger(k)}),
    "activation_histograms": lambda k: ch02.activation_histograms(
        {"act1": torch.linspace(0, 0.4 * k, 30).reshape(5, 6), "act2": torch.full((5, 6), 0.5)}, "Histograms"),
    "losses": lambda k: ch02.losses({"A": [[2.3, 2.0, 1.0 * k], [2.3, 2.2, 2.1]], "B": [[2.4, 2.3, 2.2]]}, "Losses"),
    "book_curves": lambda k: ch02.book_curves(
        [{"network": name, "runs": 9, "test_accuracy": [[0.2, 0.1, 0.3], [0.4 * k, 0.1, 0.9]]} for name in "AB"], "B"),
    "accuracy_rows": lambda k: ch02.accuracy_rows(
        {"published": {"mean": 0.8, "sd": 0.01, "low": 0.7, "high": 0.9, "n": 9}, "ours": [0.4 * k, 0.41 * k]}, "Rows"),
    "every_run": lambda k: common.every_run(comparison(k, accuracy=0.3), "accuracy", "Runs"),
    "convolution_windows": lambda k: ch03.convolution_windows(17, 4 + k, 3, padding=1),
    "layer_diagram": lambda k: ch03.layer_diagram({"input": (1, 32, 32), "conv1": (8 * k, 14, 14), "pool1": (8, 7, 7),
                                                    "fc2": (10,)}, {"conv1": "5×5\n/2"}),
    "window_in_two_dimensions": lambda k: ch03.window_in_two_dimensions(torch.rand(12, 12), 4, 3, k, 1, 2),
    "group_links": lambda k: ch03.group_links(4 * k, 8, 2),
    "lrn_neighbours": lambda k: ch03.lrn_neighbours(3, 12, 6 + k, border=8),
    "lrn_curves": lambda k: ch03.lrn_curves({"one": 1e-4 * k, "two": 2e-5}, 200.0 * k),
    "two_towers": lambda k: ch03.two_towers({"conv1": (48, 5, 5), "conv2": (128, 3, 3)}, {"conv2": 500 * k, "fc8": 7}),
    "roofline": lambda k: ch03.roofline({"batch of 1": {"conv1": (50, 1e11 * k), "fc6": (0.5, 5e9)},
                                          "batch of 32": {"conv1": (51, 2e11), "fc6": (16, 6e10)}}, 4e11, 4e10),
    "timeline": lambda k: ch01.timeline([{"year": 1988 + k, "kind": "network", "name": "A", "text": "first"},
                                          {"year": 2009, "kind": "data", "name": "B", "text": "second"}]),
    "challenge": lambda k: ch01.challenge(*contest(k)),
    "dataset_sizes": lambda k: ch01.dataset_sizes(
        [{"name": "A", "year": 1998, "images": 70_000 * k},
         {"name": "B", "year": 2008, "images": 10**7, "clean": False}], "Data"),
    "race": lambda k: ch01.race(*race(k), 0.01, "Race"),
    "ilsvrc_by_year": lambda k: ch01.ilsvrc_by_year(
        [{"year": 2011, "team": "X", "error": 25.0 + k, "learned": False},
         {"year": 2012, "team": "S", "error": 16.4, "learned": True}],
        {"year": 2012, "team": "I", "error": 26.2, "learned": False}),
    "hog_steps": lambda k: ch01.hog_steps(np.eye(8), np.eye(8), 10.0 * np.eye(8), k * np.arange(36.0).reshape(2, 2, 9)),
    "training_days": lambda k: ch01.training_days({"slow": 9e3, "here": 30.0 * k, "fast": 0.2}, (5, 6), "fast", "here"),
    "accepted_sizes": lambda k: ch03.accepted_sizes(range(4), {"one": [4, 4, 5, 5], "two": [4, 5, 5, 6]},
                                                     {"one": [0, k], "two": [2, 3]}),
    "layer_shares": lambda k: ch03.layer_shares({"one": layer_table(lenet(), (1, 28, 28)), "two": bigger(k)},
                                                 ["conv1", "fc3"]),
    "memory_by_batch": lambda k: common.memory_by_batch({"weights": 2e8, "gradients": 2e8, "momentum": 2e8}, 4e6 * k,
                                                       64, "Memory"),
    "grouped_bars": lambda k: ch03.grouped_bars({name: {"conv1": 20.0 * k, "fc6": 7.0} for name in "abcd"}, "%",
                                                 "Bars"),
    "depth_grid": lambda k: ch04.depth_grid({(row, "Xavier"): ([[1e-3 * k, 1e-2]], [1e-3, 1e-2]) for row in "ab"},
                                             "gradient", "Depth"),
    "step_curves": lambda k: ch04.step_curves({name: [[(0, 0.9), (20, 0.3 * k)]] for name in "abc"}, "error", "Steps"),
    "slope_curves": lambda k: ch04.slope_curves(torch.arange(3.0), {name: 0.2 * k * torch.arange(3.0) for name in "ab"},
                                                "Slopes"),
    "remaining_gradient": lambda k: ch04.remaining_gradient({"a": 0.4 * k, "b": 1.0}, "Left"),
    "flow_histograms": lambda k: ch04.flow_histograms({"a": ([torch.arange(5.0) * k] * 9,) * 2}, "Flow"),
    "by_layer": lambda k: ch04.by_layer({"": {name: {"conv1": 0.1 * k, "fc8": 1e-3} for name in "abc"}}, "r",
                                        "Layers", level=1e-3),
    "steps_needed": lambda k: ch04.steps_needed({"a": [40.0 * k, 60.0], "b": [80.0, float("inf")]}, 240, "Needed"),
    "dead_by_layer": lambda k: ch04.dead_by_layer(
        {name: pd.DataFrame({"before": [0.1, 0.3], "after": [0.2 * k, 0.0]}, index=["act1", "act2"]) for name in "ab"},
        "Dead"),
    "gap_rows": lambda k: ch05.gap_rows(comparison(k, test=0.3, training=0.4), "test", "training", "Gap"),
    "noise_of_a_sum": lambda k: ch05.noise_of_a_sum(50, 10 * k),
    "curves_by_mode": lambda k: ch05.curves_by_mode(
        {name: [pd.DataFrame({"epoch": [1, 2], "way": [0.1, 0.2 * k], "eval": [0.2, 0.4], "test": [0.1, 0.3]})] * 2
         for name in "ab"}, "Modes"),
    "luck": lambda k: ch05.luck(torch.linspace(0.2, 0.4 * k, 20), 0.5, "Luck"),
    "averages": lambda k: ch05.averages({name: {1: 0.3, 2: 0.1 * k, 4: 0.1 * k} for name in "abc"}, "Averages"),
    "wrong_labels": lambda k: ch05.wrong_labels(looks(k, "epoch", "agreement"), 0.7, "Labels"),
    "gap_over_training": lambda k: ch05.gap_over_training(
        pd.concat([looks(k, "epoch", "training accuracy").assign(size=size) for size in (200, 800)]),
        pd.concat([looks(k, "epoch", "training accuracy").query("epoch == 2").assign(size=size)
                   for size in (200, 800)]), "Gap"),
    "units_missing": lambda k: ch05.units_missing(looks(k, "share", "accuracy"), "Missing"),
    "accuracy_by_size": lambda k: common.accuracy_by_size(*race(k), 0.01, "learned minus HOG", "By size"),
    "one_view": lambda k: ch06.one_view(torch.rand(3, 12, 12), torch.eye(3) / 50, 2, 1, mirrored=False, first_colour=k,
                                         second_colour=0, size=8),
    "likeness_by_shift": lambda k: ch06.likeness_by_shift({name: [1.0, 0.4 * k, 0.3] for name in "ab"}, [0.1], "L"),
    "accuracy_by_class": lambda k: ch06.accuracy_by_class({"coat": 0.9, "boot": 0.8}, {"coat": 0.4 * k, "boot": 0.1},
                                                           ("as they come", "mirrored"), "Classes"),
    "accuracy_by_test": lambda k: ch06.accuracy_by_test(comparison(k, plain=0.3, moved=0.2), ["plain", "moved"], "T"),
    "arms_by_size": lambda k: ch06.arms_by_size(*gains(k), 0.01, "Arms"),
    "gains_by_epoch": lambda k: ch06.gains_by_epoch({size: {9: found, 18 * k: found} for size, found in
                                                      gains(k)[1]["HOG"].items()}, 0.01, "Gains"),
    "colour_strips": lambda k: ch06.colour_strips(torch.rand(3, 8, 8), torch.eye(3) / 50, f"Strips {k}"),
    "intervals": lambda k: ch06.intervals({"seed 0": (0.1, 0.2 * k, 0.5), "mean": (0.0, 0.1, 0.2)}, "gain", "Spans"),
    "published_speeds": lambda k: ch07.published_speeds(
        pd.DataFrame({"at the peak": [900.0, 7e3], "published": [1300.0 * k, 3e3]}, index=["laptop", "desktop"])),
    "ladder": lambda k: ch07.ladder({name: pd.DataFrame(
        [{"arm": arm, "round": turn, "seconds": seconds * k ** (arm == "sums") * (1 + 0.1 * turn)}
         for turn in (0, 1) for arm, seconds in (("whole", 1.0), ("whole, again", 1.1), ("sums", 0.5), ("book", 3.0))])
        for name in ("LeNet", "AlexNet")}, ["book", "whole", "sums", "none"], "Ladder"),
    "two_rules": lambda k: ch07.two_rules({"the paper": [1.0, 1.9 * k, 1.8], "PyTorch": [1.0, 1.9 * k, 0.3]}, 2),
    "where_minutes_go": lambda k: ch07.where_minutes_go(60_000, 5.6e9, {"the book's loader": 1e3 * k, "ours": 1e4},
                                                         {"here": 1e11, "there": 1e13}),
    "recorded_curves": lambda k: ch07.recorded_curves({name: [{"test_accuracy": [0.3, 0.4 * k]}] for name in "ab"},
                                                       "Recorded"),
    "filter_grid": lambda k: ch08.filter_grid(np.random.default_rng(k).normal(size=(6, 3, 7, 7)), "Filters"),
    "filter_rows": lambda k: ch08.filter_rows({"A": np.eye(7)[None, None].repeat(20, 0)}, "Rows", columns=4 * k),
    "progress": lambda k: ch08.progress({name: pd.DataFrame({"seconds": [6, 60], "fit": [0.1, 0.3 * k]})
                                         for name in "ab"}, "fit", "Progress"),
    "maps": lambda k: ch08.maps(np.ones((2, 3, 5, 5)), np.ones((2, 9, 9)) * (np.arange(9) > 2 * k),
                                   ["bars", "blob"], "Maps"),
    "one_filter": lambda k: ch08.one_filter(SLANT[k], filters.fit_gabor(SLANT[k]), np.eye(9)),
    "strips": lambda k: ch08.strips({"fit": {"A": np.arange(9.0) * k, "B": np.ones(9)}}, "Strips"),
    "verdict_bars": lambda k: ch09.verdict_bars(
        pd.DataFrame([[5, 4 * k, 3, 2]], index=["P"], columns=["right", "roughly", "wrong", "unsupported"]), "Bars"),
}


def bigger(k: int) -> pd.DataFrame:
    """LeNet's layer table with k times the parameters of conv1."""
    scaled = layer_table(lenet(), (1, 28, 28))
    scaled.loc["total", "parameters"] += 156 * (k - 1)
    scaled.loc["conv1", "parameters"] *= k
    return scaled


def contest(k: int) -> tuple[list[dict], float, tuple[dict, dict]]:
    entries = [{"team": "S", "error": 15.0 - k, "learned": True, "networks": 5, "extra_data": False},
               {"team": "T", "error": 26.0, "learned": False}, {"team": "U", "error": 27.0, "learned": False}]
    return entries, 18.2, (entries[0], entries[1])


@pytest.fixture(autouse=True)
def course_style() -> Iterator[None]:
    with plt.rc_context():
        figures.use_course_style()
        yield
        plt.close("all")


def test_every_figure_has_a_sample() -> None:
    modules = [importlib.import_module(f"{figures.__name__}.{path.stem}")
               for path in Path(figures.__file__).parent.glob("[!_]*.py")]
    drawing = {name for module in modules for name, function in vars(module).items()
               if inspect.isfunction(function) and function.__module__ == module.__name__
               and inspect.signature(function).return_annotation == "Figure"}
    assert drawing == set(SAMPLES), "give the new figure a sample in SAMPLES, so that these tests see it"


# ---------------------------------------------------------------------------------------------------------------
# A second code for every colour


def coloured_lines(ax: plt.Axes) -> dict[str, set[tuple]]:
    """Colour -> looks (marker and whether it is filled, or dash) of the lines and dots of a panel."""
    looks: dict[str, set[tuple]] = {}
    for line in ax.get_lines():
        if line.get_visible() and line.get_marker() not in ("|", "_") and len(line.get_xdata()):       # caps of bars
            hollow = to_hex(line.get_markerfacecolor(), keep_alpha=True) in ("#00000000", "#ffffffff")
            look = (line.get_marker(), hollow, line.get_linestyle(), str(line._dash_pattern))
            looks.setdefault(to_hex(line.get_color()), set()).add(look)
    return looks


def coloured_areas(ax: plt.Axes) -> dict[tuple, set[str]]:
    """Colour, with alpha -> hatches of the areas of a panel."""
    areas: dict[tuple, set[str]] = {}
    shapes = [patch for patch in ax.patches if isinstance(patch, Patch)]
    for shape in shapes + list(ax.collections):
        if (len(shape.get_facecolor()) and shape.get_visible()
                and (isinstance(shape, Patch) or type(shape).__name__ == "PolyCollection")):
            face = shape.get_facecolor() if isinstance(shape, Patch) else shape.get_facecolor()[0]
            areas.setdefault(tuple(round(float(part), 3) for part in face), set()).add(shape.get_hatch() or "")
    return areas


def colour_alone(figure: Figure) -> list[str]:
    """What a panel tells by colour alone."""
    found = []
    for ax in figure.axes:
        for (one, its), (other, others) in itertools.combinations(coloured_lines(ax).items(), 2):
            if its & others:
                found.append(f"lines {one} and {other}: {its & others}")
        for (one, its), (other, others) in itertools.combinations(coloured_areas(ax).items(), 2):
            if its & others and not apart_as_areas(one, other):
                found.append(f"areas {to_hex(one)} and {to_hex(other)}: {its & others}")
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_no_series_is_known_by_its_colour_alone(name: str) -> None:
    assert colour_alone(SAMPLES[name](1)) == []


def test_colour_alone_is_seen() -> None:
    figure, ax = plt.subplots()
    ax.plot([0, 1], [0, 1])
    ax.plot([0, 1], [1, 2])
    ax.add_patch(Rectangle((0, 0), 1, 1, color=style.GREEN))
    ax.add_patch(Rectangle((1, 0), 1, 1, color=style.VERMILION))
    assert [what.split()[0] for what in colour_alone(figure)] == ["lines", "areas"]


# ---------------------------------------------------------------------------------------------------------------
# Text: size and contrast


def brightness(colour: tuple | str) -> float:
    """Relative luminance, as the web's guidelines (WCAG 2) define it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgba(colour)[:3]]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def texts(figure: Figure) -> list[Text]:
    figure.canvas.draw()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("name", SAMPLES)
def test_text_can_be_read(name: str) -> None:
    """At least 8 points in a figure of at most 8.8 inches, and a contrast of at least 4.5 to 1."""
    figure = SAMPLES[name](1)
    assert figure.get_figwidth() <= 8.8
    assert {text.get_text(): text.get_fontsize() for text in texts(figure) if text.get_fontsize() < 8} == {}
    faint = {}
    for text in texts(figure):
        behind = text.get_bbox_patch().get_facecolor() if text.get_bbox_patch() else "white"
        light, dark = sorted((brightness(text.get_color()), brightness(behind)), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            faint[text.get_text()] = text.get_color()
    assert faint == {}


def test_course_style_has_no_small_text() -> None:
    assert plt.rcParams["font.size"] >= 10
    sizes = {key: value for key, value in plt.rcParams.items() if re.search(r"(label|title|font)size$", key)}
    assert {key for key, value in sizes.items() if value in ("xx-small", "x-small")} == set()
    assert all(value >= 8 for value in sizes.values() if isinstance(value, int | float))


# ---------------------------------------------------------------------------------------------------------------
# Text alternatives


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", text)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_numbers_in_words_come_from_the_data(name: str) -> None:
    one, same, other = (SAMPLES[name](k).alt for k in (1, 1, 2))
    assert one == same or name == "image_grid"
    assert numbers(one) != numbers(other), "other data, the same numbers"


@pytest.mark.parametrize("name", SAMPLES)
def test_words_begin_with_the_title_and_are_whole(name: str) -> None:
    figure = SAMPLES[name](1)
    titles = [figure._suptitle.get_text() if figure._suptitle else "",
              *(ax.get_title(loc=place) for ax in figure.axes for place in ("left", "center"))]
    first = next(title for title in titles if title).split("\n")[0]
    assert figure.alt.startswith(first.rstrip(" …"))
    assert len(figure.alt) > len(first) + 10


def test_images_of_one_name_are_counted() -> None:
    figure = common.image_grid(torch.rand(4, 1, 8, 8), ["boot", "shoe\nleft", "HOG", "HOG"], 2, "Images")
    assert figure.alt == "Images. 4 images of 8 by 8 pixels: boot, shoe left, 2 times HOG"


STORED = [(path, number, output["metadata"].get("image/png", {}).get("alt", ""))
          for path in sorted((Path(__file__).parents[2] / "notebooks").rglob("[0-9]*.ipynb"))
          for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"])
          for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]


def test_stored_figures_say_what_they_show() -> None:
    """A number at least, or a list of what is there; and no sentence that was cut off."""
    poor = [f"{path.stem}, cell {number}: {words}" for path, number, words in STORED
            if len(words) < 40 or not (numbers(words) or words.count(",") > 1)]
    assert len(STORED) > 50
    assert poor == []
