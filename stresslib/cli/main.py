"""The command line, ``stresslib COMMAND``: finds the command, runs it, and turns its errors into one line.

The top of the chain. A command's module is imported when the command runs or its help is asked for, so that ``stresslib
--help`` waits for nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem, shell_complete

import stresslib as sl
from stresslib.cli.errors import DEBUG, one_line
from stresslib.cli.registered import registered_command


class Entry(NamedTuple):
    """Where a command is, None for one that another package registers; and what it does."""

    module: str | None
    about: str


COMMANDS = {
    "list": Entry(
        "listing", "list the features at hand, the data sets, the networks, the classical features and the figures"
    ),
    "import": Entry("importing", "make a feature set of your own vectors"),
    "extract": Entry("extract", "turn images into features; the same command goes on after a stop"),
    "evaluate": Entry("evaluate", "measure what one stress leaves of the score"),
    "sweep": Entry("sweep", "measure a grid of stresses; the same command goes on after a stop"),
    "recommend": Entry("recommend", "find how to keep your vectors in some bytes each, by trying it on them"),
    "compress": Entry("compress", "put vectors under stress and keep them as small as that makes them"),
    "decompress": Entry("decompress", "turn a compressed file into a feature file of the stressed vectors"),
    "paste": Entry("paste", "paste objects on backgrounds at other sizes, places or angles"),
    "train": Entry("train", "train a network and keep it; the same command goes on after a stop"),
    "fingerprint": Entry("fingerprint", "make images by which a copy of a network is told from others"),
    "verify": Entry("verify", "say whether a network is a copy of the one that such images are of"),
    "reproduce": Entry(None, "run the notebook of a figure, or of all"),
    "check": Entry(None, "run the quick profile and compare it with the committed results"),
    "cache": Entry("cache", "show what the user's cache holds; clear the settings that sweeps keep there"),
}
"""Every command, in the order of the help."""

COMPLETION = "_STRESSLIB_COMPLETE"
"""Environment variable by which a shell asks what may follow; click names it so."""


class LazyGroup(click.Group):
    """A group that imports a command when it is needed, and lists all of them without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; its help begins with what the table says of it."""
        if cmd_name not in COMMANDS:
            return None
        module, about = COMMANDS[cmd_name]
        command = registered_command(cmd_name) if module is None else import_module(f"stresslib.cli.{module}").command
        command.help = f"{about[0].upper()}{about[1:]}."
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; refuse any other word, and say which there are."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}; there are {', '.join(COMMANDS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.about) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, or options, that an incomplete word may become."""
        names = [CompletionItem(name, help=entry.about) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    "stresslib",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    epilog=f'In bash, eval "$({COMPLETION}=bash_source stresslib)" completes commands, options, features and figures; '
    "there are zsh_source and fish_source, too. An error is one line; "
    f"{DEBUG}=1 before the command puts its traceback before it.",
)
@click.version_option(sl.__version__, message="stresslib %(version)s")
def commands() -> None:
    """Put feature vectors under stress, and measure what is left."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit code: 0 well, 1 an error, which is one line on standard error, 130 stopped by the user. Where nobody reads
        what is printed any more, as behind ``| head -1``, it is 1 without a line.

    Raises
    ------
    SystemExit
        With 2 on arguments that no command takes, with 0 after ``--help`` and ``--version``.
    """
    if instruction := os.environ.get(COMPLETION):
        sys.exit(shell_complete(commands, {}, "stresslib", COMPLETION, instruction))
    words = list(sys.argv[1:] if arguments is None else arguments)
    if hasattr(sys.stdout, "reconfigure"):  # a name of a file may hold what the terminal's alphabet lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with commands.make_context("stresslib", words) as context:
            code = commands.invoke(context) or 0
        if sys.stdout is not None:
            sys.stdout.flush()  # now: what cannot be printed is an error, too
        return code
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stresslib: stopped; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except Exception as error:
        _drop_output()
        if not isinstance(error, BrokenPipeError):  # as in `stresslib list | head -1`
            print(f"stresslib: {one_line(next(iter(words), 'stresslib'), error)}", file=sys.stderr)
        return 1


def _drop_output() -> None:
    """Print what is left to print; where that cannot be done, drop it, lest Python try again at its end."""
    with suppress(AttributeError):  # there is no output
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """Return what the parameters of a command become, and run nothing.

    Parameters
    ----------
    arguments : sequence of str
        As :func:`main` takes them: the command, then what it is given.

    Returns
    -------
    dict
        By the names of the parameters.

    Raises
    ------
    click.UsageError
        On arguments that no command takes.

    Examples
    --------
    >>> parse(["evaluate", "mine.safetensors", "Q1:4", "--C", "10"])["C"]
    10.0
    """
    with commands.make_context("stresslib", []) as context:
        name, command, rest = commands.resolve_command(context, list(arguments))
        assert command is not None
        return command.make_context(name, rest, parent=context).params


if __name__ == "__main__":
    sys.exit(main())
