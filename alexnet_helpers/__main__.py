"""Commands of the course: `python -m alexnet_helpers`, then `data`, `train`, `benchmark`, `record`, `notebooks`,
`minutes`, `slides` or `picture`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import data, recording


def data_command() -> int:
    named = data.find_full_set()
    try:
        folder = data.fetch()
    except OSError as error:
        print(f"The full set could not be put into {data.DATA_FOLDER}: {error}", file=sys.stderr)
        if named is None:
            print("The course goes on with its sample of 6,000 + 1,000 images. To get the rest, connect to a network "
                  "and repeat this command, install Debian's or Ubuntu's package dataset-fashion-mnist, or name a "
                  "folder with the four files in ALEXNET_DATA.", file=sys.stderr)
        elif named != data.DATA_FOLDER:
            print(f"The course itself reads it from {named}; only the book's own loader needs data/.", file=sys.stderr)
        return 1
    print(f"All 70,000 images of Fashion-MNIST are in {folder}; the course and d2l.load_data_fashion_mnist find "
          "them there.")
    if os.environ.get("ALEXNET_DATA"):
        print(f"As long as ALEXNET_DATA is set, the course itself reads them from {named}.")
    return 0


def notebooks_command(paths: list[Path]) -> int:
    """Execute notebooks and store their outputs, with nothing in them that changes from run to run by itself."""
    import nbformat

    from .minutes import executed
    from .slides import mark_slides

    os.environ["ALEXNET_PROFILE"] = "quick"                    # the profile that pytest --nbval compares with
    for path in paths or sorted((data.PROJECT / "notebooks").rglob("[0-9]*.ipynb")):
        notebook, minutes = executed(path)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):             # a stored view of a widget that is gone shows an error
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        mark_slides(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {minutes:.1f} minutes", flush=True)
    return 0


def minutes_command(paths: list[Path]) -> int:
    """Execute chapters without storing their outputs, and write the minutes into the README's table."""
    from .minutes import executed, machine, write_minutes

    measured = {}
    for path in paths or sorted((data.PROJECT / "notebooks").glob("[0-9]*.ipynb")):
        _, measured[path.name] = executed(path)
        print(f"{path.name}: {measured[path.name]:.1f} minutes", flush=True)
    for name in write_minutes(data.PROJECT / "README.md", measured, machine()):
        print(f"README.md has no row for {name}.", file=sys.stderr)
    return 0


