"""Comparisons by one protocol: every arm tuned alike, run with every seed, and judged by a margin stated beforehand.

A comparison is a table with one row a run: the columns "arm" and "seed", and what the run measured. `timed_turns`
makes one of times, where "round" stands for "seed". Differences are paired: each seed's, or each round's, by itself.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import training
from .progress import Progress
from .timing import seconds

if TYPE_CHECKING:
    import pandas as pd


def compare(arms: dict[str, Callable[[int], dict[str, float]]], seeds: Iterable[int]) -> pd.DataFrame:
    """Run every arm once with each seed; one row a run: arm, seed, and the measures that the run returned.

    An arm is a function of the seed that trains or measures something and returns numbers by name:
    `{"test accuracy": 0.87}`. Before each run torch's global generator is set to the seed, so two arms that build the
    same network start from the same weights. All arms run with one seed before the next begins. A run whose loss
    stops being finite counts as diverged: its measures are NaN; if every run diverged, the table has no columns for
    measures. Interrupting ends the comparison and returns the runs that are whole. Raises ValueError if there is
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


def best_arm(runs: pd.DataFrame, measure: str, lowest: bool = False) -> str:
    """The arm with the highest mean of `measure` (or the lowest): the choice among learning rates, for one.

    An arm of which a run diverged is out. Raises ValueError if every arm is.
    """
    table = summary(runs, measure)
    whole = table[table["diverged"] == 0]["mean"]
    if whole.empty:
        raise ValueError(f"Of every arm a run diverged: {', '.join(map(str, table.index))}. Try lower learning rates.")
    return whole.idxmin() if lowest else whole.idxmax()


def paired(runs: pd.DataFrame, measure: str, arm: str, against: str) -> tuple[np.ndarray, np.ndarray, int]:
    """`measure` in both arms, one value a seed that finished in both, and how many seeds did not."""
    for name in (arm, against):
        if name not in set(runs["arm"]):
            there = ", ".join(map(repr, runs["arm"].unique()))
            raise ValueError(f"The comparison has no arm {name!r}; it has {there}.")
    both = table_of(runs, measure, index="round" if "round" in runs else "seed", columns="arm")[[arm, against]]
    whole = both.dropna()
    return whole[arm].to_numpy(float), whole[against].to_numpy(float), len(both) - len(whole)


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Mean of `values` and the half-width of its 95 % interval, Student's t. Raises ValueError for fewer than two."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        raise ValueError(f"An interval needs two seeds that finished in both arms, and {n} did.")
    return float(np.mean(values)), float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n))


def difference(runs: pd.DataFrame, measure: str, arm: str, against: str) -> tuple[float, float]:
    """Mean of `measure` in `arm` minus that in `against`, and the half-width of its 95 % interval.

    The runs are paired by seed, the interval is Student's t over the pairs. Raises ValueError if an arm is not there
    or fewer than two seeds have finished in both.
    """
    a, b, _ = paired(runs, measure, arm, against)
    return interval(a - b)


# ---------------------------------------------------------------------------------------------------------------
# Verdicts

SHOWN, NO_DIFFERENCE, UNDECIDED = "shown", "no difference that matters", "undecided"


@dataclass(frozen=True)
class Verdict:
    """What a comparison shows: `word` is one of the three; printed, it is one line with the numbers."""

    word: str
    mean: float                                                # the difference, or for times the factor
    low: float                                                 # the ends of its 95 % interval
    high: float
    line: str
    level: float = 0.0                                         # the mean where nothing differs; 1 for times

    @property
    def more(self) -> bool:
        """The arm has more than what it is compared with: a higher measure, a longer time."""
        return self.mean > self.level

    def __str__(self) -> str:
        return self.line


def judge(mean: float, half: float, margin: float) -> str:
    """The verdict on a difference `mean` with the 95 % interval `mean` - `half` to `mean` + `half`.

    Shown: the interval excludes 0, and the difference is at least `margin`, either way. No difference that matters:
    the whole interval lies within `margin` of 0. Else undecided. Raises ValueError unless `margin` is above 0.
    """
    if not margin > 0:
        raise ValueError(f"The margin is the least difference that would matter, above 0, not {margin}.")
    if abs(mean) > half and abs(mean) >= margin:
        return SHOWN
    return NO_DIFFERENCE if abs(mean) + half <= margin else UNDECIDED


def left_out(lost: int) -> str:
    return f", {lost} left out as diverged" if lost else ""


def verdict(runs: pd.DataFrame, measure: str, arm: str, against: str, margin: float) -> Verdict:
    """The protocol's verdict on the difference of `measure` between two arms, paired by seed; see `judge`.

    State the `margin` before the runs. Seeds that diverged in an arm are left out, and the line says how many: where
    there are such, a verdict is about the seeds that remain. Raises ValueError as `difference` and `judge` do.
    """
    a, b, lost = paired(runs, measure, arm, against)
    mean, half = interval(a - b)
    word = judge(mean, half, margin)
    return Verdict(word, mean, mean - half, mean + half,
                   f"{arm} against {against}, {measure}: {mean:+.3g} ± {half:.2g} (95 %, {len(a)} seeds"
                   f"{left_out(lost)}); margin {margin:g}: {word}.")


# ---------------------------------------------------------------------------------------------------------------
# Tuning


@dataclass(frozen=True)
class Tuned:
    """The best value of a grid, whether it lies at the grid's edge, and the runs that chose it."""

    value: float
    at_edge: bool
    runs: pd.DataFrame
    line: str

    def __str__(self) -> str:
        return self.line


