"""The recorded race, at a size that takes seconds: tuning on held-out images, the walk over the grid, going on."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from alexnet_helpers import recorded
from alexnet_helpers.data import load_fashion_mnist
from alexnet_helpers.maintain import race_record

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "01_history.ipynb"
GRIDS = {"C": (1.0, 2.0, 4.0, 8.0), "lr": (1.0, 2.0, 4.0, 8.0), "decay": (1.0, 2.0, 4.0, 8.0)}
START = {"pixels + linear": {"C": 2.0}, "HOG + linear": {"C": 2.0}, "learned": {"lr": 2.0, "decay": 4.0}}


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A race whose arms answer from a formula: best at C 4, rate 4 and decay 2; what they were asked is kept."""
    seen = []

    def right(race, arm, rows, setting, seed, part, images):
        seen.append((arm, tuple(rows), dict(setting), seed, part, tuple(images)))
        wrong = sum(abs(np.log2(value / best)) for value, best in zip(setting.values(), (4, 2), strict=False))
        return np.arange(len(images)) >= wrong + (arm != "learned")

    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(race_record, "GRIDS", GRIDS)
    monkeypatch.setattr(race_record, "STARTS", START)
    monkeypatch.setattr(race_record, "Race", type("Race", (), {"__init__": lambda *_: None, "right": right}))
    return seen


def record(sizes=(6, 24), seeds=(0, 1)):
    return race_record.record_race(sizes, seeds, train_size=24, test_size=10)


def test_every_arm_is_tuned_for_every_size_and_ends_where_no_neighbour_is_better(asked):
    chosen = record()["chosen"]
    assert chosen == {**{arm: {size: {"C": 4.0, "at_edge": []} for size in ("6", "24")} for arm in list(START)[:2]},
                      "learned": {size: {"lr": 4.0, "decay": 2.0, "at_edge": []} for size in ("6", "24")}}


def test_settings_are_judged_on_images_that_no_tuning_run_trains_on_with_two_seeds(asked):
    tuning = [(rows, images, seed) for _, rows, _, seed, part, images in (record(), asked)[1] if part == "train"]
    assert all(images == (20, 21, 22, 23) for _, images, _ in tuning)          # the last sixth
    assert all(max(rows) < 20 for rows, _, _ in tuning)
    assert [seed for _, _, seed in tuning[:2]] == list(race_record.TUNING_SEEDS)


def test_a_race_takes_a_subset_of_all_training_images_and_counts_test_images(asked):
    record()
    final = [(arm, rows, seed, images) for arm, rows, _, seed, part, images in asked if part == "test"]
    assert all(images == tuple(range(10)) for *_, images in final)
    assert sorted({len(rows) for _, rows, _, _ in final}) == [6, 24]
    small = {(arm, seed): rows for arm, rows, seed, _ in final if len(rows) == 6}
    assert len(small) == 6
    assert small["learned", 0] == small["HOG + linear", 0] != small["learned", 1]
    linear_on_all = [arm for arm, rows, *_ in final if len(rows) == 24 and arm != "learned"]
    assert sorted(linear_on_all) == ["HOG + linear", "pixels + linear"]         # once each: seeds change nothing


def test_runs_hold_accuracies_and_the_images_that_one_arm_alone_tells_right(asked):
    run = record()["runs"]["24, seed 1"]
    assert run == {"pixels + linear": 0.9, "HOG + linear": 0.9, "learned": 1.0, "only": [1, 0]}


def test_a_best_value_at_the_edge_is_named(asked, monkeypatch):
    monkeypatch.setattr(race_record, "GRIDS", GRIDS | {"C": (1.0, 2.0, 4.0)})
    assert record()["chosen"]["HOG + linear"]["6"] == {"C": 4.0, "at_edge": ["C"]}
    assert record()["chosen"]["learned"]["6"]["at_edge"] == []


def test_what_is_there_is_not_made_again_and_more_seeds_are_added(asked):
    first = record(seeds=(0,))
    done = len(asked)
    assert record(seeds=(0,)) == first and len(asked) == done
    more = record()
    assert list(more["runs"]) == ["6, seed 0", "24, seed 0", "6, seed 1", "24, seed 1"]     # half the seeds first
    assert {part for *_, part, _ in asked[done:]} == {"test"}
    assert json.loads((recorded.FOLDER / "race.json").read_text()) == more


def test_the_table_of_runs_has_a_row_an_arm_size_and_seed(asked):
    made = record()
    del made["runs"]["24, seed 1"]                             # not run yet
    table = recorded.race_runs(made)
    assert table.to_numpy().tolist()[:2] == [[6, "pixels + linear", 0, 0.9], [6, "HOG + linear", 0, 0.9]]
    assert list(zip(table["size"], table["seed"], strict=True))[::3] == [(6, 0), (6, 1), (24, 0)]


def test_arms_learn_on_real_images():
    """Sixty images of ten classes: every arm beats the tenth that guessing gets."""
    train, test = load_fashion_mnist(64, train_size=600, test_size=200, device="cpu")
    race, rows, tested = race_record.Race(train, test), np.arange(600), np.arange(200)
    for arm, setting in race_record.STARTS.items():
        right = race.right(arm, rows[:60] if arm != "learned" else rows, setting, 0, "test", tested)
        assert right.dtype == bool and right.shape == (200,)
        assert right.mean() > 0.5, arm


def test_the_lesson_shows_the_network_and_the_recipe_that_are_recorded():
    cells = ["".join(cell["source"]) for cell in json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]

    def calls(source: str, name: str) -> list[str]:
        return [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith(name)]

    own = Path(race_record.__file__).read_text(encoding="utf-8")
    lesson = next(cell for cell in cells if "def small_network" in cell)
    assert calls(lesson, "Sequential") == calls(own, "Sequential")
    assert "8 + round(40_000 / len(rows))" in lesson and race_record.epochs_for(400) == 108
    for option in ("optimizer=torch.optim.AdamW", "fused=True", "LinearLR(update, 1.0, 0.0, total_iters=epochs)"):
        assert option in lesson and option in own
    recipe = next(line for cell in cells for line in cell.splitlines() if line.startswith("recipe = "))
    assert ast.literal_eval(recipe.removeprefix("recipe = ")) == race_record.RECIPE
    machine = "LinearSVC(C=setting['C'], dual=True, tol=0.1, random_state=seed)"
    assert [machine] == [call for cell in cells if "def linear" in cell for call in calls(cell, "LinearSVC")]
    assert machine in calls(own, "LinearSVC")


def test_the_rate_falls_to_zero_along_a_line(monkeypatch):
    rates = []

    def fit(net, train, test, epochs, lr, schedule, **_):
        update = torch.optim.AdamW(net.parameters(), lr=lr)
        plan = schedule(update)
        for _ in range(epochs):
            rates.append(update.param_groups[0]["lr"])
            update.step()
            plan.step()

    monkeypatch.setattr(race_record, "fit", fit)
    monkeypatch.setattr(race_record, "epochs_for", lambda size: 4)
    images = torch.zeros(10, 1, 28, 28, dtype=torch.uint8)
    race_record.train_network(images, torch.zeros(10, dtype=torch.long), {"lr": 0.4, "decay": 0.1}, 0)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])
