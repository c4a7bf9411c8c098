"""What the checks of several chapters ask of an answer."""

from __future__ import annotations


def fault_of_runs(runs: object, measure: str, arms: list[str]) -> str | None:
    """What `runs` lacks as a table of `compare` with the arms, the measure and three seeds or more; None if nothing."""
    if missing := {"arm", "seed", measure} - set(runs.columns):
        return f"The table lacks {', '.join(sorted(missing))}; give what ah.compare returns."
    if missing := set(arms) - set(runs["arm"]):
        return f"No arm of the table is called {' or '.join(sorted(missing))}."
    shared = set.intersection(*(set(runs.loc[runs["arm"] == arm, "seed"]) for arm in arms))
    if len(shared) < 3:
        return "It takes three seeds or more, the same ones in every arm."
    return None
