"""How the notebooks are run and compared by `pytest --nbval`, and the count that it prints."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

IGNORED_TAGS = {"nbval-ignore-output", "nbval-skip"}


def leave_the_users_settings(folder: Path) -> None:
    """Kernels, and the tests themselves, neither read nor change how the user has set up IPython, Jupyter, matplotlib.

    A profile, a start-up file, pandas options in one, a matplotlibrc would change what cells print. As
    `alexnet_helpers.maintain.notebooks.plain_environment`, which this file may not import: it imports torch.
    """
    for name in ("PYTHONSTARTUP", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
        os.environ.pop(name, None)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = str(folder / name.lower())
    (folder / "matplotlibrc").touch()
    os.environ["MATPLOTLIBRC"] = str(folder / "matplotlibrc")      # before MPLCONFIGDIR, which keeps the list of fonts


# Now, for tests/conftest.py imports torch and matplotlib before pytest asks for `pytest_configure`.
settings = tempfile.TemporaryDirectory(prefix="alexnet-", ignore_cleanup_errors=True)
leave_the_users_settings(Path(settings.name))
# Side by side (--numprocesses), every process gets its share of the cores: more threads than cores are far slower.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))


def pytest_configure(config: pytest.Config) -> None:
    config.add_cleanup(settings.cleanup)
    # The stored outputs are those of the quick profile.
    os.environ["ALEXNET_PROFILE"] = "quick"
    # Kernels of this environment, whatever kernelspecs the user has; a kernel that died is noticed in minutes, and a
    # busy machine gets its time.
    config.option.nbval_current_env = True
    config.option.nbval_cell_timeout = min(config.option.nbval_cell_timeout, 900)
    config.option.nbval_kernel_startup_timeout = max(config.option.nbval_kernel_startup_timeout, 300)
    # Tests press Ctrl-C; a shell's background job starts with that signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Side by side, the cells of a notebook stay together.
    if config.option.nbval and config.getoption("dist", "no") != "no":
        config.option.dist = "loadfile"


def pytest_itemcollected(item: pytest.Item) -> None:
    if isinstance(item, IPyNbCell):
        # A library's warning on some machine is no change of the course; the gate keeps them out of stored notebooks.
        if "stderr" not in item.parent.skip_compare:
            item.parent.skip_compare += ("stderr",)
        ignored = IGNORED_TAGS & set(item.cell.metadata.get("tags", []))
        item.user_properties.append(("cell", "ignored" if ignored else "compared"))


class NotebookCount:
    """Counts the notebooks that ran and their cells; fails a whole `pytest --nbval` that ran none."""

    def __init__(self) -> None:
        self.cells: Counter[str] = Counter()
        self.notebooks: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and (kind := dict(report.user_properties).get("cell")):
            self.notebooks.add(report.nodeid.split("::")[0])
            self.cells[kind] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.config.option.nbval and session.testscollected and not self.notebooks \
                and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if terminalreporter.config.option.nbval:
            total = max(1, sum(self.cells.values()))
            terminalreporter.write_line(
                f"Notebooks: {len(self.notebooks)} run, {self.cells['compared']} cells compared, "
                f"{self.cells['ignored']} run without comparing ({self.cells['ignored'] / total:.0%})")


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):              # of several processes the first one counts
        session.config.pluginmanager.register(NotebookCount(), "notebook-count")
