"""What a network takes and what flows through it: seconds, memory, gradients, dead units.

Also: which layer a shape breaks. What a network holds and computes is counted in `counting`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from . import checks, speed

if TYPE_CHECKING:
    import pandas as pd


def leaf_modules(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name or type(net).__name__, module) for name, module in net.named_modules()
            if not any(module.children())]


@contextmanager
def eval_mode(net: nn.Module) -> Iterator[None]:
    """Within it `net` is in eval mode; after it every module is in the mode that it was in before."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def layer_seconds(net: nn.Module, X: torch.Tensor, repeats: int = 3) -> dict[str, float]:
    """Seconds that each layer takes on the batch X, forward, in eval mode: the best of `repeats` runs after a first."""
    best: dict[str, float] = {}
    started = 0.0

    def now() -> float:
        if X.is_cuda:                                          # a GPU works on while Python goes ahead
            torch.cuda.synchronize()
        return time.perf_counter()

    def start(*_: object) -> None:
        nonlocal started
        started = now()

    hooks = []
    for name, module in leaf_modules(net):
        def stop(*_: object, name: str = name) -> None:
            best[name] = min(best.get(name, math.inf), now() - started)
        hooks += [module.register_forward_pre_hook(start), module.register_forward_hook(stop)]
    try:
        with torch.no_grad(), eval_mode(net):
            net(X)
            best.clear()
            for _ in range(repeats):
                net(X)
    finally:
        for hook in hooks:
            hook.remove()
    return best


def with_commas(table: pd.DataFrame) -> pd.DataFrame:
    """The same table to read: 46,764,746 for 46764746, and 6400 or 96 × 54 × 54 for a shape."""
    def text(value: object) -> object:
        if isinstance(value, tuple):
            return " × ".join(str(side) for side in value)
        return f"{value:,}" if isinstance(value, Integral) else value
    return table.apply(lambda column: column.map(text)).astype(object)


REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, AttributeError)     # at an input that a layer cannot take


