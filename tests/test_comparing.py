"""The harness for comparisons over seeds, against statistics computed by hand."""

import math
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

import alexnet_helpers as ah
from alexnet_helpers import comparing
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


# ---------------------------------------------------------------------------------------------------------------
# Verdicts


def test_the_interval_of_two_pairs_is_the_closed_form():
    mean, half = comparing.interval([1.0, 3.0])                # t(1 degree) at 97.5 % is 12.7062; sd / sqrt(2) is 1
    assert (mean, half) == pytest.approx((2.0, 12.7062), abs=1e-4)


@pytest.mark.parametrize(("mean", "half", "word"), [
    (0.03, 0.01, "shown"), (-0.03, 0.01, "shown"), (0.02, 0.01, "shown"),          # at the margin is enough
    (0.01, 0.005, "no difference that matters"),               # 0 is excluded, but less than what matters
    (0.0, 0.02, "no difference that matters"),                 # the interval ends at the margin
    (0.01, 0.015, "undecided"), (0.03, 0.03, "undecided"),     # the interval touches 0
    (0.015, 0.01, "undecided")])                               # excludes 0, and may still matter or not
def test_the_three_verdicts(mean, half, word):
    assert comparing.judge(mean, half, margin=0.02) == word


@pytest.mark.parametrize("margin", [0, -0.01, math.nan])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(ValueError, match="least difference that would matter"):
        comparing.judge(0.1, 0.01, margin)


def test_a_verdict_is_one_line_with_the_numbers():
    found = ah.verdict(table(a=[0.81, 0.85, 0.80, 0.86], b=[0.71, 0.74, 0.71, 0.76]), "accuracy", "a", "b", 0.02)
    assert found.word == "shown"
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1 - 0.01299, 0.1 + 0.01299), abs=1e-5)
    assert str(found) == "a against b, accuracy: +0.1 ± 0.013 (95 %, 4 seeds); margin 0.02: shown."


def test_a_verdict_says_how_many_runs_diverged():
    found = ah.verdict(table(a=[0.8, math.nan, 0.9], b=[0.8, 0.2, 0.9]), "accuracy", "a", "b", margin=0.01)
    assert "2 seeds, 1 left out as diverged" in found.line
    assert found.word == "no difference that matters"


def simulated(difference: float, experiments: int = 4_000, seeds: int = 5) -> np.ndarray:
    """Paired differences with a standard deviation of 1, (experiments, seeds)."""
    return np.random.default_rng(0).normal(difference, 1.0, size=(experiments, seeds))


def words(differences: np.ndarray, margin: float) -> dict[str, float]:
    """The share of experiments with each verdict."""
    found = [comparing.judge(*comparing.interval(row), margin) for row in differences]
    return {word: found.count(word) / len(found) for word in set(found)}


def test_the_interval_covers_the_truth_in_95_of_100_experiments():
    found = np.array([comparing.interval(row) for row in simulated(0.7)])
    covered = (np.abs(found[:, 0] - 0.7) <= found[:, 1]).mean()
    assert covered == pytest.approx(0.95, abs=0.011)           # three standard errors of 4,000 experiments


def test_no_difference_is_shown_in_at_most_5_of_100_experiments():
    shares = words(simulated(0.0), margin=1e-9)                # so that the margin excludes none
    assert shares["shown"] == pytest.approx(0.05, abs=0.011)
    assert words(simulated(0.0), margin=1.0).get("shown", 0) < 0.04                # a margin makes it rarer


def test_a_difference_of_the_margin_is_dismissed_in_few_experiments():
    """The 95 % interval lies below the margin in 2.5 of 100 experiments at most."""
    shares = words(simulated(2.0), margin=2.0)
    assert 0 < shares["no difference that matters"] < 0.025 + 0.008


def test_more_seeds_decide():
    few, many = words(simulated(0.0, 500), margin=0.5), words(simulated(0.0, 500, seeds=60), margin=0.5)
    assert few["undecided"] > 0.8
    assert many["no difference that matters"] > 0.9


# ---------------------------------------------------------------------------------------------------------------
# Tuning


def peak_at(best: float):
    """Training whose accuracy falls with the distance from `best`, in factors; above 100 it diverges."""
    def train(rate, seed):
        if rate > 100:
            raise ah.LossNotFiniteError("inf")
        return {"held-out accuracy": 1 - 0.1 * abs(math.log(rate / best)) + 0.001 * seed}
    return train


def test_tuning_finds_the_best_inside_its_grid():
    found = ah.tune(peak_at(0.3), (1.0, 0.1, 0.3), seeds=(0, 1))
    assert (found.value, found.at_edge, len(found.runs)) == (0.3, False, 6)
    assert str(found) == "0.3 is best of 0.1, 0.3, 1 (held-out accuracy 1, 2 seeds), inside its grid."


@pytest.mark.parametrize(("best", "tried"), [(3.0, [0.1, 0.3, 0.9, 2.7, 8.1]), (0.1 / 9, [0.0111, 0.0333, 0.1, 0.3])])
def test_a_best_value_at_the_edge_widens_the_grid(best, tried):
    found = ah.tune(peak_at(best), [rate for rate in tried if 0.1 <= rate <= 0.9], seeds=(0, 1))
    assert sorted(set(found.runs["arm"])) == pytest.approx(tried)
    assert found.value == pytest.approx(min(tried, key=lambda rate: abs(math.log(rate / best))))


def test_a_best_value_that_stays_at_the_edge_is_named():
    found = ah.tune(peak_at(50.0), (0.1, 0.3, 0.9), seeds=(0, 1), widen=1)
    assert (found.value, found.at_edge) == (2.7, True)
    assert "at the edge of its grid" in found.line


