"""``stresslib cache``: what the user's cache holds, and room in it.

Only finished settings are ever removed: they are made anew. Features, images and weights stay.
"""

from __future__ import annotations

from pathlib import Path

import click

from stresslib.cli.command import Command


@click.command("cache", cls=Command, examples="cache\ncache --stale\ncache --clear\ncache --shards")
@click.option("--clear", is_flag=True, help="remove all settings; features, images and weights stay")
@click.option("--stale", is_flag=True, help="remove the settings that were made by other code or libraries")
@click.option("--shards", is_flag=True, help="remove what extractions that did not end have left to go on from")
def command(clear: bool, stale: bool, shards: bool) -> None:
    from stresslib.files import cache_dir
    from stresslib.running import store

    if clear and stale:
        raise click.UsageError("--clear removes what --stale would remove, and more; give one of them")
    folder = cache_dir() / "sweeps"
    if shards:
        _clear_shards()
        return
    if clear or stale:
        print(f"{_counted(store.clear(folder, stale=stale))} removed from {folder}")
    else:
        _show_settings(folder)
        _show_the_rest(folder)


def _clear_shards() -> None:
    from stresslib.features.library import remove_shards, unfinished

    for path in unfinished():
        print(f"removed: {path}")
        remove_shards(path)


def _show_settings(folder: Path) -> None:
    from stresslib.running import store

    found = store.contents(folder)
    settings, size = (sum(getattr(one, name) for one in found.values()) for name in ("settings", "size"))
    print(f"{folder}: {_counted(settings)}, {_bytes(size)} of at most {_bytes(store.limit())} ({store.VARIABLE})")
    for name, one in found.items():
        stale = f", {one.stale} of other code or libraries" if one.stale else ""
        print(f"  {name}: {_counted(one.settings)}, {_bytes(one.size)}{stale}")


def _show_the_rest(sweeps: Path) -> None:
    from stresslib.features import reports

    for part in sorted(path for path in sweeps.parent.glob("*") if path.is_dir() and path != sweeps):
        size = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
        print(f"{part}: {_bytes(size)}, never removed")
    for line in reports():
        print(f"  {line}")


def _counted(settings: int) -> str:
    return f"{settings:,} setting{'' if settings == 1 else 's'}"


def _bytes(size: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
