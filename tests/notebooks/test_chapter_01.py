"""What chapter 01 shows of a recorded GPU, where there is a record and where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

import alexnet_helpers as ah
from alexnet_helpers.figures import ch01

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_history.ipynb"


@pytest.mark.parametrize("record", [None, {"device": "Some GPU", "parts": {"matrix rates": {"float32": 5e13}}}])
def test_the_days_of_a_recorded_gpu_stand_beside_the_others(record: dict | None,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    facts = ah.facts()
    names = {"plt": plt, "ch01": ch01, "facts": facts, "machines": {m["name"]: m for m in facts["machines"]},
             "run2012": facts["training2012"], "operations": 86_400 * 5e13, "tflops_here": 0.1, "gpu": record}
    exec(next(cell for cell in cells if cell.startswith("days = {")), names)
    assert names["days"].get("Some GPU, recorded") == (1 if record else None)
    assert ("Some GPU, recorded 1;" in plt.gcf().alt) == (record is not None)
    plt.close("all")
