"""Do the unit tests notice a fault? `make faults` puts those of faults.toml into a copy of the package, one at a time.

A fault is caught if a test fails: first the test files that are named with it are run, then, only if they notice
nothing, all. The working tree is never touched. `make faults FAULTS="flip lrn"` takes only the faults with such a word
in their names. Ends with 1 if fewer than 95 % are caught, with 2 if the tests fail without any fault.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
ENOUGH = 0.95
# They compare texts or the style, not what the package does, and would notice every fault or none.
NOT_ASKED = ("faults.toml", "inject_faults.py", "test_faults.py", "test_style.py", "test_notebooks.py",
             "test_browser.py")


def faults() -> list[dict]:
    """The rows of faults.toml: name, file, old, new, tests, and `survives`, a reason, where no test could tell."""
    return tomllib.loads(Path(__file__).with_name("faults.toml").read_text(encoding="utf-8"))["fault"]


def faulty(fault: dict, source: str) -> str:
    """The source with the fault in it. Raises ValueError unless the old text stands there exactly once."""
    if (times := source.count(fault["old"])) != 1:
        raise ValueError(f"{fault['name']}: the old text stands {times} times in {fault['file']}, not once. "
                         "The code has changed: change tests/faults.toml with it.")
    return source.replace(fault["old"], fault["new"])


def run_tests(fault: dict | None, tests: list[str]) -> str | None:
    """Run the tests on a fresh copy with the fault in it; the first test that fails, None if none does."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        copy = Path(name)
        ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", *NOT_ASKED)
        for folder in ("alexnet_helpers", "notebooks", "tests"):
            shutil.copytree(PROJECT / folder, copy / folder, ignore=ignore)
        for file in ("conftest.py", "pyproject.toml", "README.md"):
            shutil.copy(PROJECT / file, copy)
        if fault:
            path = copy / "alexnet_helpers" / fault["file"]
            path.write_text(faulty(fault, path.read_text(encoding="utf-8")), encoding="utf-8")
        # The path goes ahead of the installed package, in processes that the tests start too.
        environment = {**os.environ, "PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1"}
        if not fault:
            run = subprocess.run([sys.executable, "-c", "import alexnet_helpers as ah; print(ah.__file__)"], cwd=copy,
                                 env=environment, capture_output=True, text=True)
            if not Path(run.stdout.strip()).is_relative_to(copy):
                sys.exit(f"The copy imports {run.stdout.strip() or run.stderr}, not its own package.")
        run = subprocess.run([sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                              *[f"tests/{file}" for file in tests]], cwd=copy, env=environment, capture_output=True,
                             text=True, timeout=900)
    if run.returncode not in (0, 1):
        sys.exit(f"pytest ended with {run.returncode}:\n{run.stdout}{run.stderr}")
    failed = re.search(r"^(?:FAILED|ERROR) tests/(.*?)(?: - .*)?$", run.stdout, flags=re.MULTILINE)
    return (failed[1] if failed else "a test") if run.returncode else None


def main(words: list[str]) -> int:
    chosen = [fault for fault in faults() if not words or any(word in fault["name"] for word in words)]
    if not chosen:
        print(f"No fault has {' or '.join(words)} in its name.")
        return 2
    started, survivors = time.perf_counter(), []
    if failed := run_tests(None, [] if not words else sorted({test for fault in chosen for test in fault["tests"]})):
        print(f"Without any fault {failed} fails: mend that first.")
        return 2
    print(f"Without a fault the tests pass, {time.perf_counter() - started:.0f} s", flush=True)
    for number, fault in enumerate(chosen, start=1):
        begun = time.perf_counter()
        caught = run_tests(fault, fault["tests"])
        elsewhere = "" if caught else "  (not by the tests named with it)"
        caught = caught or run_tests(fault, [])
        if not caught:
            survivors.append(fault)
        print(f"{number:3} {fault['name']:34} {time.perf_counter() - begun:5.1f} s  "
              + (f"caught by {caught}{elsewhere}" if caught else "SURVIVED"), flush=True)
    for fault in survivors:
        print(f"Survived: {fault['name']} in {fault['file']}. {fault.get('survives', 'It wants a test.')}")
    share = 1 - len(survivors) / len(chosen)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} faults caught, {share:.0%}, "
          f"{time.perf_counter() - started:.0f} s")
    return int(share < ENOUGH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
