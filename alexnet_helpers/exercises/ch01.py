"""Checks of the exercises of chapter 01."""

from __future__ import annotations

import math

from .common import fault_of_runs

# Of the run of 2012: two operations a MAC, forward and backward, every image, every epoch.
OPERATIONS_2012 = 2 * 724_406_816 * 3 * 1_200_000 * 90


def errors_avoided(answer: float) -> str | None:
    second, supplied, extra, one = 26.172, 16.422, 15.315, 18.2
    for value, hint in (((second - supplied) / second * 100, None),
                        ((second - supplied) / second, "That is the share; the question asks for percent."),
                        (second - supplied, "Those are percentage points. How much of the other's errors is that?"),
                        ((second - extra) / second * 100, "The entry with 15.3 % was trained on extra images too."),
                        ((second - one) / second * 100, "18.2 % is one network, on validation images; no entry."),
                        ((second - supplied) / supplied * 100, "Percent of whose errors? Divide by the other's."),
                        (supplied / second * 100, "Those are the errors that remained.")):
        if abs(answer - value) < 0.01 * abs(value):
            return hint
    return "Both errors stand in the chart of 2012; the difference is to be seen against the larger one."


def days_on_two_cards(answer: float) -> str | None:
    days = OPERATIONS_2012 / (2 * 1.581e12) / 86_400
    for factor, hint in ((1, None), (2, "There were two cards."), (24, "Those are hours."),
                         (60 * 24, "Those are minutes."), (86_400, "Those are seconds."),
                         (1 / 2, "A MAC is two operations."),
                         (1 / 3, "Training is about three times a pass forward."),
                         (1e12, "A TFLOP/s is 10^12 operations a second.")):
        if abs(answer / (days * factor) - 1) < 0.02:
            return hint
    return "Operations, divided by what both cards do in a second, divided by the seconds of a day."


def drawing_level(answer: float) -> str | None:
    if abs(answer / 64_000 - 1) < 0.02:
        return None
    if abs(answer / 28_000 - 1) < 0.02:
        return "That goes on by equal steps. The images were multiplied by four each time, for two points each time."
    if abs(answer / 256_000 - 1) < 0.02:
        return "One step too far: at how many points does the lead stand after 16,000?"
    if abs(answer / 16_000 - 1) < 0.02:
        return "There it still leads by 2 points."
    return "What does each step of the race do to the number of images, and what to the lead?"


def crossover(answer: dict) -> str | None:
    """`answer` has runs, a table (size, arm, seed, test accuracy), and level, where the learned arm draws level."""
    runs = answer["runs"]
    if "size" not in runs:
        return "The table lacks size: one table for all sizes, each run with the number of its training images."
    sizes = sorted(int(size) for size in runs["size"].unique())
    if len(sizes) < 3:
        return "Take three sizes or more: a line through two points crosses somewhere, whatever the race does."
    for size in sizes:
        if hint := fault_of_runs(runs[runs["size"] == size], "test accuracy", ["HOG + linear", "learned"]):
            return f"At {size:,} images: {hint}"
    mean = runs.groupby(["size", "arm"])["test accuracy"].mean().unstack()
    leads = [float(mean.loc[size, "learned"] - mean.loc[size, "HOG + linear"]) for size in sizes]
    level = level_at(sizes, leads)
    if abs(answer["level"] - level) <= 0.1 * level if math.isfinite(level) else answer["level"] == level:
        return None
    if level == 0:
        return "At your smallest size the learned arm leads already: level is then 0."
    if math.isinf(level):
        return 'At your largest size HOG still leads: level is then float("inf").'
    return "Where does a line between the two leads of different sign reach 0? The sizes go by their logarithm."


def level_at(sizes: list[int], leads: list[float]) -> float:
    """The size at which `leads` rise above 0 for the last time, on a logarithmic axis; 0 or infinity if they do not.

    0: it leads from the first size on; infinity: it does not lead at the last.
    """
    if leads[-1] <= 0:
        return math.inf
    behind = [place for place, lead in enumerate(leads) if lead <= 0]
    if not behind:
        return 0.0
    place = behind[-1]
    share = -leads[place] / (leads[place + 1] - leads[place])
    return sizes[place] * (sizes[place + 1] / sizes[place]) ** share


CHECKS = {"1.1": errors_avoided, "1.2": days_on_two_cards, "1.3": drawing_level, "1.4": crossover}