def test_a_value_that_diverged_bounds_the_grid():
    found = ah.tune(peak_at(100.0), (1.0, 10.0, 100.0, 1000.0), seeds=(0, 1))
    assert (found.value, found.at_edge) == (100.0, False)


def test_the_lowest_can_be_the_best():
    found = ah.tune(lambda rate, _: {"loss": (rate - 2) ** 2}, (1, 2, 4), seeds=(0, 1), measure="loss", lowest=True)
    assert found.value == 2 and set(found.runs["arm"]) == {1, 2, 4}      # inside: nothing beyond is tried


@pytest.mark.parametrize(("grid", "seeds"), [((0.1,), (0, 1)), ((0.1, 0.1), (0, 1)), ((0.0, 0.1), (0, 1)),
                                             ((0.1, 0.3), (0,))])
def test_tuning_without_choice_or_spread_is_refused(grid, seeds):
    with pytest.raises(ValueError, match="two values or more, all above 0, and two seeds"):
        ah.tune(peak_at(0.3), grid, seeds)


def test_a_grid_of_words_is_refused():
    with pytest.raises(ValueError, match="numbers for arms, not 'a', 'b'"):
        ah.tuned(table(a=[1, 2], b=[1, 2]), "accuracy")


# ---------------------------------------------------------------------------------------------------------------
# Times


def test_turns_are_shuffled_and_the_first_arm_runs_twice(monkeypatch):
    calls = []
    monkeypatch.setattr(comparing, "seconds", lambda work, device: work() or float(len(calls)))
    turns = ah.timed_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=20)
    assert calls[:2] == ["a", "b"]                             # start-up, once each
    assert set(turns.loc[turns["arm"] == "a, again", "start-up"]) == {1.0}
    assert set(turns.loc[turns["arm"] == "b", "start-up"]) == {2.0}
    assert turns.groupby("arm")["round"].nunique().to_dict() == {"a": 20, "a, again": 20, "b": 20}
    orders = [tuple(group["arm"]) for _, group in turns.groupby("round")]
    assert {len(order) for order in orders} == {3} and len(set(orders)) > 3
    assert turns["seconds"].tolist() == list(range(3, 63))


def times(**arms):
    return pd.DataFrame([{"arm": arm.replace("_again", ", again"), "round": turn, "seconds": value}
                         for arm, values in arms.items() for turn, value in enumerate(values)])


def test_a_factor_is_the_geometric_mean_of_the_rounds():
    turns = times(slow=[2.0, 8.0], fast=[1.0, 2.0])            # 2 and 4 times: the logarithms' sd is ln 2 / sqrt(2)
    mean, low, high = comparing.factor(turns, "slow", "fast")
    assert mean == pytest.approx(8 ** 0.5)
    assert math.log(high / mean) == math.log(mean / low) == pytest.approx(12.7062 * math.log(2) / 2, rel=1e-4)


def test_a_verdict_on_times_prints_the_noise_floor():
    rounds = np.array([1.0, 1.2, 0.9, 1.1])                    # what all arms of a round share cancels
    turns = times(plain=rounds, plain_again=rounds * [1.02, 0.98, 1.0, 1.0], quick=rounds / [2.0, 2.1, 1.9, 2.0])
    found = ah.time_verdict(turns, "quick", "plain", margin=1.1)
    assert (found.word, found.mean) == ("shown", pytest.approx(0.5, abs=0.005))
    assert "A/A 0.974 to 1.03" in found.line and found.line.endswith("margin 1.1: shown.")
    assert not found.more and ah.time_verdict(turns, "plain", "quick", margin=1.1).more
    assert ah.time_verdict(turns, "plain, again", "plain", margin=1.1).word == "no difference that matters"
    with pytest.raises(ValueError, match="a factor above 1"):
        ah.time_verdict(turns, "quick", "plain", margin=0.1)


def test_timing_two_real_arms():
    small, large = torch.rand(50, 50), torch.rand(600, 600)
    turns = ah.timed_turns({"large": lambda: large @ large, "small": lambda: small @ small}, rounds=5)
    assert comparing.factor(turns, "large", "small")[0] > 2
    with pytest.raises(ValueError, match=r"^Timing takes one arm or more, and two rounds or more\.$"):
        ah.timed_turns({"small": lambda: small @ small}, rounds=1)


def test_an_interrupted_first_run_leaves_an_empty_table_with_the_columns_of_any_other():
    def arm(seed):
        raise KeyboardInterrupt

    runs = ah.compare({"a": arm}, seeds=(0, 1))
    assert runs.columns.tolist() == ["arm", "seed"] and len(runs) == 0


def test_progress_names_the_run_that_is_on_and_counts_those_before(monkeypatch):
    said = []

    class Progress:
        def __init__(self, total, unit):
            said.append((total, unit))

        def show(self, done, state):
            said.append((done, state))

        def close(self, result):
            said.append(result)

    monkeypatch.setattr(comparing, "Progress", Progress)
    ah.compare({"a": lambda seed: {}, "b": lambda seed: {}}, seeds=(3, 5))
    assert said == [(4, "run"), (0, "a, seed 3"), (1, "b, seed 3"), (2, "a, seed 5"), (3, "b, seed 5"), "4 runs"]


def test_where_every_arm_diverged_all_are_named():
    with pytest.raises(ValueError, match="diverged: low, high. Try"):
        ah.best_arm(table(low=[math.nan, 0.5], high=[math.nan, math.nan]), "accuracy")
