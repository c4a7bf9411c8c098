"""What figures draw and say in words, against numbers worked out by hand."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from alexnet_helpers import comparing
from alexnet_helpers.checkpoints import History
from alexnet_helpers.figures import ch01, ch02, ch03, ch05, ch06, common


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


def test_reported_days_stand_beside_the_machine_that_took_them():
    figure = ch01.training_days({"slow": 9e3, "used": 1.7, "here": 30.0}, (5, 6), used="used", here="here")
    ax, = figure.axes
    bar, = ax.patches
    rows = {label.get_text(): place for label, place in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == (5, 6)
    assert bar.get_y() < rows["used"] < bar.get_y() + bar.get_height() < rows["slow"]
    assert figure.alt.endswith("Reported of used: 5 to 6.")


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


def test_the_window_on_an_image_writes_its_average():
    image = torch.arange(144.0).reshape(12, 12)
    figure = ch03.window_in_two_dimensions(image, kernel=4, stride=3, padding=0, row=1, column=7)    # 7: the last, 2
    shown = figure.axes[1].images[0].get_array()
    assert shown.shape == (3, 3)
    assert shown[1, 2] == image[3:7, 6:10].mean()
    assert "Output (1, 2) sees rows 3 to 6, columns 6 to 9" in figure.alt
    assert "2 rows and columns are never read" in figure.alt
    windows = [patch for patch in figure.axes[0].patches if patch.get_width() == patch.get_height() == 4]
    assert [patch.get_xy() for patch in windows] == [(5.5, 2.5)]


def test_links_of_a_grouped_convolution():
    one, two = ch03.group_links(6, 8, 2).axes
    assert (len(one.get_lines()), len(two.get_lines())) == (48, 24)
    assert all(a * b > 0 for a, b in (line.get_ydata() for line in two.get_lines())), "a link joins two groups"


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


def test_the_noise_of_four_inputs():
    bars = [patch for patch in ch05.noise_of_a_sum(50, 4).axes[0].patches]
    assert [patch.get_height() for patch in bars] == [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]
    assert [patch.get_x() + patch.get_width() / 2 for patch in bars] == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_marks_stand_where_held_out_accuracy_is_highest():
    looks = pd.DataFrame([{"arm": "A", "seed": 0, "epoch": epoch, "agreement": 0.1 * epoch, "test accuracy": 0.5,
                           "held-out accuracy": held_out} for epoch, held_out in ((1, 0.3), (2, 0.6), (3, 0.4))])
    marks = [line for line in ch05.wrong_labels(looks, 0.7, "Labels").axes[0].get_lines() if line.get_marker() == "o"]
    assert [(list(mark.get_xdata()), list(mark.get_ydata())) for mark in marks] == [([2], [0.2])]


def test_the_gap_is_training_minus_test_averaged_over_the_seeds():
    curves = pd.DataFrame([{"size": 9, "arm": "A", "seed": seed, "epoch": epoch, "training accuracy": training,
                            "test accuracy": 0.5} for seed, epoch, training in ((0, 1, 0.6), (1, 1, 0.8), (0, 2, 0.9),
                                                                                 (1, 2, 0.9))])
    figure = ch05.gap_over_training(curves, curves[curves["epoch"] == 1], "Gap")
    line, mark = figure.axes[0].get_lines()[:2]
    assert list(line.get_xdata()) == pytest.approx([0.7, 0.9]) and list(line.get_ydata()) == pytest.approx([20, 40])
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((0.7, 20))


def test_an_arm_keeps_its_colour_at_every_size():
    curves = pd.DataFrame([{"size": size, "arm": arm, "seed": 0, "epoch": 1, "training accuracy": 0.9,
                            "test accuracy": 0.5} for size, arms in ((9, "AB"), (99, "BA")) for arm in arms])
    one, other = ch05.gap_over_training(curves, curves, "Gap").axes
    colours = [{line.get_label(): line.get_color() for line in ax.get_lines()} for ax in (one, other)]
    assert colours[0]["A"] == colours[1]["A"] != colours[0]["B"] == colours[1]["B"]


def test_classes_stand_by_how_far_they_fall():
    figure = ch06.accuracy_by_class({"bag": 0.9, "boot": 0.8}, {"bag": 0.85, "boot": 0.0}, ("before", "after"), "Fall")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["boot", "bag"]
    assert "boot 80% and 0%; bag 90% and 85%" in figure.alt


def test_gains_by_size_are_drawn_as_their_verdicts_say():
    runs = pd.DataFrame([{"size": size, "arm": arm, "seed": seed, "test accuracy": 0.5 + gain + 0.01 * seed}
                         for size, gains in ((300, (0, 0.02)), (1_000, (0.1, 0.08)))
                         for arm, gain in zip(("none", "flips"), gains, strict=True) for seed in range(3)])
    gains = {"flips": {size: comparing.verdict(rows, "test accuracy", "flips", against="none", margin=0.01)
                       for size, rows in runs.groupby("size")}}
    figure = ch06.arms_by_size(runs, gains, 0.01, "Gains")
    (points,) = [bars.lines[0].get_ydata() for bars in figure.axes[1].containers]
    assert list(points) == pytest.approx([2.0, -2.0])
    assert "flips gains, in points, +2.0 ± 0.0 at 300, -2.0 ± 0.0 at 1,000" in figure.alt


def test_gains_by_epoch_are_drawn_where_they_were_looked_at():
    runs = pd.DataFrame([{"epoch": epoch, "arm": arm, "seed": seed, "test accuracy": 0.5 + gain + 0.01 * seed}
                         for epoch, gain_of_both in ((9, -0.04), (54, 0.01))
                         for arm, gain in (("none", 0.0), ("both", gain_of_both)) for seed in range(3)])
    gains = {4_000: {epoch: comparing.verdict(rows, "test accuracy", "both", against="none", margin=0.01)
                     for epoch, rows in runs.groupby("epoch")}}
    figure = ch06.gains_by_epoch(gains, 0.01, "Gains")
    (bars,) = figure.axes[0].containers
    assert bars.lines[0].get_xydata().tolist() == [pytest.approx([9, -4.0]), pytest.approx([54, 1.0])]
    assert "4,000 images: -4.0 ± 0.0 at 9, +1.0 ± 0.0 at 54" in figure.alt


def test_what_the_network_gets_is_the_window_pushed_and_mirrored():
    photo = torch.linspace(0, 1, 3 * 8 * 8).view(3, 8, 8)
    axes = torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.0]])
    figure = ch06.one_view(photo, axes, top=1, left=2, mirrored=True, first_colour=2, second_colour=-1, size=4)
    shown = torch.as_tensor(figure.axes[1].images[0].get_array())
    push = torch.tensor([0.2, -0.2, 0.0])
    expected = (photo[:, 1:5, 2:6].flip(-1).permute(1, 2, 0) + push).clamp(0, 1)
    torch.testing.assert_close(shown.float(), expected)
