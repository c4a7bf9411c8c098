"""What figures draw and say in words, against numbers worked out by hand."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from alexnet_helpers.checkpoints import History
from alexnet_helpers.figures import ch02, ch03, ch05, common


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_curves_of_training_and_test_are_not_mixed_up():
    history = History(train_loss=[4.0, 3.0], test_loss=[2.0, 1.0], train_accuracy=[0.1, 0.2], test_accuracy=[0.3, 0.4],
                      seconds=[1.0, 1.0])
    drawn = [{line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}
             for ax in common.training_curves({"A": [history]}).axes]
    assert drawn == [{"A training": [4.0, 3.0], "A test": [2.0, 1.0]}, {"A training": [0.1, 0.2], "A test": [0.3, 0.4]}]


def test_more_curves_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="at most 6 series apart, not 7: draw two figures"):
        common.training_curves({str(i): [History()] for i in range(7)})


def test_published_accuracies_are_told_as_they_are():
    alt = ch02.accuracy_rows({"A": {"mean": 0.8, "sd": 0.01, "low": 0.7, "high": 0.9, "n": 82}}, "Rows").alt
    assert "A: mean 0.8000, sd 0.0100, n = 82" in alt


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "round_up"), [
    (224, 11, 4, 0, False), (224, 11, 4, 1, False), (224, 11, 4, 0, True), (28, 5, 1, 2, False), (13, 3, 2, 0, False)])
def test_windows_of_a_convolution_counted_one_by_one(size, kernel, stride, padding, round_up):
    inside = size + 2 * padding                                # pixels and padding, from 0
    windows = [set(range(start, start + kernel)) for start in range(0, inside, stride)]
    whole = [window for window in windows if max(window) < inside]
    if round_up and max(whole[-1]) < inside - 1:
        whole.append(windows[len(whole)])
    pixels, read = set(range(padding, padding + size)), set.union(*whole)
    figure = ch03.convolution_windows(size, kernel, stride, padding, round_up)
    ax, first, last = figure.axes[0], min(whole[-1]) - padding, max(whole[-1]) - padding
    assert f"{len(whole)} outputs;" in ax.get_title(loc="left") + ax.get_title()
    assert f"from pixel {first} to {last}; {len(pixels - read)} pixels are never read" in figure.alt
    assert f"{max(0, max(read) + 1 - inside)} lie outside" in figure.alt


def test_memory_at_the_marked_batch():
    mib = 2 ** 20
    figure = common.memory_by_batch({"weights": 2.0 * mib, "gradients": 3.0 * mib}, 0.5 * mib, mark=4, title="Memory")
    (line,) = figure.axes[0].get_lines()
    assert line.get_xydata().tolist() == [[4, 7]]
    assert "7 MiB at 4 images" in figure.alt


def test_gap_runs_from_the_low_measure_to_the_high_one():
    runs = pd.DataFrame([{"arm": "A", "seed": 0, "test": 0.6, "training": 0.9}])
    figure = ch05.gap_rows(runs, "test", "training", "Gap")
    ends = {line.get_label(): line.get_xydata()[0, 0] for line in figure.axes[0].get_lines()}
    assert (ends["test"], ends["training"]) == (0.6, 0.9)
    assert "A: test 0.600, training 0.900" in figure.alt
