"""What a network is made of: output shapes, parameters, multiply-accumulates; and which layer a shape breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    import pandas as pd


def leaf_modules(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name or type(net).__name__, module) for name, module in net.named_modules()
            if not any(module.children())]


def macs(module: nn.Module, output_shape: tuple[int, ...]) -> int:
    """Multiply-accumulates of one image in a conv or linear layer; 0 for every other layer. Biases do not count."""
    if isinstance(module, nn.Conv2d):                          # each output value is a sum over its window
        _, height, width = output_shape
        return module.weight.numel() * height * width
    if isinstance(module, nn.Linear):
        return module.weight.numel()
    return 0


def layer_table(net: nn.Module, input_shape: tuple[int, ...]) -> pd.DataFrame:
    """One row a layer, in the order in which an image meets them, and a row "total".

    `input_shape` is one image's, without the batch: (1, 224, 224). Columns: output shape (without the batch),
    parameters, MACs (multiply-accumulates of one image). Raises ValueError, naming the layer and the sizes, if
    the image does not fit.
    """
    import pandas as pd  # here, so that importing the helpers stays quick

    rows, hooks = [], []
    for name, module in leaf_modules(net):
        def note(module: nn.Module, _: tuple, output: torch.Tensor, name: str = name) -> None:
            shape = tuple(output.shape[1:])
            rows.append((name, type(module).__name__, shape,
                         sum(p.numel() for p in module.parameters()), macs(module, shape)))
        hooks.append(module.register_forward_hook(note))
    parameter = next(net.parameters(), torch.empty(0))
    training = net.training
    try:
        with torch.no_grad():
            forward(net.eval(), torch.zeros(1, *input_shape, device=parameter.device))
    finally:
        net.train(training)
        for hook in hooks:
            hook.remove()
    table = pd.DataFrame(rows, columns=["layer", "kind", "output shape", "parameters", "MACs"]).set_index("layer")
    # Parameters are counted on the whole network, so that a layer used twice is not counted twice.
    table.loc["total"] = ["", "", sum(p.numel() for p in net.parameters()), table["MACs"].sum()]
    return table


def with_commas(table: pd.DataFrame) -> pd.DataFrame:
    """The same table to read: 46,764,746 for 46764746, and 6400 or 96 × 54 × 54 for a shape."""
    def text(value: object) -> object:
        if isinstance(value, tuple):
            return " × ".join(str(side) for side in value)
        return f"{value:,}" if isinstance(value, int) else value
    return table.apply(lambda column: column.map(text)).astype(object)


def forward(net: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """net(X); when a layer refuses its input, a ValueError that names the layer and the sizes instead."""
    try:
        return net(X)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        entered: list[tuple[str, nn.Module, tuple[int, ...]]] = []
        hooks = [module.register_forward_pre_hook(
                     lambda module, inputs, name=name: entered.append((name, module, tuple(inputs[0].shape))))
                 for name, module in leaf_modules(net)]
        try:
            net(X)
        except RuntimeError:
            name, module, shape = entered[-1]
        else:
            raise error                                        # it does not happen again: not a matter of shapes
        finally:
            for hook in hooks:
                hook.remove()
        raise ValueError(f"A batch of shape {tuple(X.shape)} does not pass through the network: layer {name}, "
                         f"{module}, cannot take its input of shape {shape}. {expectation(module)}"
                         f"(torch says: {error})") from error


def expectation(module: nn.Module) -> str:
    if isinstance(module, nn.Linear):
        return f"It wants {module.in_features} features in the last dimension. "
    if isinstance(module, nn.Conv2d):
        return f"It wants {module.in_channels} channels, and at least as many rows and columns as its kernel. "
    return ""