def tuned(runs: pd.DataFrame, measure: str, lowest: bool = False) -> Tuned:
    """The best of a comparison whose arms are numbers, a grid: the value with the highest mean of `measure`.

    Or with the lowest. At the edge: no value beyond it was tried, so that a better one may lie there; a value of
    which a run diverged was tried. Raises ValueError as `best_arm` does, and for arms that are no numbers.
    """
    grid = sorted(runs["arm"].unique().tolist())
    if not all(isinstance(value, int | float) for value in grid):
        raise ValueError(f"A grid has numbers for arms, not {', '.join(map(repr, grid))}.")
    best = grid[grid.index(best_arm(runs, measure, lowest))]   # a plain number
    at_edge = best in (grid[0], grid[-1])
    mean = runs.loc[runs["arm"] == best, measure].mean()
    where = "at the edge of its grid: a better one may lie beyond" if at_edge else "inside its grid"
    return Tuned(best, at_edge, runs, f"{best:g} is best of {', '.join(f'{value:g}' for value in grid)} ({measure} "
                                      f"{mean:.3g}, {runs['seed'].nunique()} seeds), {where}.")


def widened(grid: list[float], best: float) -> list[float]:
    """A sorted grid with one value more, by its own last factor, beyond the edge where its `best` lies; or as it is."""
    beyond = {grid[0]: grid[0] ** 2 / grid[1], grid[-1]: grid[-1] ** 2 / grid[-2]}
    return sorted([*grid, float(f"{beyond[best]:.3g}")]) if best in beyond else grid


def tune(train: Callable[[float, int], dict[str, float]], grid: Iterable[float], seeds: Iterable[int],
         measure: str = "held-out accuracy", lowest: bool = False, widen: int = 2) -> Tuned:
    """Choose a value, such as a learning rate, by the mean of `measure` over all seeds.

    `train(value, seed)` returns measures by name, as an arm of `compare` does; the one that chooses must come from
    held-out images, which are neither trained nor tested on. If the best value lies at the edge of `grid`, the grid
    goes on by its own last factor, at most `widen` times; if the best still lies at the edge, the line says so. Raises
    ValueError unless the grid has two different positive values and there are two seeds, and as `best_arm` does.
    """
    import pandas as pd

    grid, seeds = sorted(set(grid)), list(seeds)
    if len(grid) < 2 or grid[0] <= 0 or len(seeds) < 2:
        raise ValueError("Tuning takes two values or more, all above 0, and two seeds or more.")

    def tried(values: list[float]) -> pd.DataFrame:
        return compare({value: lambda seed, value=value: train(value, seed) for value in values}, seeds)

    found = tuned(tried(grid), measure, lowest)
    while found.at_edge and widen > 0 and not training.interrupted:
        before, grid, widen = grid, widened(grid, found.value), widen - 1
        new = [value for value in grid if value not in before]
        found = tuned(pd.concat([found.runs, tried(new)], ignore_index=True), measure, lowest)
    return found


# ---------------------------------------------------------------------------------------------------------------
# Times

AGAIN = ", again"


def timed_turns(arms: dict[str, Callable[[], Any]], rounds: int) -> pd.DataFrame:
    """Time every arm once a round, in an order drawn anew each round; the first arm runs twice a round (A/A).

    One row a timing: arm, round, seconds, until the device has finished; and "start-up", the seconds of the arm's
    first call, before the first round, which counts nowhere else. The first arm's second turns are called
    "<arm>, again": what differs between the two is noise. Raises ValueError for no arm or fewer than two rounds.
    """
    import pandas as pd

    if not arms or rounds < 2:
        raise ValueError("Timing takes one arm or more, and two rounds or more.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    first = next(iter(arms))
    start_up = {arm: seconds(work, device) for arm, work in arms.items()}
    arms = {**arms, first + AGAIN: arms[first]}
    start_up[first + AGAIN] = start_up[first]
    order, rows = random.Random(0), []
    for turn in range(rounds):
        for arm in order.sample(list(arms), len(arms)):
            rows.append({"arm": arm, "round": turn, "seconds": seconds(arms[arm], device), "start-up": start_up[arm]})
    return pd.DataFrame(rows)


def factor(turns: pd.DataFrame, arm: str, against: str) -> tuple[float, float, float]:
    """How many times as long `arm` takes as `against`, and the ends of the 95 % interval.

    The geometric mean of the rounds' ratios; Student's t over their logarithms. Raises ValueError as `difference`.
    """
    a, b, _ = paired(turns, "seconds", arm, against)
    mean, half = interval(np.log(a / b))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def time_verdict(turns: pd.DataFrame, arm: str, against: str, margin: float) -> Verdict:
    """The protocol's verdict on the times of two arms of `timed_turns`; `margin` is the least factor that matters.

    `margin=1.1` says: a tenth longer, or 1.1 times as fast, would matter. The line also prints the noise floor, the
    factor between the two turns of the arm that ran twice. Raises ValueError as `judge` and `difference` do.
    """
    if not margin > 1:
        raise ValueError(f"The margin is a factor above 1, not {margin}.")
    mean, low, high = factor(turns, arm, against)
    word = judge(math.log(mean), math.log(high / mean), math.log(margin))
    twice = next(name for name in turns["arm"] if name.endswith(AGAIN))
    _, noise_low, noise_high = factor(turns, twice, twice.removesuffix(AGAIN))
    return Verdict(word, mean, low, high,
                   f"{arm} takes {mean:.3g} times as long as {against} (95 %: {low:.3g} to {high:.3g}, "
                   f"{turns['round'].nunique()} rounds; A/A {noise_low:.3g} to {noise_high:.3g}); "
                   f"margin {margin:g}: {word}.", level=1.0)
