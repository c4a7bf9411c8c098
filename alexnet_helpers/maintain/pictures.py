"""The README's pictures."""

from __future__ import annotations

from ..counting import layer_table
from ..data import PROJECT
from ..figures import use_course_style
from ..figures.ch02 import networks_to_scale
from ..figures.ch08 import filter_grid
from ..models import alexnet, lenet
from ..recorded import load_filters


def draw() -> None:
    """Draw them again, into notebooks/."""
    use_course_style()
    pictures = {"networks_to_scale": networks_to_scale({"LeNet": layer_table(lenet(), (1, 28, 28)),
                                                        "AlexNet": layer_table(alexnet(), (1, 224, 224))})}
    if (filters := load_filters()) is not None:
        pictures["filters_of_one_photograph"] = filter_grid(
            filters["one tower"], "96 filters of conv1's size, learned from one photograph by a small network")
    for name, figure in pictures.items():
        path = PROJECT / "notebooks" / f"{name}.png"
        figure.savefig(path)
        print(f"Drawn: {path}. {figure.alt}")
