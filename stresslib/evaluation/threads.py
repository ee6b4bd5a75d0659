"""Threads: a block of code computes on one, so that its last digits do not depend on how many cores a machine has.

Under the protocol, the codec and the chapters, which wrap their sums in it. Works without torch; the classifier, which
needs torch, imports it here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from sklearn import config_context
from threadpoolctl import threadpool_limits

_OUTERMOST: ContextVar[ExitStack | None] = ContextVar("_OUTERMOST", default=None)
"""What the outermost open block undoes when it ends; None outside of any block."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: the last digits depend on how many share a sum, and every process is to add up alike.

    Feature sets hold only finite numbers, so scikit-learn does not look for others inside the block; and its transformers
    give arrays there, whatever they are set to give elsewhere. Torch's threads are
    limited where torch is imported already, and by :func:`import_torch` where it is imported inside the block.

    Examples
    --------
    >>> import numpy as np
    >>> from threadpoolctl import threadpool_info
    >>> from stresslib.evaluation.threads import one_thread
    >>> with one_thread():
    ...     {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
    {1}
    """
    with ExitStack() as stack:
        torch = sys.modules.get("torch")
        if torch is not None:
            _limit_torch(torch, stack)
        stack.enter_context(threadpool_limits(1))
        stack.enter_context(config_context(assume_finite=True, transform_output="default"))
        if _OUTERMOST.get() is None:
            stack.callback(_OUTERMOST.reset, _OUTERMOST.set(stack))
        yield


def import_torch() -> Any:
    """Return torch; inside :func:`one_thread` it computes on one thread, even when it is imported only now.

    Raises
    ------
    ValueError
        When torch is not installed; the message says how to install it.
    """
    is_new = sys.modules.get("torch") is None
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ValueError("the solver needs PyTorch: pip install stresslib[torch]") from error
    outermost = _OUTERMOST.get()
    if is_new and outermost is not None:
        _limit_torch(torch, outermost)
    return torch


def _limit_torch(torch: Any, stack: ExitStack) -> None:
    """Give torch one thread, until the stack is closed."""
    stack.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(1)
