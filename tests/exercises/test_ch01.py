"""Chapter 01's self-checks accept the solution and refuse typical wrong answers, each with its hint."""

import math

import pandas as pd
import pytest

from alexnet_helpers import alexnet_paper, check_exercise, facts, layer_table

OPERATIONS = 4.694e17                        # worked out by hand: 6 x 724.4e6 x 1.2e6 x 90


@pytest.mark.parametrize(("number", "answer"), [
    ("1.1", 37.25), ("1.1", 37.3), ("1.1", 37), ("1.1", 37.4),       # the last two from, or to, fewer digits
    ("1.2", 1.72), ("1.2", OPERATIONS / 3.162e12 / 86_400),
    ("1.3", 64_000), ("1.3", 64_000.4),
])
def test_solution_is_accepted(number, answer, capsys):
    check_exercise(number, answer)
    assert capsys.readouterr().out == f"Exercise {number}: right.\n"


@pytest.mark.parametrize(("number", "answer", "hint"), [
    ("1.1", 9.75, "percentage points"),
    ("1.1", 41.5, "extra images"),
    ("1.1", 59.4, "whose errors"),
    ("1.1", 30.5, "validation"),
    ("1.1", 0.3725, "asks for percent"),
    ("1.1", 62.7, "remained"),
    ("1.1", 38, "chart"),
    ("1.1", 50, "chart"),
    ("1.2", 3.44, "two cards"),
    ("1.2", 0.859, "two operations"),
    ("1.2", 0.573, "three times"),
    ("1.2", 41.2, "hours"),
    ("1.2", 148_000, "seconds"),
    ("1.2", 1.72e12, "TFLOP/s"),
    ("1.2", 100, "both cards"),
    ("1.3", 28_000, "equal steps"),
    ("1.3", 256_000, "too far"),
    ("1.3", 16_000, "still leads"),
    ("1.3", 100_000, "each step"),
])
def test_wrong_answer_gets_its_hint(number, answer, hint, capsys):
    check_exercise(number, answer)
    printed = capsys.readouterr().out
    assert printed.startswith(f"Exercise {number}: not yet. ")
    assert hint in printed


@pytest.mark.parametrize("number", ["1.1", "1.2", "1.3"])
def test_unanswered(number, capsys):
    check_exercise(number, None)
    assert capsys.readouterr().out == f"Exercise {number}: not answered yet.\n"


def test_the_checks_agree_with_the_facts_and_the_network():
    entries = facts()["ilsvrc2012"]["entries"]
    second = min(entry["error"] for entry in entries if not entry["learned"])
    supplied = min(entry["error"] for entry in entries if entry["learned"] and not entry["extra_data"])
    assert 100 * (second - supplied) / second == pytest.approx(37.25, abs=0.01)
    run = facts()["training2012"]
    card = next(machine for machine in facts()["machines"] if machine["name"] == run["machine"])
    assert (run["machines"], card["tflops"]) == (2, pytest.approx(1.581, abs=1e-3))
    macs = int(layer_table(alexnet_paper(), (3, 227, 227)).loc["total", "MACs"])
    assert 2 * macs * 3 * run["images"] * run["epochs"] == pytest.approx(OPERATIONS, rel=1e-3)


def runs(*leads: float, seeds: int = 3) -> pd.DataFrame:
    """A race at 100, 400, 1,600 … images in which the learned arm leads by `leads`."""
    return pd.DataFrame([{"size": 100 * 4**place, "arm": arm, "seed": seed, "test accuracy": 0.7 + lead * (arm != HOG)}
                         for place, lead in enumerate(leads) for arm in (HOG, "learned") for seed in range(seeds)])


HOG = "HOG + linear"


@pytest.mark.parametrize(("table", "level"), [
    (runs(-0.03, -0.01, 0.01), 800),                           # half of the way from 400 to 1,600, by logarithm
    (runs(-0.03, -0.01, 0.01), 850),
    (runs(-0.02, 0.02, -0.01, 0.02), 2541),                    # a third of the way from 1,600 to 6,400
    (runs(-0.03, -0.02, -0.01), math.inf),
    (runs(0.01, 0.02, 0.03), 0),
])
def test_a_crossover_that_agrees_with_its_runs_is_accepted(table, level, capsys):
    check_exercise("1.4", {"runs": table, "level": level})
    assert capsys.readouterr().out == "Exercise 1.4: right.\n"


@pytest.mark.parametrize(("answer", "hint"), [
    ({"runs": runs(-0.03, -0.01, 0.01), "level": 1_000}, "by their logarithm"),
    ({"runs": runs(-0.01, 0.01), "level": 200}, "three sizes"),
    ({"runs": runs(-0.03, -0.01, 0.01, seeds=2), "level": 800}, "three seeds"),
    ({"runs": runs(-0.03, -0.02, -0.01), "level": 1_600}, "HOG still leads"),
    ({"runs": runs(0.01, 0.02, 0.03), "level": 100}, "leads already"),
    ({"runs": runs(-0.03, -0.01, 0.01).replace(HOG, "hog"), "level": 800}, "No arm"),
    ({"runs": runs(-0.03, -0.01, 0.01).drop(columns="size"), "level": 800}, "lacks size"),
    ({"runs": None, "level": None}, "not answered"),
])
def test_a_crossover_that_does_not_gets_its_hint(answer, hint, capsys):
    check_exercise("1.4", answer)
    assert hint in capsys.readouterr().out
