"""Progress of long work as one line: in a notebook a display of its own, elsewhere a bar of tqdm's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checkpoints import History


def notebook_shell() -> object | None:
    """IPython's shell if this runs in a notebook's kernel, else None."""
    try:
        from IPython import get_ipython
    except ImportError:                                        # a plain script on a machine without IPython
        return None
    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


class Progress:
    """A progress bar that is one line of output: in a notebook a display of its own, elsewhere tqdm's."""

    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit, self.started = total, unit, time.perf_counter()
        self.line = self.bar = None
        if notebook_shell():                                   # tqdm would write to stderr, which stays red there
            from IPython.display import display
            self.line = display({"text/plain": "…"}, raw=True, display_id=True)
        else:
            from tqdm import tqdm
            self.bar = tqdm(total=total, unit=unit)

    def show(self, done: int, state: str) -> None:
        if self.bar is not None:
            self.bar.n = done
            self.bar.set_postfix_str(state)
        else:
            from tqdm import tqdm
            meter = tqdm.format_meter(done, self.total, time.perf_counter() - self.started, ncols=90, unit=self.unit,
                                      postfix=state)
            self.line.update({"text/plain": meter}, raw=True)

    def close(self, result: str) -> None:
        if self.bar is not None:
            self.bar.close()
            print(result)
        else:
            self.line.update({"text/plain": result}, raw=True)


class TrainingProgress:
    """How far a `fit` is, with loss and accuracy, as one line; `fit` calls it. `total` is its number of steps."""

    def __init__(self, history: History, total: int) -> None:
        self.history, self.progress = history, Progress(total, unit="step")

    def steps_done(self, steps: int, loss: float, accuracy: float) -> None:
        self.progress.show(steps, f"loss {loss:.3f}, accuracy {accuracy:.3f}")

    def epoch_done(self) -> None:
        self.progress.show(len(self.history.step_loss), f"test accuracy {self.history.test_accuracy[-1]:.3f}")

    def close(self) -> None:
        self.progress.close(str(self.history))
