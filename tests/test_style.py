"""The whole project, notebooks included, passes ruff."""

import subprocess
import sys
from pathlib import Path


def test_ruff_has_nothing_to_say() -> None:
    project = Path(__file__).resolve().parents[1]
    run = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", project], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
