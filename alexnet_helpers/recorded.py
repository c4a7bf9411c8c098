"""Long runs, kept under notebooks/recorded/ with where, when and how they were made: how notebooks read them.

`python -m alexnet_helpers.maintain record NAME` writes one.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from .data import PROJECT

if TYPE_CHECKING:
    import pandas as pd

FOLDER = PROJECT / "notebooks" / "recorded"
# Torchvision's pretrained AlexNet, 233 MB. The name ends with the first digits of the file's SHA-256.
PRETRAINED = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"


def load_record(name: str) -> dict | None:
    """The record `name`, or None and a line that says how to make it. Raises ValueError for a damaged one."""
    return read_record(name) or missing(name)


def read_record(name: str) -> dict | None:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and record anew.") from error


def missing(name: str) -> None:
    print(f"Not recorded yet: `python -m alexnet_helpers.maintain record {name}` writes it.")


def load_filters() -> dict[str, np.ndarray] | None:
    """The recorded filters, float32 (96, 3, 11, 11) each, by the network's name; the book's have one colour.

    " before" is added for what the first network and the book's started from.

    None, with a line that says how to make them, if there are none.
    """
    return read_filters() or missing("filters")


def read_filters() -> dict[str, np.ndarray]:
    path = FOLDER / "filters.npz"
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key].astype(np.float32) for key in stored}


def pretrained_filters(fetch: bool = False) -> np.ndarray:
    """conv1 of torchvision's pretrained AlexNet, float32 (64, 3, 11, 11), from torch's cache of downloads.

    Only the whole file counts, by its name and its SHA-256. Where it is not there, `fetch` downloads it; nothing else
    does. Raises OSError that says what is there instead, or why there was no download.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", PRETRAINED.rsplit("/", 1)[1])
    digits = path.stem.rsplit("-", 1)[1]
    there = "is not in torch's cache"
    if path.is_file():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        there = "" if found.startswith(digits) else f"in torch's cache is damaged (its SHA-256 begins {found[:8]})"
    if there and not fetch:
        raise OSError(f"{path.name} {there}")
    if there:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(PRETRAINED, str(path), hash_prefix=digits)
        except RuntimeError as error:                          # another file came
            raise OSError(str(error)) from error
    return torch.load(path, map_location="cpu", weights_only=True)["features.0.weight"].numpy()


def race_runs(record: dict) -> pd.DataFrame:
    """Lesson 01's recorded race as a table with a row a run: size, arm, seed and test accuracy."""
    import pandas as pd

    return pd.DataFrame([{"size": size, "arm": arm, "seed": seed, "test accuracy": run[arm]}
                         for size in record["sizes"] for seed in record["seeds"]
                         if (run := record["runs"].get(f"{size}, seed {seed}")) for arm in record["chosen"]])


def sweep_curves(record: dict, network: str = "small AlexNet") -> pd.DataFrame:
    """The looks of a recorded sweep, a row each: size, arm, seed, rate, epoch, and three accuracies.

    "held-out accuracy", "test accuracy", and "training accuracy", on at most 5,000 of the run's own images in eval
    mode. Only runs at the rate that was chosen for the arm and size count; the three are NaN for a run that diverged.
    """
    import pandas as pd

    rows = []
    for name, run in record["runs"].items():
        of, size, arm, rate, seed = name.split(", ")
        setting = {"size": int(size), "arm": arm, "rate": float(rate.removeprefix("rate ")),
                   "seed": int(seed.removeprefix("seed "))}
        if of == network and setting["rate"] == record["rates"].get(f"{network}, {size}", {}).get(arm):
            looks = run["epoch"] or [float("nan")]
            rows += [{**setting, "epoch": epoch,
                      **{f"{part.replace(' ', '-')} accuracy": run[part][i] if run["epoch"] else float("nan")
                         for part in ("held out", "training", "test")}} for i, epoch in enumerate(looks)]
    return pd.DataFrame(rows)


def sweep_runs(record: dict, network: str = "small AlexNet") -> pd.DataFrame:
    """The runs of a recorded sweep, a row each, at the number of epochs that the held-out images chose.

    For every size and arm that is the look with the highest mean of "held-out accuracy" over the seeds, the first of
    several. The columns are those of `sweep_curves`.
    """
    curves = sweep_curves(record, network)
    means = curves.groupby(["size", "arm", "epoch"])["held-out accuracy"].mean()
    chosen = means.groupby(["size", "arm"]).idxmax()
    at = curves.set_index(["size", "arm", "epoch"]).index
    return curves[at.isin(list(chosen)) | curves["epoch"].isna()].reset_index(drop=True)


