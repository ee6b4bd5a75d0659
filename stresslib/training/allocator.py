"""Allocator: keeps the memory that a training frees for its next step, where the C library would give it back to the system.

Under the command that trains. It changes the whole process, which a program may do and a library may not: `fit` leaves it.
"""

from __future__ import annotations

import ctypes

# Of malloc.h: when the top of the heap is returned, and how many blocks may be mappings of their own.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_memory() -> bool:
    """Keep freed memory in this process, so that the next step of a training need not ask the system for it again.

    A step of a training allocates the same large blocks as the one before. By default, glibc makes a mapping of its own for
    each, gives it back when it is freed, and the system clears every page of the next one, in a fault each. The process then
    stays as large as it once was; what is computed does not change by a bit.

    Returns
    -------
    bool
        Whether it took effect: it does with glibc, so on most Linux systems, and nowhere else.

    Examples
    --------
    >>> from stresslib.training.allocator import keep_memory
    >>> keep_memory()  # doctest: +SKIP
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return False
    return bool(mallopt(_TRIM_THRESHOLD, -1)) and bool(mallopt(_MMAP_MAX, 0))
