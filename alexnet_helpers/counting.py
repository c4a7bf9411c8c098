"""What a network holds and computes, layer by layer: output shapes, parameters, multiply-accumulates, connections.

A count is by formula for the layers that have one. What else multiplies matrices is marked as not counted, NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from .inspection import eval_mode, forward

if TYPE_CHECKING:
    import pandas as pd

CONVOLUTIONS = nn.Conv1d | nn.Conv2d | nn.Conv3d
TRANSPOSED = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
RECURRENT = nn.RNNBase | nn.RNNCellBase
# One layer to the reader, whatever they are made of; and layers whose matrices are not multiplied with.
WHOLE = CONVOLUTIONS | TRANSPOSED | RECURRENT | nn.Linear | nn.Bilinear | nn.MultiheadAttention | torch.jit.ScriptModule
NO_PRODUCTS = nn.Embedding | nn.EmbeddingBag | nn.LayerNorm | nn.RMSNorm

# torch's functions that multiply matrices, by name.
PRODUCTS = {"linear", "bilinear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "addmm", "addmv", "addbmm",
            "baddbmm", "dot", "vdot", "inner", "einsum", "tensordot", "chain_matmul", "multi_dot", "cdist",
            *(f"conv{transposed}{d}d" for transposed in ("", "_transpose") for d in (1, 2, 3)), "conv_tbc",
            "convolution", "scaled_dot_product_attention", "multi_head_attention_forward",
            *(f"{kind}{cell}" for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu") for cell in ("", "_cell"))}


class Row(NamedTuple):
    """What one call of a layer does for one image."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]               # of its output, without the batch
    parameters: int
    macs: int | float                    # NaN: not counted


class Products(TorchFunctionMode):
    """Within it, `under_way` says of each module under way, innermost last, whether it multiplied matrices itself."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = [False]

    def __torch_function__(self, function: object, types: object, args: tuple = (), kwargs: dict | None = None
                           ) -> object:
        if getattr(function, "__name__", "") in PRODUCTS:
            self.under_way[-1] = True
        return function(*args, **(kwargs or {}))


def first_tensor(things: object) -> torch.Tensor | None:
    """The first tensor in a nest of tuples, lists and dicts, as layers take and give them."""
    if isinstance(things, torch.Tensor):
        return things
    if isinstance(things, dict):
        things = list(things.values())
    if isinstance(things, tuple | list):                       # a PackedSequence is a tuple, its data first
        return next((tensor for thing in things if (tensor := first_tensor(thing)) is not None), None)
    return None


def macs(module: nn.Module, X: torch.Tensor | None, output: torch.Tensor | None, multiplied: bool) -> int | float:
    """Multiply-accumulates of `module` for the batch X, of one image; biases do not count. NaN if not counted.

    By formula: convolutions, also transposed, linear and bilinear layers, at every position; recurrent layers (each
    weight once a step; what the gates multiply elementwise is left out). A layer of our own may have a method
    `macs(output_shape)`. NaN: every other layer that `multiplied` matrices, or has a matrix of weights of its own. 0:
    the rest, as activations, pooling and normalisation.
    """
    if callable(getattr(module, "macs", None)):
        return module.macs(tuple(output.shape[1:]))
    if isinstance(module, CONVOLUTIONS | nn.Linear | nn.Bilinear):
        return output.numel() * module.weight[0].numel()       # each output value is a sum over its window
    if isinstance(module, TRANSPOSED):
        return X.numel() * module.weight[0].numel()            # each input value goes to a whole window
    if isinstance(module, RECURRENT):
        weights = sum(p.numel() for p in module.parameters() if p.ndim == 2)
        return weights * (X.numel() // module.input_size)
    matrices = [p for p in module.parameters(recurse=False) if sum(side > 1 for side in p.shape) > 1]
    if multiplied or isinstance(module, WHOLE) or (matrices and not isinstance(module, NO_PRODUCTS)):
        return math.nan
    return 0


def rows(net: nn.Module, input_shape: tuple[int, ...]) -> list[Row]:
    """The layers in the order in which one image leaves them: leaves, WHOLE ones, and ones with work of their own.

    Of a module that contains others, its own work is what it does between them, with its own parameters.
    """
    net = getattr(net, "_orig_mod", net)                       # of a compiled network the one that was compiled
    found, hooks, products, parts = [], [], Products(), set()

    def start(*_: object) -> None:
        products.under_way.append(False)

    for name, module in net.named_modules():
        if module in parts:
            continue
        whole = not any(module.children()) or isinstance(module, WHOLE) or callable(getattr(module, "macs", None))
        if whole:
            parts |= set(module.modules())

        def stop(module: nn.Module, args: tuple, kwargs: dict, output: object, name: str = name, whole: bool = whole
                 ) -> None:
            result = first_tensor(output)
            count = macs(module, first_tensor((args, kwargs)), result, products.under_way.pop())
            parameters = sum(p.numel() for p in module.parameters(recurse=whole))
            if whole or parameters or count:
                shape = () if result is None else tuple(result.shape[1:])
                found.append(Row(name or type(module).__name__, module, shape, parameters, count))
        hooks += [module.register_forward_pre_hook(start), module.register_forward_hook(stop, with_kwargs=True)]
    like = next(net.parameters(), torch.empty(0))
    try:
        with torch.no_grad(), eval_mode(net), products:
            forward(net, torch.zeros(1, *input_shape, device=like.device, dtype=like.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def layer_table(net: nn.Module, input_shape: tuple[int, ...]) -> pd.DataFrame:
    """One row a layer, in the order in which an image meets them, and a row "total".

    `input_shape` is one image's, without the batch: (1, 224, 224). Columns: output shape (without the batch; of
    several outputs, the first), parameters, MACs (multiply-accumulates of one image). MACs are NaN where they are not
    counted, as in attention, and then in the total: see `macs`. A module that contains others has a row only for what
    it does itself. Raises ValueError, naming the layer and the sizes, if the image does not fit.
    """
    import pandas as pd  # here, so that importing the helpers stays quick

    found = rows(net, input_shape)
    table = pd.DataFrame([(row.name, type(row.module).__name__, row.shape, row.parameters, row.macs) for row in found],
                         columns=["layer", "kind", "output shape", "parameters", "MACs"]).set_index("layer")
    counts = [row.macs for row in found]
    if any(map(math.isnan, counts)):
        table["MACs"] = pd.Series(counts, index=table.index, dtype=object)     # the others stay whole numbers
    # Parameters are counted on the whole network, so that a layer used twice is not counted twice.
    table.loc["total"] = ["", "", sum(p.numel() for p in net.parameters()), sum(counts)]
    return table


def connections(net: nn.Module, input_shape: tuple[int, ...]) -> int | float:
    """All connections as LeCun and others counted them in 1998: for each value a layer computes, its inputs and bias.

    Counts the layers that have weights: one connection a multiply-accumulate, one a bias; and in a layer with one
    weight a map, all that its window reads. Pooling without weights does not count. NaN if a layer's multiply-
    accumulates are not counted, or if it is recurrent: its values within a step are no outputs.
    """
    total = 0
    for row in rows(net, input_shape):
        outputs = math.prod(row.shape)
        total += math.nan if isinstance(row.module, RECURRENT) else (
            outputs * row.module.window if hasattr(row.module, "window") else row.macs)
        total += outputs if isinstance(getattr(row.module, "bias", None), torch.Tensor) else 0
    return total
