"""Registered commands: those that another package brings, as entry points in the group ``stresslib.commands``.

stressbook registers `reproduce` and `check`, which need a checkout of the project; stresslib itself never imports it.
"""

from __future__ import annotations

from importlib.metadata import entry_points

import click


def registered_command(name: str) -> click.Command:
    """Load a command that another package registered.

    Parameters
    ----------
    name : str

    Returns
    -------
    click.Command

    Raises
    ------
    ValueError
        When it is not registered, or cannot be loaded; the message says what to do.
    """
    found = list(entry_points(group="stresslib.commands", name=name))
    if not found:
        raise ValueError(
            f"{name!r} is not installed: run this in a checkout of the project, with stressbook installed "
            "(pip install -e book)"
        )
    try:
        command = found[0].load()
    except Exception as error:
        raise ValueError(f"{name!r} cannot be loaded from {found[0].value}: {type(error).__name__}: {error}") from error
    if not isinstance(command, click.Command):
        raise ValueError(f"{name!r} cannot be loaded from {found[0].value}: {command!r} is not a click command")
    return command
