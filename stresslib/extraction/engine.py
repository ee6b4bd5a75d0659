"""Engine: what computes the part of a network that was cut out, where that is not PyTorch itself.

Between the graph and the extractor. OpenVINO is an optional extra, and runs on a CPU alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import fx

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
    batch : torch.Tensor of shape (n, 3, size, size)
        Any images; of this shape all batches will be, since sizes that are known beforehand compile to faster code.
    precision : {"float32", "bfloat16"}
        Precision of the products of the whole part, from its first layer on.
    streams : int
        How many batches are computed at once, each by one thread.

    References
    ----------
    https://docs.openvino.ai/2026/openvino-workflow/running-inference/inference-devices-and-modes/cpu-device.html
    """

    def __init__(self, part: fx.GraphModule, batch: torch.Tensor, precision: str, streams: int) -> None:
        import torch
        from openvino import Core
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

        self.rows = len(batch)
        # openvino.convert_model does the same three steps, but also reports its use over the network unless told not to.
        decoder = TorchFXPythonDecoder.from_exported_program(torch.export.export(part, (batch,)), dynamic_shapes=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
        settings = {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            # Two processes would pin their threads to the same cores, and leave the others idle.
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = Core().compile_model(model, "CPU", settings)

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
        import torch

        missing = self.rows - len(batch)
        full = torch.nn.functional.pad(batch, (0, 0, 0, 0, 0, 0, 0, missing)) if missing else batch
        # A request of its own for each batch: threads must not share one, and it weighs nothing.
        made = self._compiled.create_infer_request().infer([full.numpy()], share_inputs=True)
        outputs = tuple(torch.from_numpy(made[place])[: len(batch)] for place in range(len(made)))
        return outputs if len(outputs) > 1 else outputs[0]
