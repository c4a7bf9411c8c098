"""Sliders and menus that draw a figure or a table anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML



def explorer(draw: Callable[..., Figure | pd.DataFrame | HTML],
             **controls: tuple[int, int, int] | bool | list[str]) -> None:
    """Sliders, and below them what `draw` returns for their values; moving one draws it anew.

    A control is (value at the start, lowest, highest), a truth value for a box to tick, or words to choose from, the
    first at the start. The picture at the start is stored with the notebook, so that there is something to see without
    a kernel.
    """
    import ipywidgets as widgets
    from IPython.display import display

    def control(name: str, setting: tuple[int, int, int] | bool | list[str]) -> widgets.Widget:
        if isinstance(setting, bool):
            return widgets.Checkbox(value=setting, description=name.replace("_", " "))
        if isinstance(setting, list):
            return widgets.Dropdown(options=setting, description=name.replace("_", " "))
        value, low, high = setting
        style = {"description_width": "initial"} if len(name) > 12 else {}         # else a long name is cut
        return widgets.IntSlider(value=value, min=low, max=high, description=name.replace("_", " "), style=style)

    shown = {name: control(name, setting) for name, setting in controls.items()}

    def picture() -> Figure | pd.DataFrame | HTML:
        result = draw(**{name: widget.value for name, widget in shown.items()})
        if isinstance(result, Figure):
            plt.close(result)                                  # shown here, so the cell must not show it again
        return result

    display(widgets.VBox(list(shown.values())))
    output = display(picture(), display_id=True)
    for widget in shown.values():
        widget.observe(lambda _: output.update(picture()), names="value")
