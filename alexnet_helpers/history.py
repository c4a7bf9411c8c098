"""The dated facts of chapter 01: milestones, ILSVRC-2012, contests, data sets, machines; each names its source."""

from __future__ import annotations

import copy
import functools
import tomllib
from pathlib import Path

FACTS = Path(__file__).with_name("history.toml")


@functools.cache
def _read() -> dict:
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def facts() -> dict:
    """history.toml as a dictionary; the caller may change it.

    Each machine also gets `tflops`, its peak in float32 arithmetic, 10^12 operations a second, computed from its
    units, its clock and the operations that a unit does in a cycle.
    """
    found = copy.deepcopy(_read())
    for machine in found["machines"]:
        machine["tflops"] = machine["units"] * machine["ghz"] * machine["flops_per_cycle"] / 1e3
    return found
