"""The README's picture."""

from __future__ import annotations

from ..counting import layer_table
from ..data import PROJECT
from ..figures import use_course_style
from ..figures.ch02 import networks_to_scale
from ..models import alexnet, lenet


def draw() -> None:
    """Draw it again, into notebooks/."""
    use_course_style()
    figure = networks_to_scale({"LeNet": layer_table(lenet(), (1, 28, 28)),
                                "AlexNet": layer_table(alexnet(), (1, 224, 224))})
    path = PROJECT / "notebooks" / "networks_to_scale.png"
    figure.savefig(path)
    print(f"Drawn: {path}. {figure.alt}")
