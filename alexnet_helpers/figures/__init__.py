"""What the notebooks draw: one function a figure, a file a chapter; `common` holds what several chapters draw, `style`
the look and the text alternatives, `explorers` what moves.
"""

from .. import training
from . import style
from .common import TrainingDisplay


def use_course_style() -> None:
    """The course's look for every figure, and curves while a network trains.

    In a notebook figures are PNG pictures that carry a text alternative: the figure's attribute `alt` where a function
    has set it, else `style.describe(figure)`. It stands in the output's metadata, where exports to HTML find it.
    """
    style.apply()
    training.Display = TrainingDisplay