def forward(net: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """net(X); when a layer refuses its input, a ValueError that names the layer and the sizes instead."""
    try:
        return net(X)
    except REFUSALS as error:
        if not lacks_memory(error) and (refusal := find_refusal(net, X)):
            name, module, given = refusal
            raise ValueError(f"A batch of shape {tuple(X.shape)} does not pass through the network: layer {name}, "
                             f"{module}, cannot take its input"
                             + (f" of shape {tuple(given.shape)}. " if isinstance(given, torch.Tensor) else ". ")
                             + f"{expectation(module, given, str(error))}(torch says: {error})") from error
        raise


def logits_of(net: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """net(X) as it enters cross-entropy, (batch, classes). Raises ValueError, saying what came, for anything else."""
    return checks.outputs(forward(net, X), len(X))


def lacks_memory(error: Exception) -> bool:
    """Whether that is what it says: a torch.OutOfMemoryError on a GPU, a plain RuntimeError on a CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def find_refusal(net: nn.Module, X: torch.Tensor) -> tuple[str, nn.Module, object] | None:
    """Layer, module and input where net(X) fails; None if it fails between layers, or not again."""
    inside: list[tuple[str, nn.Module, object]] = []
    hooks = []
    for name, module in leaf_modules(net):
        hooks.append(module.register_forward_pre_hook(
            lambda module, inputs, name=name: inside.append((name, module, inputs[0] if inputs else None))))
        hooks.append(module.register_forward_hook(lambda *_: inside.clear()))
    try:
        net(X)
    except REFUSALS:
        return inside[-1] if inside else None
    finally:
        for hook in hooks:
            hook.remove()
    return None


def expectation(module: nn.Module, given: object, error: str) -> str:
    """What `module` wants instead of the input `given`, as a sentence; "" if shape and type are not to blame."""
    if not isinstance(given, torch.Tensor):
        return f"It wants a tensor, and the layer before it gives {checks.described(given)}. "
    weights, shape = next((p.dtype for p in module.parameters(recurse=False)), given.dtype), tuple(given.shape)
    if given.dtype != weights and "type" in error and not isinstance(module, nn.Embedding):
        return f"Its weights are {weights}, the input is {given.dtype}: give X.to({weights}), scaled as in training. "
    if "Expected more than 1 value per channel" in error:
        return ("In training, batch normalization takes two images or more: take a batch size that does not leave one "
                "for the last batch, or leave that batch out, as DataLoader(…, drop_last=True) does. ")
    if isinstance(module, nn.Linear) and shape[-1] != module.in_features:
        return f"It wants {module.in_features} features in the last dimension, not {shape[-1]}. "
    if isinstance(module, nn.Conv2d) and len(shape) == 4 and shape[1] != module.in_channels:
        return f"It wants {module.in_channels} channels, not {shape[1]}. "
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) and len(shape) == 4 and "size" in error:
        return "An image must be at least as high and wide as the window, padding included: begin with a larger one. "
    return ""


def saved_bytes(net: nn.Module, X: torch.Tensor) -> int:
    """Bytes that one training step on the batch X keeps for the backward pass, each once, parameters not counted."""
    parameters = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor     # holds it, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        F.cross_entropy(logits_of(net, X), torch.zeros(len(X), dtype=torch.long, device=X.device))
    return sum(tensor.untyped_storage().nbytes() for address, tensor in kept.items() if address not in parameters)


def memory_table(net: nn.Module, input_shape: tuple[int, ...], batch_size: int,
                 update: torch.optim.Optimizer | None = None) -> pd.DataFrame:
    """Bytes that training takes: weights, gradients, optimizer state, activations kept for backward, and their total.

    `input_shape` is one image's: (1, 224, 224). `update` is the optimizer, plain SGD if None. Columns: once, an
    image, and a batch of `batch_size`. Not counted: what CUDA takes for itself, the workspace of convolutions, and
    the gradients that pass between two layers. Lazy layers get their sizes, and weights, from `input_shape`.
    """
    import pandas as pd

    like = next(net.parameters(), torch.empty(0))
    images = torch.zeros(3, *input_shape, device=like.device, dtype=like.dtype)
    if any(map(nn.parameter.is_lazy, [*net.parameters(), *net.buffers()])):
        with torch.no_grad(), eval_mode(net):
            forward(net, images)
    weights = sum(p.numel() * p.element_size() for p in net.parameters())
    before = [buffer.clone() for buffer in net.buffers()]      # running averages, which training moves
    with eval_mode(net), torch.random.fork_rng([like.device] if like.is_cuda else []):
        net.train()
        three, two = (saved_bytes(net, images[:n].clone()) for n in (3, 2))
    for buffer, value in zip(net.buffers(), before, strict=True):
        buffer.copy_(value)
    once = [weights, weights, weights * (states_a_weight(update) if update else 0), 0]
    an_image = [0, 0, 0, three - two]
    table = pd.DataFrame({"once": once, "an image": an_image},
                         index=["weights", "gradients", "optimizer state", "activations"])
    table[f"batch of {batch_size}"] = table["once"] + batch_size * table["an image"]
    table.loc["total"] = table.sum()
    return table


def states_a_weight(update: torch.optim.Optimizer) -> int:
    """Numbers that the optimizer remembers of each weight: 0 for plain SGD, 1 with momentum, 2 for Adam."""
    weight = torch.zeros(2, requires_grad=True)
    weight.grad = torch.zeros(2)
    known = signature(type(update)).parameters
    options = {name: value for name, value in update.defaults.items()
               if name in known and name not in ("fused", "capturable")}
    like = type(update)([weight], **options)
    like.step()
    return sum(getattr(value, "shape", None) == weight.shape for value in like.state[weight].values())


def device_memory(device: torch.device) -> int:
    """Bytes of memory that this process could have on `device`, the GPU's or the machine's."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    import psutil  # comes with Jupyter's kernel; `os` knows the memory on some systems only

    return psutil.virtual_memory().total


def out_of_memory(net: nn.Module, update: torch.optim.Optimizer, batch_shape: tuple[int, ...] | None,
                  reason: str) -> torch.OutOfMemoryError:
    """The error for a training step that did not fit: what takes the memory, and which batch size would fit."""
    if not batch_shape:                                        # not even its images
        return torch.OutOfMemoryError(f"A batch of images does not fit into memory. Take a smaller batch. ({reason})")
    batch_size, *input_shape = batch_shape
    device = next(net.parameters()).device
    with speed.precision(net):
        table = memory_table(net, tuple(input_shape), batch_size, update)
    memory = device_memory(device)
    fits = int((0.9 * memory - table.loc["total", "once"]) // table.loc["total", "an image"])    # a tenth for the rest
    advice = (f"A batch of {min(fits, batch_size // 2)} would fit." if fits >= 1 and batch_size > 1 else
              "Not even one image would fit: take a smaller network, or another device.")
    return torch.OutOfMemoryError(
        f"A batch of {batch_size} does not fit into the {memory / 2**20:,.0f} MiB that {device} has for it. {advice} "
        f"What a training step keeps, in MiB:\n{(table / 2**20).round(1).to_string()}\n({reason})")


def layer_flow(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> pd.DataFrame:
    """What flows through each layer when `net` sees the batch X with labels y: one row a layer, in the image's order.

    Columns: kind; mean, sd and share of zeros of the layer's output; root-mean-square of the gradient of the mean
    cross-entropy with respect to that output, and with respect to the layer's weights (NaN if it has none). In eval
    mode, so dropout is off. Leaves weights, .grad and mode alone. A layer that gives anything but one tensor that a
    gradient passes (an LSTM: two) has NaN in its row. Raises ValueError when images, labels and network do not fit
    together.
    """
    import pandas as pd  # here, so that importing the helpers stays quick

    (X, y, span), = checks.batches([(X, y)])
    if not X.is_floating_point():
        raise ValueError(f"The images are {X.dtype}, and no gradient passes whole numbers: give X.float(), scaled "
                         "as in training.")
    rows, hooks = [], []
    for name, module in leaf_modules(net):
        def note(module: nn.Module, _: tuple, output: object, name: str = name) -> None:
            row = {"layer": name, "kind": type(module).__name__, "mean": math.nan, "sd": math.nan, "zeros": math.nan,
                   "gradient": math.nan, "weight gradient": math.nan}
            rows.append(row)
            if not (isinstance(output, torch.Tensor) and output.requires_grad):
                return
            row.update(mean=output.mean().item(), sd=output.std().item(), zeros=(output == 0).float().mean().item(),
                       gradient=0.0)
            output.register_hook(lambda gradient: row.update(gradient=root_mean_square(gradient)))
        hooks.append(module.register_forward_hook(note))
    weights = {name: module.weight for name, module in leaf_modules(net)
               if isinstance(getattr(module, "weight", None), nn.Parameter) and module.weight.requires_grad}
    try:
        with torch.enable_grad(), eval_mode(net):
            device = next(net.parameters(), X).device
            start = X.detach().to(device, copy=True).requires_grad_()      # gradients reach frozen layers too
            logits = logits_of(net, start)
            checks.labels(span, logits)
            loss = F.cross_entropy(logits, y.to(device))
            gradients = torch.autograd.grad(loss, [start, *weights.values()], allow_unused=True)[1:]
    finally:
        for hook in hooks:
            hook.remove()
    table = pd.DataFrame(rows).set_index("layer")
    for name, gradient in zip(weights, gradients, strict=True):
        if gradient is not None:
            table.loc[name, "weight gradient"] = root_mean_square(gradient)
    return table


def root_mean_square(values: torch.Tensor) -> float:
    # In double precision: the square of a gradient of 1e-25 is zero in single precision.
    return values.detach().double().square().mean().sqrt().item()


def dead_units(net: nn.Module, data: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> pd.DataFrame:
    """Units of each ReLU that answer 0 to every image of `data`, a row a ReLU: units, dead, and their share.

    A unit is a neuron, or a whole map of a convolution: it is dead if it is 0 for every image at every place, so that
    no image moves its weights. In eval mode. Raises ValueError if there are no images or no ReLUs.
    """
    import pandas as pd

    alive: dict[str, torch.Tensor] = {}
    hooks = []
    for name, module in leaf_modules(net):
        if isinstance(module, nn.ReLU):
            def note(module: nn.Module, _: tuple, output: torch.Tensor, name: str = name) -> None:
                fires = (output > 0).transpose(0, 1).flatten(start_dim=1).any(dim=1)       # one truth value a unit
                alive[name] = alive.get(name, torch.zeros_like(fires)) | fires
            hooks.append(module.register_forward_hook(note))
    like = next(net.parameters(), torch.empty(0))
    try:
        with torch.no_grad(), eval_mode(net):
            for X, _ in checks.pairs(data):
                forward(net, X.to(like.device))
    finally:
        for hook in hooks:
            hook.remove()
    if not alive:
        raise ValueError("No ReLU was seen: the network has none (as a module, nn.ReLU), or the data give no batch.")
    table = pd.DataFrame([(name, len(fires), int((~fires).sum())) for name, fires in alive.items()],
                         columns=["layer", "units", "dead"]).set_index("layer")
    table["share"] = table["dead"] / table["units"]
    return table
