"""Importing the helpers costs almost nothing, and everything public is there and documented."""

import inspect
import subprocess
import sys

import pytest

import alexnet_helpers as ah

HEAVY = {"IPython", "d2l", "ipywidgets", "pandas", "scipy", "skimage", "sklearn", "torchinfo", "torchvision", "tqdm"}


def test_import_pulls_in_nothing_heavy():
    """A count of modules, not of seconds: it says the same on a busy machine. torch itself may import some."""
    script = ("import sys, torch, matplotlib.pyplot; before = set(sys.modules); import alexnet_helpers; "
              "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    added = run.stdout.split()
    assert "alexnet_helpers" in added
    assert HEAVY & set(added) == set()


@pytest.mark.parametrize("name", ah.__all__)
def test_public_names_exist_and_say_what_they_are(name):
    thing = getattr(ah, name)
    if inspect.isfunction(thing) or inspect.isclass(thing):
        assert inspect.getdoc(thing), f"{name} has no docstring"
        assert not (inspect.getdoc(thing) or "").startswith(f"{name}("), "a dataclass without its own docstring"
        assert thing.__module__.startswith("alexnet_helpers.")


def test_names_are_listed_once():
    assert len(set(ah.__all__)) == len(ah.__all__)
