"""Work on blocks by several threads, in order, a few blocks at a time: memory stays flat, however large a file is.

Used by `codec.codec` to encode and by `codec.reading` to decode.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def map_in_order(work: Callable[[Any], Any], items: Iterable[Any], threads: int) -> Iterator[Any]:
    """Yield what `work` makes of each item, in the order of the items; at most four a thread are under way.

    Parameters
    ----------
    work : callable
    items : iterable
    threads : int
        With 1, or only one item, the calling thread does the work.

    Yields
    ------
    object

    Examples
    --------
    >>> from stresslib.codec.parallel import map_in_order
    >>> list(map_in_order(abs, [-3, 2, -1], threads=2))
    [3, 2, 1]
    """
    source = iter(items)
    first = list(itertools.islice(source, 2))
    if threads == 1 or len(first) == 1:  # done before a thread has started
        yield from map(work, itertools.chain(first, source))
        return
    with ThreadPoolExecutor(threads) as pool:
        under_way: deque[Future[Any]] = deque()
        for item in itertools.chain(first, source):
            under_way.append(pool.submit(work, item))
            if len(under_way) == 4 * threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
