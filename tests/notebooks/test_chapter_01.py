"""What lesson 01 shows of a recorded GPU, where there is one; and that what it says of the race is what is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import recorded
from alexnet_helpers.figures import ch01

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_history.ipynb"
RACE = recorded.read_record("race")


def cell_with(words: str) -> str:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return next(source for cell in cells if words in (source := "".join(cell["source"])))


@pytest.mark.parametrize("record", [None, {"device": "Some GPU", "parts": {"matrix rates": {"float32": 5e13}}}])
def test_the_days_of_a_recorded_gpu_stand_beside_the_others(record: dict | None,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    facts = ah.facts()
    rate = 2 * 8 * 256 * 27 * 27 * 96 * 5 * 5 / 0.1            # FLOP/s of a convolution that takes a tenth of a second
    names = {"plt": plt, "ch01": ch01, "facts": facts, "nn": nn, "torch": torch, "peak": 1.581e12,
             "run2012": facts["training2012"], "operations": 86_400 * 5e13, "profile": SimpleNamespace(device="cpu"),
             "timing": SimpleNamespace(seconds=lambda work, device: work() is None or 0.1),
             "recorded": SimpleNamespace(read_record=lambda name: record)}
    threads = torch.get_num_threads()
    exec(cell_with("rate_here ="), names)
    assert torch.get_num_threads() == threads
    assert names["days"].get("Some GPU, recorded") == (1 if record else None)
    assert names["days"][names["here"]] == pytest.approx(5e13 / rate)
    assert ("Some GPU, recorded 1" in plt.gcf().alt) == (record is not None)
    plt.close("all")


def test_every_arm_was_tuned_with_two_seeds_and_no_best_value_stands_at_an_edge_unnamed() -> None:
    assert len(RACE["tuning_seeds"]) == 2
    for arm, sizes in RACE["tuning"].items():
        for size in RACE["chosen"][arm]:
            tried = sizes[size]
            assert all(len(accuracies) == 2 for accuracies in tried.values()), (arm, size)
            setting = {knob: value for knob, value in RACE["chosen"][arm][size].items() if knob != "at_edge"}
            name = ", ".join(f"{knob} {value:g}" for knob, value in setting.items())
            assert sum(tried[name]) == max(map(sum, tried.values())), (arm, size)
            for knob, value in setting.items():
                edge = value in (RACE["grids"][knob][0], RACE["grids"][knob][-1])
                assert edge == (knob in RACE["chosen"][arm][size]["at_edge"]), (arm, size)


def test_the_accuracies_of_the_race_agree_with_the_counted_images() -> None:
    for run in RACE["runs"].values():
        only_learned, only_hog = run["only"]
        assert run["learned"] - run["HOG + linear"] == pytest.approx((only_learned - only_hog) / RACE["test_size"])
