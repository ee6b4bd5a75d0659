"""Engine: what computes the part of a network that was cut out, where that is not PyTorch itself.

Between the graph and the extractor. OpenVINO is an optional extra, and runs on a CPU alone.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

import torch
from torch import fx, nn

from stresslib.extraction.graph import in_bfloat16

ENGINES = ("torch", "openvino")
"""PyTorch is the reference: all vectors of the book are its own."""


def check_engine(engine: str) -> None:
    """Raise a ValueError, which says what to do, unless an engine is known and installed.

    Parameters
    ----------
    engine : str

    Examples
    --------
    >>> check_engine("torch")
    >>> check_engine("onnx")
    Traceback (most recent call last):
        ...
    ValueError: engine='onnx' is unknown; allowed are torch, openvino
    """
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r} is unknown; allowed are {', '.join(ENGINES)}")
    if find_spec(engine) is None:
        extra = {"openvino": "fast"}.get(engine, engine)
        raise ValueError(f"engine {engine!r} is not installed: pip install stresslib[{extra}]")


class OpenVINO:
    """A part of a network, converted once and then computed by OpenVINO.

    Parameters
    ----------
    part : torch.fx.GraphModule
        It takes one batch of images and returns a tensor, or a tuple of these.
    first : str or None
        Prefix of the name of the first node in bfloat16, as for :func:`stresslib.extraction.graph.in_bfloat16`.
    batch : torch.Tensor of shape (n, 3, size, size)
        Any images; of this shape all batches will be, since sizes that are known beforehand compile to faster code.
    precision : {"float32", "bfloat16"}
        Precision of the products.
    streams : int
        How many batches are computed at once, each by one thread.
    """

    def __init__(self, part: fx.GraphModule, first: str | None, batch: torch.Tensor, precision: str, streams: int) -> None:
        self.rows = len(batch)
        self._part: nn.Module = part
        if precision == "float32" or first is None:
            self._part = _Compiled(part, (batch,), precision, streams)
            return
        # OpenVINO has one precision for all that it compiles at once.
        self._part = in_bfloat16(part, first, "cpu")
        halves = {"submod_0": "float32", "submod_1": "bfloat16"}
        seen: dict[str, tuple[Any, ...]] = {}
        for name, half in self._part.named_children():
            half.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs}))
        with torch.no_grad():
            self._part(batch)
        for name, inputs in seen.items():
            half = self._part.get_submodule(name if halves[name] == "float32" else f"{name}.module")
            setattr(self._part, name, _Compiled(half, inputs, halves[name], streams))

    def __call__(self, batch: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Compute a batch; several threads may call it at once.

        Parameters
        ----------
        batch : torch.Tensor of shape (m, 3, size, size)
            At most as many images as the batch that was compiled.

        Returns
        -------
        torch.Tensor or tuple of torch.Tensor
            As the part itself returns.
        """
        missing = self.rows - len(batch)
        outputs = self._part(nn.functional.pad(batch, (0, 0, 0, 0, 0, 0, 0, missing)) if missing else batch)
        if isinstance(outputs, torch.Tensor):
            return outputs[: len(batch)]
        return tuple(output[: len(batch)] for output in outputs)


class _Compiled(nn.Module):
    """A module for inputs of fixed shapes, of which OpenVINO computes the outputs that are tensors."""

    def __init__(self, module: nn.Module, inputs: tuple[Any, ...], precision: str, streams: int) -> None:
        from openvino import Core
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

        super().__init__()
        of_tensors = _OfTensors(module, inputs)
        exported = torch.export.export(of_tensors, tuple(filter(torch.is_tensor, inputs)))
        # What openvino.convert_model does, but this reports its use to Intel unless it is told not to.
        frontend = FrontEndManager().load_by_framework("pytorch")
        disabled = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it lists operations, none of them ours, that this PyTorch no longer has
        try:
            decoder = TorchFXPythonDecoder.from_exported_program(exported, dynamic_shapes=False)
        finally:
            logging.disable(disabled)
        model = frontend.convert(frontend.load(decoder))
        settings = {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            # Two processes would pin their threads to the same cores, and leave the others idle.
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = Core().compile_model(model, "CPU", settings)
        self._outputs = of_tensors.outputs

    def forward(self, *inputs: Any) -> Any:
        # A request of its own for each call: threads must not share one, and it weighs nothing.
        given = [value.numpy() for value in inputs if torch.is_tensor(value)]
        made = iter(self._compiled.create_infer_request().infer(given, share_inputs=True).values())
        outputs = [torch.from_numpy(next(made)) if torch.is_tensor(value) else value for value in self._outputs]
        return tuple(outputs) if len(outputs) > 1 else outputs[0]


class _OfTensors(nn.Module):
    """A module as a function of tensors to tensors: numbers, such as the size of a batch, stay what they are at first."""

    def __init__(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        super().__init__()
        self.module = module
        self.inputs = inputs
        with torch.no_grad():
            outputs = module(*inputs)
        self.outputs = outputs if isinstance(outputs, tuple) else (outputs,)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = iter(tensors)
        outputs = self.module(*(next(given) if torch.is_tensor(value) else value for value in self.inputs))
        return tuple(filter(torch.is_tensor, outputs if isinstance(outputs, tuple) else (outputs,)))
