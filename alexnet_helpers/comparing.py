"""Comparisons over seeds: every arm of an experiment with every seed, and what the runs say together.

A comparison here is a table with one row a run: the columns "arm" and "seed", and what the run measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch

from . import training
from .progress import Progress

if TYPE_CHECKING:
    import pandas as pd


def compare(arms: dict[str, Callable[[int], dict[str, float]]], seeds: Iterable[int]) -> pd.DataFrame:
    """Run every arm once with each seed; one row a run: arm, seed, and the measures that the run returned.

    An arm is a function of the seed that trains or measures something and returns numbers by name:
    `{"test accuracy": 0.87}`. Before each run torch's global generator is set to the seed, so two arms that build the
    same network start from the same weights. All arms run with one seed before the next begins. A run whose loss
    stops being finite counts as diverged: its measures are NaN, and columns for them there are only if another run
    returned some. Interrupting ends the comparison and returns the runs that are whole. Raises ValueError if there is
    no arm or no seed, or one seed twice.
    """
    import pandas as pd  # here, so that importing the helpers stays quick

    runs = [(arm, seed) for seed in seeds for arm in arms]
    if not runs:
        raise ValueError("A comparison needs at least one arm and one seed.")
    if len(set(runs)) < len(runs):
        raise ValueError("A comparison takes each seed once: the same run again would tell nothing new.")
    rows, progress = [], Progress(len(runs), unit="run")
    training.interrupted = False
    try:
        for arm, seed in runs:
            progress.show(len(rows), f"{arm}, seed {seed}")
            torch.manual_seed(seed)
            try:
                measures = arms[arm](seed)
            except training.LossNotFiniteError:
                measures = {}
            except LookupError:                                # fit stopped before the epoch that the arm asks for
                if not training.interrupted:
                    raise
            if training.interrupted:                           # fit has kept the network, but the run is not whole
                raise KeyboardInterrupt
            rows.append({"arm": arm, "seed": seed, **measures})
    except KeyboardInterrupt:
        print(f"Interrupted: {len(rows)} of {len(runs)} runs are whole and kept.")
    finally:
        progress.close(f"{len(rows)} runs")
    return pd.DataFrame(rows, columns=list(dict.fromkeys(name for row in rows for name in row)) or ["arm", "seed"])


def table_of(runs: pd.DataFrame, measure: str, index: str, columns: str) -> pd.DataFrame:
    if set(runs) == {"arm", "seed"}:                           # every run diverged, and so none said what it measures
        runs = runs.assign(**{measure: float("nan")})
    return runs.pivot(index=index, columns=columns, values=measure)


def summary(runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One row an arm: mean and sample standard deviation of `measure`, how many runs diverged, and every single run."""
    table = table_of(runs, measure, index="arm", columns="seed").reindex(runs["arm"].unique())
    table.columns = [f"seed {seed}" for seed in table.columns]
    head = {"mean": table.mean(axis=1), "sd": table.std(axis=1), "diverged": table.isna().sum(axis=1)}
    for position, (name, column) in enumerate(head.items()):
        table.insert(position, name, column)
    return table


def difference(runs: pd.DataFrame, measure: str, arm: str, against: str) -> tuple[float, float]:
    """Mean of `measure` in `arm` minus that in `against`, and the half-width of its 95 % interval.

    The runs are paired by seed, the interval is Student's t over the pairs. Raises ValueError if an arm is not there
    or fewer than two seeds have finished in both.
    """
    from scipy.stats import t

    for name in (arm, against):
        if name not in set(runs["arm"]):
            there = ", ".join(map(repr, runs["arm"].unique()))
            raise ValueError(f"The comparison has no arm {name!r}; it has {there}.")
    table = table_of(runs, measure, index="seed", columns="arm")
    pairs = (table[arm] - table[against]).dropna()
    if len(pairs) < 2:
        raise ValueError(f"An interval needs two seeds that finished in both arms, and {len(pairs)} did.")
    return float(pairs.mean()), float(t.ppf(0.975, len(pairs) - 1) * pairs.std() / len(pairs) ** 0.5)


def best_arm(runs: pd.DataFrame, measure: str, lowest: bool = False) -> str:
    """The arm with the highest mean of `measure` (or the lowest): the choice among learning rates, for one.

    An arm of which a run diverged is out. Raises ValueError if every arm is.
    """
    table = summary(runs, measure)
    whole = table[table["diverged"] == 0]["mean"]
    if whole.empty:
        raise ValueError(f"Of every arm a run diverged: {', '.join(map(str, table.index))}. Try lower learning rates.")
    return whole.idxmin() if lowest else whole.idxmax()
