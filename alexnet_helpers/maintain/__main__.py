"""`python -m alexnet_helpers.maintain`, then `notebooks`, `slides`, `minutes`, `record`, `pictures`, `site`, `tree`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import recorded
from . import (
    filter_record,
    filter_trials,
    gpu_record,
    gradient_records,
    minutes,
    notebooks,
    pictures,
    race_record,
    recipe_record,
    records,
    slides,
    sweep_record,
    tree,
)


def record_filters() -> None:
    filter_record.record_filters()
    filter_record.record_book()


RECORDS = {"lenet": records.record_lenet, "race": race_record.record_race, "gpu": gpu_record.record_gpu,
           "filters": record_filters, "filter_trials": filter_trials.record_trials,
           "patience": gradient_records.record_patience, "starts": gradient_records.record_starts,
           "centring": gradient_records.record_centring, "relu": gradient_records.record_relu,
           "recipe": recipe_record.record_recipe, "batch": recipe_record.record_batch,
           "dropout": sweep_record.record_dropout, "augmentation": sweep_record.record_augmentation}


def record(name: str) -> int:
    """Make a long run; repeated, go on with it."""
    try:
        RECORDS[name]()
    except KeyboardInterrupt:
        print("Stopped: what is whole is kept, and the same command goes on from there.", file=sys.stderr)
        return 130
    print(f"Recorded in {recorded.FOLDER / name}.json")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m alexnet_helpers.maintain",
                                     description="What a maintainer of the AlexNet course runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    work = {"notebooks": (notebooks.store, "execute notebooks (all by default) and store their outputs"),
            "slides": (slides.mark, "mark the slides of notebooks (all by default), executing nothing"),
            "minutes": (minutes.measure, "measure the chapters (all by default); into the README's table")}
    for name, (_, words) in work.items():
        commands.add_parser(name, help=words).add_argument("paths", nargs="*", type=Path)
    commands.add_parser("record", help="make the long runs that notebooks show; repeated, it continues").add_argument(
        "name", choices=RECORDS)
    commands.add_parser("pictures", help="draw the README's picture")
    commands.add_parser("site", help="write the course as pages of HTML into site/, executing nothing")
    commands.add_parser("tree", help="write what each file of the package holds into CONTRIBUTING.md")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "record":
            return record(chosen.name)
        if chosen.command == "pictures":
            pictures.draw()
        elif chosen.command == "tree":
            tree.write()
        elif chosen.command == "site":
            from . import site  # here, for it needs nbconvert, and a GPU server may have none

            site.build()
        else:
            work[chosen.command][0](chosen.paths)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, ArithmeticError, OSError, ImportError) as error:  # each says what to do
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