def slides_command(paths: list[Path]) -> int:
    """Say again which cells of stored notebooks share a page of slides, without executing anything."""
    import nbformat

    from .slides import mark_slides

    for path in paths or sorted((data.PROJECT / "notebooks").rglob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        before = nbformat.writes(notebook)
        mark_slides(notebook)
        if nbformat.writes(notebook) != before:
            nbformat.write(notebook, path)
            print(f"{path.name}: slides marked")
    return 0


def picture_command() -> int:
    """Draw the README's pictures again."""
    from .filter_record import load_filters
    from .inspection import layer_table
    from .models import alexnet, lenet
    from .plots import filter_grid, networks_to_scale, use_course_style

    use_course_style()
    pictures = {"networks_to_scale": networks_to_scale({"LeNet": layer_table(lenet(), (1, 28, 28)),
                                                        "AlexNet": layer_table(alexnet(), (1, 224, 224))})}
    if (filters := load_filters()) is not None:
        pictures["filters_of_one_photograph"] = filter_grid(
            filters["one tower"], "96 filters of AlexNet's first layer, learned from one photograph")
    for name, figure in pictures.items():
        path = data.PROJECT / "notebooks" / f"{name}.png"
        figure.savefig(path)
        print(f"Drawn: {path}. {figure.alt}")
    return 0


def train_command(chosen: argparse.Namespace) -> int:
    """Train by a whole recipe, alone or in the processes that torchrun started."""
    from inspect import signature

    from . import distributed, recipes
    from .checkpoints import prepare

    run = recipes.train_paper if chosen.network == "paper" else recipes.train_book
    given = {name: value for name, value in vars(chosen).items()
             if value is not None and name not in ("command", "network", "history")}
    for name in given:
        if name not in signature(run).parameters:
            print(f"train {chosen.network} has no --{name.replace('_', '-')}.", file=sys.stderr)
            return 2
    if chosen.network != "paper":
        given["name"] = chosen.network
    elif not chosen.folder:
        print("The paper's recipe trains on a folder of images: name it with --folder.", file=sys.stderr)
        return 2
    if chosen.history:
        prepare(chosen.history)
    try:
        distributed.join()
        _, history, *errors = run(**given)
        if distributed.rank() == 0:
            for name, error in errors[0].items() if errors else ():
                print(f"ten-crop {name} error {error:.3f}")
            if chosen.history:
                history.save(chosen.history)
    finally:
        distributed.leave()
    return 130 if history.interrupted else 0


def benchmark_command(path: Path) -> int:
    """Time the book's way and ours, print the table and write it as JSON."""
    from . import benchmark
    from .checkpoints import prepare

    prepare(path)
    report = benchmark.benchmark()
    print(f"\n{benchmark.as_text(report)}")
    benchmark.save(report, path)
    print(f"Written: {path}")
    return 0


def record_command(name: str) -> int:
    """Make a long run; repeated, go on with it."""
    try:
        recording.RECORDS[name]()
    except KeyboardInterrupt:
        print("Stopped: what is whole is kept, and the same command goes on from there.", file=sys.stderr)
        return 130
    print(f"Recorded in {recording.FOLDER / name}.json")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m alexnet_helpers", description="Commands of the AlexNet course.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("data", help="say where Fashion-MNIST is, check it, and fetch what is missing into data/")
    record = commands.add_parser("record", help="make the long runs that notebooks show; repeated, it continues")
    record.add_argument("name", choices=recording.RECORDS)
    notebooks = commands.add_parser("notebooks", help="execute notebooks (all by default) and store their outputs")
    notebooks.add_argument("paths", nargs="*", type=Path)
    minutes = commands.add_parser("minutes", help="measure the chapters (all by default); into the README's table")
    minutes.add_argument("paths", nargs="*", type=Path)
    slides = commands.add_parser("slides", help="mark the slides of notebooks (all by default), executing nothing")
    slides.add_argument("paths", nargs="*", type=Path)
    commands.add_parser("picture", help="draw the README's pictures")
    benchmark = commands.add_parser("benchmark", help="time the book's way of training and the course's")
    benchmark.add_argument("path", nargs="?", type=Path, default=Path("benchmark.json"), help="where to write the JSON")
    train = commands.add_parser("train", help="train by a whole recipe; several processes: torchrun "
                                              "--nproc_per_node=N -m alexnet_helpers train …")
    train.add_argument("network", choices=("lenet", "alexnet", "paper"), help="the book's two on Fashion-MNIST, "
                       "as many images as the profile has, or the paper's on a folder with train/ and val/, a folder "
                       "a class in both")
    train.add_argument("--folder", type=Path)
    train.add_argument("--checkpoint", type=Path, help="written after every epoch; if it is there, go on from it")
    train.add_argument("--history", type=Path, help="where to write losses and accuracies as JSON")
    for name, kind in (("epochs", int), ("batch_size", int), ("lr", float), ("seed", int), ("train_size", int),
                       ("test_size", int), ("size", int), ("resize", int), ("patience", int), ("workers", int)):
        train.add_argument("--" + name.replace("_", "-"), type=kind)
    chosen = parser.parse_args(arguments)
    run = {"data": data_command, "record": lambda: record_command(chosen.name), "picture": picture_command,
           "notebooks": lambda: notebooks_command(chosen.paths), "minutes": lambda: minutes_command(chosen.paths),
           "slides": lambda: slides_command(chosen.paths), "benchmark": lambda: benchmark_command(chosen.path),
           "train": lambda: train_command(chosen)}
    try:
        return run[chosen.command]()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, ArithmeticError, OSError) as error:  # each says what to do
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
