"""Command: a click command whose help ends with examples, and whose options may take several values after one flag.

Every command of `stresslib` is one, those that stressbook registers as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import click


class SeveralValues(click.Option):
    """An option that takes one value or more after its flag, as a tuple.

    click itself gives an option a fixed number of values. ``--layer relu6 relu7``, ``--layer relu6 --layer relu7`` and
    ``--layer=relu6 --layer=relu7`` mean the same. The values end at the next option, or at ``--``. It works in a
    :class:`Command`.
    """

    def __init__(self, param_decls: Sequence[str] | None = None, **settings: Any) -> None:
        super().__init__(param_decls, multiple=True, **settings)


class Command(click.Command):
    """A click command with examples.

    Parameters
    ----------
    *arguments, **settings
        As :class:`click.Command` takes them.
    examples : str
        Lines of arguments, without the ``stresslib`` at their beginning.
    """

    def __init__(self, *arguments: Any, examples: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are: click would wrap them."""
        formatter.write_paragraph()
        formatter.write("examples:\n" + "".join(f"  stresslib {line}\n" for line in self.examples.splitlines()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments in which an option may have several values."""
        several = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, SeveralValues)]
        flags = {flag for option in several for flag in option.opts}
        repeated = list(repeat_flags(args, flags))
        for word, following in pairwise([*repeated, "--"]):
            if word in flags and _is_option(following) and not ctx.resilient_parsing:
                raise click.BadOptionUsage(word, f"Option {word!r} requires an argument.", ctx)
        return super().parse_args(ctx, repeated)


def repeat_flags(arguments: Sequence[str], flags: Collection[str]) -> Iterator[str]:
    """Yield arguments with a flag before each of its values; what follows ``--`` is positional, and stays as it is.

    Parameters
    ----------
    arguments : sequence of str
    flags : collection of str
        Those that may have several values.

    Yields
    ------
    str

    Examples
    --------
    >>> list(repeat_flags(["voc2007", "--layer", "relu6", "relu7", "--seed", "0"], ["--layer"]))
    ['voc2007', '--layer', 'relu6', '--layer', 'relu7', '--seed', '0']
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flag = None
    for before, argument in pairwise(["", *arguments[:end]]):
        if _is_option(argument):
            flag = argument if argument in flags else None
        elif flag is not None and before != flag:
            yield flag
        yield argument
    yield from arguments[end:]


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and argument != "-"
