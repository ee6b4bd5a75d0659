"""Commands: ``stresslib reproduce`` and ``stresslib check``, registered with stresslib as entry points.

Above everything else in stressbook. What runs a notebook is imported when a command runs, so that help and completion are
fast.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml
from click.shell_completion import CompletionItem

from stressbook.reproduce.catalogue import chosen_figures, figures, project_root
from stresslib.cli.command import Command
from stresslib.cli.errors import one_line
from stresslib.cli.options import backend_options, completions
from stresslib.files import check_output


def _figure_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    try:
        return completions(figures(project_root()), incomplete)
    except FileNotFoundError:  # not in a checkout
        return []


@click.command(
    "reproduce",
    cls=Command,
    examples="reproduce figure-2\nreproduce figure-4 -p dataset=scenes15 -p 'values=[2,4,8]' -o build/mine\n"
    "reproduce figure-4 -p dataset=digits --key digits -o book/generated\n"
    "reproduce all --profile full\nreproduce all --profile paper",
)
@click.argument(
    "figure",
    nargs=-1,
    required=True,
    metavar="FIGURE...",
    help="name in notebooks/figures.yml, or all",
    shell_complete=_figure_names,
)
@click.option(
    "--profile",
    default="quick",
    show_default=True,
    help="quick; full: the committed results; or paper: the paper's own data",
)
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="a parameter of the template; lists as [a,b]")
@click.option("--key", help="put behind the names of all files and labels, so that a second run can stand beside the first")
@click.option("--redraw", is_flag=True, help="draw the committed results, compute nothing")
@click.option("-o", "--output", metavar="DIR", help="default: build/PROFILE")
@backend_options
def reproduce(
    figure: tuple[str, ...], profile: str, parameters: tuple[str, ...], key: str | None, redraw: bool, output: str | None
) -> int:
    given = parse_parameters(parameters)
    names = _figures_of_profile(figure, profile)
    _check_folder(output)
    from stressbook.reproduce.run import plan, reproduce_each  # once the names are right: it takes a while

    for name in names:  # validate every figure before running any
        plan(name, profile=profile, parameters=given, redraw=redraw)
    failed = False
    for _, made in reproduce_each(names, profile=profile, redraw=redraw, parameters=given, output=output, key=key):
        if isinstance(made, Exception):  # the other figures are made all the same
            failed = True
            print(f"stresslib: {one_line('reproduce', made)}", file=sys.stderr)
        else:
            print(made)
    return int(failed)


def _check_folder(output: str | None) -> None:
    if output is not None:
        check_output(Path(output) / "report.html")


def _figures_of_profile(names: tuple[str, ...], profile: str) -> list[str]:
    """Return the figures to run; ``all`` leaves out those that do not have the profile."""
    root = project_root()
    chosen = chosen_figures(root, names)
    if "all" not in names:
        return chosen
    entries = figures(root)
    return [name for name in chosen if profile in entries[name]["profiles"]]


def parse_parameters(texts: Iterable[str]) -> dict[str, Any]:
    """Read the values of ``-p NAME=VALUE``, as YAML reads them.

    Parameters
    ----------
    texts : iterable of str

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        When a text is not of that form, or its value is not YAML.

    Examples
    --------
    >>> parse_parameters(["dataset=scenes15", "values=[2,4]"])
    {'dataset': 'scenes15', 'values': [2, 4]}
    """
    parameters = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"-p {text}: give a parameter as NAME=VALUE")
        try:
            parameters[name] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ValueError(f"-p {text}: {value!r} is not a value, such as 4, scenes15 or [2,4]") from error
    return parameters


@click.command("check", cls=Command, examples="check\ncheck figure-4\ncheck --full figure-4 bias")
@click.option("--full", is_flag=True, help="run the full profile, for hours; the same command goes on after a stop")
@click.option("-o", "--output", metavar="DIR", help="for the runs and report.html (default: build/check, build/again)")
@click.argument("figure", nargs=-1, metavar="[FIGURE]...", help="default: all", shell_complete=_figure_names)
def check(figure: tuple[str, ...], full: bool, output: str | None) -> int:
    chosen_figures(project_root(), figure)
    _check_folder(output)
    if full:
        from stressbook.reproduce.again import run_again

        held = True
        for name, found in run_again(figure or ("all",), output=output):
            print(f"{name}: {found}", flush=True)
            held &= found.holds
        return 0 if held else 1
    from stressbook.reproduce.check import check as compare  # once the names are right: it takes a while

    problems = compare(figure or ("all",), output=output)
    print("\n".join(problems) or "the committed results hold: every number of the quick profile is within its tolerance")
    return 1 if problems else 0
