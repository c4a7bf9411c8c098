"""What a reader runs: `python -m alexnet_helpers`, then `data`, `train` or `benchmark`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import data


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


def train_command(chosen: argparse.Namespace) -> int:
    """Train by a whole recipe, alone or in the processes that torchrun started."""
    from inspect import signature

    from . import distributed
    from .checkpoints import expanded, prepare
    from .commands import recipes

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
        if chosen.checkpoint and expanded(chosen.history) == expanded(chosen.checkpoint):
            print("--history and --checkpoint name the same file: one would replace the other.", file=sys.stderr)
            return 2
        prepare(expanded(chosen.history))
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
    from .checkpoints import expanded, prepare
    from .commands import benchmark

    path = expanded(path)
    prepare(path)
    report = benchmark.benchmark()
    print(f"\n{benchmark.as_text(report)}")
    benchmark.save(report, path)
    print(f"Written: {path}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m alexnet_helpers", description="Commands of the AlexNet course.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("data", help="say where Fashion-MNIST is, check it, and fetch what is missing into data/")
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
    run = {"data": data_command, "benchmark": lambda: benchmark_command(chosen.path),
           "train": lambda: train_command(chosen)}
    try:
        return run[chosen.command]()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, ArithmeticError, OSError, ImportError) as error:  # each says what to do
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
