"""Chapter 01's self-checks accept the solution and refuse typical wrong answers, each with its hint."""

import pytest

from alexnet_helpers import alexnet_paper, check_exercise, facts, layer_table

OPERATIONS = 4.694e17                        # worked out by hand: 6 x 724.4e6 x 1.2e6 x 90


@pytest.mark.parametrize(("number", "answer"), [
    ("1.1", 37.25), ("1.1", 37.3),
    ("1.2", 31.2), ("1.2", 31.24),
    ("1.3", 64_000), ("1.3", 64_000.4),
    ("1.4", {"tflops": 0.1, "days": OPERATIONS / 3e10 / 86_400}),
    ("1.4", {"tflops": 50.0, "days": OPERATIONS / 15e12 / 86_400}),
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
    ("1.1", 50, "chart"),
    ("1.2", 62.5, "two cards"),
    ("1.2", 15.6, "two operations"),
    ("1.2", 10.4, "three times"),
    ("1.2", 0.312, "asks for percent"),
    ("1.2", 90, "five and a half days"),
    ("1.3", 28_000, "equal steps"),
    ("1.3", 256_000, "too far"),
    ("1.3", 16_000, "still leads"),
    ("1.3", 100_000, "each step"),
    ("1.4", {"tflops": 0.1, "days": OPERATIONS / 1e11 / 86_400}, "full speed"),
    ("1.4", {"tflops": 0.1, "days": 0.3 * OPERATIONS / 1e11 / 86_400}, "longer, not shorter"),
    ("1.4", {"tflops": 0.1, "days": OPERATIONS / 3e10 / 3_600}, "hours"),
    ("1.4", {"tflops": 0.1, "days": OPERATIONS / 3e10 / 86_400 / 3}, "three times"),
    ("1.4", {"tflops": 0.1, "days": 1.0}, "seconds of a day"),
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
    macs = int(layer_table(alexnet_paper(), (3, 227, 227)).loc["total", "MACs"])
    assert 2 * macs * 3 * run["images"] * run["epochs"] == pytest.approx(OPERATIONS, rel=1e-3)
