"""Fixtures of several test files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from alexnet_helpers import models, recorded, timing
from alexnet_helpers.commands import recipes

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A CPU, a small matrix, and records kept out of the project."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(timing, "matrix_rate", lambda *_: 1e9)
    monkeypatch.setattr(recorded, "FOLDER", tmp_path / "recorded")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The book's recipe for LeNet in batches of 10."""
    monkeypatch.setitem(recipes.RECIPES, "lenet", recipes.Recipe(models.lenet, batch_size=10, resize=None, lr=0.9))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests marked `browser`."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: `make browser` installs it")
    with api.sync_playwright() as playwright:
        installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if not installed and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium: install your system's package chromium, or run "
                        "`.venv/bin/playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=installed, args=[
            "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync",
            "--disable-component-update", "--no-first-run"])
        yield browser
        browser.close()
