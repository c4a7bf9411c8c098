"""The harness for comparisons over seeds, against statistics computed by hand."""

import math
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

import alexnet_helpers as ah
from alexnet_helpers.figures.common import every_run


def table(**arms):
    """A finished comparison: one value a seed for each arm."""
    return pd.DataFrame([{"arm": arm, "seed": seed, "accuracy": value}
                         for arm, values in arms.items() for seed, value in enumerate(values)])


def test_every_arm_runs_once_with_every_seed():
    calls = []

    def arm(name):
        return lambda seed: calls.append((name, seed)) or {"x": 10 * seed + len(name)}

    runs = ah.compare({"a": arm("a"), "bb": arm("bb")}, seeds=(3, 5))
    assert calls == [("a", 3), ("bb", 3), ("a", 5), ("bb", 5)]
    assert runs.to_dict("records") == [{"arm": "a", "seed": 3, "x": 31}, {"arm": "bb", "seed": 3, "x": 32},
                                       {"arm": "a", "seed": 5, "x": 51}, {"arm": "bb", "seed": 5, "x": 52}]


def test_arms_start_from_the_same_random_numbers():
    def arm(_):
        return {"x": torch.rand(()).item()}

    runs = ah.compare({"a": arm, "b": arm}, (0, 1))
    x = runs.pivot(index="seed", columns="arm", values="x")
    assert (x["a"] == x["b"]).all()
    assert x["a"][0] != x["a"][1]
    torch.manual_seed(1)
    assert x["a"][1] == torch.rand(()).item()


def test_a_diverged_run_is_nan_and_the_others_go_on():
    def arm(seed):
        if seed == 1:
            raise ah.LossNotFiniteError("inf")
        return {"accuracy": 0.5}

    runs = ah.compare({"a": arm}, seeds=(0, 1, 2))
    assert runs["accuracy"].tolist()[::2] == [0.5, 0.5]
    assert math.isnan(runs["accuracy"][1])
    assert ah.summary(runs, "accuracy").loc["a", "diverged"] == 1


def test_where_every_run_diverged_nothing_is_best_and_nothing_differs():
    def arm(seed):
        raise ah.LossNotFiniteError("inf")

    runs = ah.compare({"a": arm, "b": arm}, seeds=(0, 1))
    assert ah.summary(runs, "accuracy")["diverged"].tolist() == [2, 2]
    with pytest.raises(ValueError, match="lower learning rates"):
        ah.best_arm(runs, "accuracy")
    with pytest.raises(ValueError, match="and 0 did"):
        ah.difference(runs, "accuracy", "a", against="b")


def test_a_seed_twice_is_refused():
    with pytest.raises(ValueError, match="each seed once"):
        ah.compare({"a": lambda seed: {"x": seed}}, seeds=(0, 1, 0))


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        ah.compare({"a": lambda seed: {"x": 1 / seed}}, seeds=(0,))


def test_interrupting_keeps_the_whole_runs(capsys):
    def arm(seed):
        if seed == 2:
            signal.raise_signal(signal.SIGINT)
        return {"x": seed}

    assert ah.compare({"a": arm}, seeds=(0, 1, 2, 3))["x"].tolist() == [0, 1]
    assert "2 of 4 runs are whole and kept" in capsys.readouterr().out


def test_interrupting_a_training_ends_the_comparison():
    def batches():
        yield torch.rand(4, 3), torch.tensor([0, 1, 2, 0])
        signal.raise_signal(signal.SIGINT)

    class Data:
        def __len__(self):
            return 1

        def __iter__(self):
            return batches()

    def arm(seed):
        return {"x": ah.fit(torch.nn.Linear(3, 3), Data(), Data(), epochs=1, lr=0.1, show=False).train_loss[-1]}

    assert len(ah.compare({"a": arm}, seeds=(0, 1))) == 0


@pytest.mark.parametrize(("arms", "seeds"), [({}, (0,)), ({"a": lambda _: {}}, ())])
def test_nothing_to_compare_is_refused(arms, seeds):
    with pytest.raises(ValueError, match="at least one arm and one seed"):
        ah.compare(arms, seeds)


def test_summary_against_numpy():
    a, b = [0.81, 0.85, 0.80], [0.9, 0.7, 0.8]
    found = ah.summary(table(b=b, a=a), "accuracy")
    assert found.index.tolist() == ["b", "a"]                  # the order of the arms, not of the alphabet
    assert found["mean"].tolist() == pytest.approx([np.mean(b), np.mean(a)])
    assert found["sd"].tolist() == pytest.approx([np.std(b, ddof=1), np.std(a, ddof=1)])
    assert found.loc["a", ["seed 0", "seed 1", "seed 2"]].tolist() == a
    assert found["diverged"].tolist() == [0, 0]


def test_difference_is_the_paired_t_interval_of_scipy():
    a, b = [0.81, 0.85, 0.80, 0.86], [0.78, 0.84, 0.79, 0.80]
    mean, half = ah.difference(table(a=a, b=b), "accuracy", "a", against="b")
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((interval.low, interval.high))


def test_difference_leaves_out_seeds_that_diverged_in_one_arm():
    a, b = [0.8, math.nan, 0.9, 0.7], [0.7, 0.1, 0.85, 0.6]
    whole = ah.difference(table(a=[0.8, 0.9, 0.7], b=[0.7, 0.85, 0.6]), "accuracy", "a", against="b")
    assert ah.difference(table(a=a, b=b), "accuracy", "a", against="b") == pytest.approx(whole)


def test_difference_says_what_is_missing():
    with pytest.raises(ValueError, match="no arm 'c'; it has 'a', 'b'"):
        ah.difference(table(a=[1, 2], b=[1, 2]), "accuracy", "a", against="c")
    with pytest.raises(ValueError, match="two seeds that finished in both arms, and 1 did"):
        ah.difference(table(a=[1, 2], b=[1, math.nan]), "accuracy", "a", against="b")


def test_best_arm_takes_the_mean_and_leaves_out_what_diverged():
    runs = table(low=[0.5, 0.6], middle=[0.7, 0.7], high=[0.95, math.nan])
    assert ah.best_arm(runs, "accuracy") == "middle"
    assert ah.best_arm(runs, "accuracy", lowest=True) == "low"
    with pytest.raises(ValueError, match="lower learning rates"):
        ah.best_arm(table(a=[math.nan], b=[math.nan]), "accuracy")


def test_every_run_is_drawn_and_told():
    figure = every_run(table(relu=[0.81, 0.85], tanh=[0.8, math.nan]), "accuracy", "ReLU leads")
    dots = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "None"]
    assert [list(line.get_xdata()) for line in dots] == [[0.81, 0.85], [0.8]]
    assert figure.axes[0].get_xlabel() == "accuracy"
    assert figure.alt == "ReLU leads. accuracy: relu 0.83 (0.81, 0.85); tanh 0.8 (0.8), 1 diverged"