def trials(record: dict, kind: str = "runs") -> pd.DataFrame:
    """The runs of chapter 07's records of recipes and batches, or their "tuning": a row a run, as `compare` has it."""
    import pandas as pd

    rows = [(*key.split("; "), measures) for key, measures in record[kind].items()]
    return pd.DataFrame([{"arm": arm, "rate": float(rate), "seed": int(seed), **measures}
                         for arm, rate, seed, measures in rows])


# ---------------------------------------------------------------------------------------------------------------
# What the record of a GPU says; it may still lack parts

WAYS = ("the book's loop", "ours", "the paper's recipe")
# What is held equal when AlexNet's batch changes: the name of a part, or part of it, and what it means.
FAMILIES = {"": "epochs and rate", ", rate in proportion": "epochs, rate by batch",
            ", equal updates": "updates, rate (images / 4)"}


def finished(record: dict, family: str) -> dict[int, dict]:
    """The runs of a family of parts, "alexnet, ours", by seed: those that are there and did not fail."""
    parts = {seed: record["parts"].get(f"{family}, seed {seed}", {"failed": ""}) for seed in record["seeds"]}
    return {seed: part for seed, part in parts.items() if "failed" not in part}


def speeds(record: dict) -> pd.DataFrame:
    """A row a network and way: seconds an epoch, images a second, and for ours the share of the matrix rate.

    The rate of the format in which `fit` trains it: bfloat16 for AlexNet where the GPU has it, else float32.
    """
    import pandas as pd

    rows, limits = {}, record["parts"]["matrix rates"]
    for network in record["networks"]:
        both = record["parts"].get(f"{network}, an epoch both ways", {"failed": ""})
        for way in () if "failed" in both else ("book", "ours"):
            result = both[way]
            row = {"seconds an epoch": statistics.median(result["seconds"]),
                   "images a second, loading": result["loading"]}
            if way == "ours":
                limit = limits.get("bfloat16" if network == "alexnet" else "float32", limits["float32"])
                row |= {"images a second, training": result["training"],
                        "share of the matrix rate": result["training"] * result["flops_an_image"] / limit}
            rows[f"{network}, {way}"] = row
    return pd.DataFrame(list(rows.values()), index=list(rows))


def accuracies(record: dict, network: str = "alexnet") -> pd.DataFrame:
    """A comparison (see `compare`): test accuracy after the same epochs, by the book's loop, ours, the paper's recipe.

    NaN for a run that failed.
    """
    import pandas as pd

    rows = []
    for way in WAYS:
        runs = finished(record, f"{network}, {way}")
        rows += [{"arm": way, "seed": seed, "test accuracy": runs[seed]["test_accuracy"][record["epochs"] - 1]
                  if seed in runs else float("nan")} for seed in record["seeds"]]
    return pd.DataFrame(rows)


def by_batch(record: dict) -> pd.DataFrame:
    """AlexNet with other batches: a row a batch and what was held equal; accuracy, seconds an epoch, peak memory.

    The accuracy is the median of the runs that did not fail; how many did stands in a column of its own.
    """
    import pandas as pd

    rows = {}
    for family, equal in FAMILIES.items():
        for size in record["batch_sizes"]:
            part = f"alexnet, batch {size}{family}"
            if runs := list(finished(record, part).values()):
                last = [run["test_accuracy"][-1] for run in runs]
                rows[equal, size] = {
                    "epochs": len(runs[0]["seconds"]), "test accuracy": statistics.median(last), "lowest": min(last),
                    "highest": max(last), "seconds an epoch": statistics.median(runs[0]["seconds"]),
                    "peak memory (MiB)": (runs[0]["peak_memory"] or float("nan")) / 2**20}
            if failed := sum("failed" in record["parts"].get(f"{part}, seed {seed}", {}) for seed in record["seeds"]):
                rows[equal, size] = {**rows.get((equal, size), {}), "failed": failed}
    index = pd.MultiIndex.from_tuples(rows, names=["held equal", "batch"]) if rows else None
    return pd.DataFrame(list(rows.values()), index=index)
