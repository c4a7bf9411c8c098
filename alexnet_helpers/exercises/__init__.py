"""Self-checks of the exercises, a file a chapter: `check_exercise("2.1", answer)`.

A check gets the answer and returns None if it is right, else a hint that helps without giving it away.
"""

from __future__ import annotations

from collections.abc import Callable

from . import ch01, ch02, ch03, ch04, ch05, ch06, ch07, ch08

CHECKS: dict[str, Callable[[object], str | None]] = {
    number: check for chapter in (ch01, ch02, ch03, ch04, ch05, ch06, ch07, ch08)
    for number, check in chapter.CHECKS.items()}


def check_exercise(number: str, answer: object) -> None:
    """Print whether `answer` is right, with a hint if it is not; None, alone or in a list, is not answered yet.

    An answer of a form that the check cannot use, such as a word for a number, is a wrong answer. Raises KeyError if
    there is no such exercise.
    """
    if number not in CHECKS:
        raise KeyError(f"There is no exercise {number}; there are {', '.join(sorted(CHECKS))}.")
    if answer is None or (isinstance(answer, dict | list | tuple) and any(part is None for part in
                          (answer.values() if isinstance(answer, dict) else answer))):
        print(f"Exercise {number}: not answered yet.")
        return
    if getattr(answer, "ndim", None) == 0:                     # a tensor or numpy scalar: checks expect plain numbers
        answer = answer.item()
    try:
        hint = CHECKS[number](answer)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
        hint = (f"The answer, of type {type(answer).__name__}, does not have the form that the question asks for: see "
                f"the line that you filled in. ({error})")
    print(f"Exercise {number}: " + ("right." if hint is None else f"not yet. {hint}"))
