"""Pasted: cut-out objects on backgrounds at sizes, places and angles, and the classes that networks see there.

The part of `measure` that takes long: images are made in memory, shown to each network, and counted by object. PyTorch is
imported when a network is built; the page, which is drawn from the table, does not wait for it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stresslib.extraction.registry import find_network, imagenet_classes
from stresslib.files import cache_dir, file_sha256, text_sha256
from stresslib.images.preprocessing import Preprocessing
from stresslib.results import result_rows
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_images import paste
from stresslib.stress.on_images.pasted_sets import find_sources, open_object, open_scene

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]

SIDE = 512
"""Of the pasted images in pixels, as in the authors' sizes and rotations."""

AREA = 0.2
"""Of the objects that are moved or turned, as the authors have it: the whole object stays visible at most places."""

BATCH = 12


@dataclass(frozen=True)
class CutOuts:
    """Objects and backgrounds as files.

    Attributes
    ----------
    dataset : str
        What tables call them.
    objects : tuple of str
        Names: that of the class, or ``CLASS/FILE`` where it has several.
    classes : tuple of int
        Number of each object's class among ImageNet's.
    files, scenes : tuple of str
        Paths of objects and backgrounds.
    digest : str
        SHA-256 over all files.
    """

    dataset: str
    objects: tuple[str, ...]
    classes: tuple[int, ...]
    files: tuple[str, ...]
    scenes: tuple[str, ...]
    digest: str


def find_cut_outs(foregrounds: str = "", backgrounds: str = "") -> CutOuts:
    """Find objects and backgrounds, and the ImageNet class of each object by the name of its folder.

    Parameters
    ----------
    foregrounds, backgrounds : str, default=""
        Folders, as :func:`stresslib.stress.on_images.pasted_sets.find_sources` takes them. Empty: the samples of SI-Score,
        in the user's cache.

    Returns
    -------
    CutOuts

    Raises
    ------
    ValueError
        When there are no images, or a folder is named like no class; the message has the nearest.
    FileNotFoundError
        When the samples are not in the cache; the message says where they are from.
    """
    samples = cache_dir() / "siscore"
    places = [samples / "foreground_samples", samples / "background_samples"]
    for number, given in enumerate((foregrounds, backgrounds)):
        if given:
            places[number] = Path(given)
        elif not places[number].is_dir():
            raise FileNotFoundError(
                f"{places[number]} is not here; put the folder of that name of github.com/google-research/si-score there, "
                "or name folders of your own: foregrounds and backgrounds"
            )
    sources = find_sources(*places)
    several = {label for label, instance, _ in sources.objects if instance}
    names = [
        f"{sources.classes[label]}/{path.stem}" if label in several else sources.classes[label]
        for label, _, path in sources.objects
    ]
    files = [path for _, _, path in sources.objects]
    return CutOuts(
        dataset=Path(foregrounds).resolve().name if foregrounds else "siscore-samples",
        objects=tuple(names),
        classes=tuple(class_number(sources.classes[label]) for label, _, _ in sources.objects),
        files=tuple(str(path.resolve()) for path in files),
        scenes=tuple(str(path.resolve()) for path in sources.scenes),
        digest=text_sha256(*(file_sha256(path) for path in (*files, *sources.scenes))),
    )


def class_number(name: str) -> int:
    """Return the number of ImageNet's class of a name.

    Examples
    --------
    >>> from stressbook.chapters.images.objects.pasted import class_number
    >>> class_number("zebra"), class_number("Granny_Smith")
    (340, 948)
    """
    classes = [one.casefold() for one in imagenet_classes()]
    wanted = name.replace("_", " ").casefold()
    if wanted not in classes:
        near = difflib.get_close_matches(wanted, classes, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise ValueError(f"the folder {name!r} is named like none of ImageNet's classes{hint}")
    return classes.index(wanted)


@dataclass(frozen=True)
class Placement:
    """Where on the background an object is, how large, and turned by how many degrees; the factor that is varied."""

    factor: str
    area: float
    x: float = 0.5
    y: float = 0.5
    rotation: int = 0

    @property
    def upright(self) -> bool:
        """Whether it is in the centre and not turned."""
        return (self.x, self.y, self.rotation) == (0.5, 0.5, 0)

    @property
    def cells(self) -> dict[str, float]:
        """Those of a results table."""
        return {"area": self.area, "x": self.x, "y": self.y, "rotation": self.rotation}


def by_size(areas: Iterable[float]) -> list[Placement]:
    """Return the placements of the first experiment: in the centre, at each area."""
    return [Placement("size", area) for area in areas]


def by_place(places: Sequence[float]) -> list[Placement]:
    """Return the placements of the second experiment: a grid of centres, row by row."""
    return [Placement("place", AREA, x, y) for y in places for x in places]


def by_rotation(rotations: Iterable[int]) -> list[Placement]:
    """Return the placements of the third experiment: in the centre, turned by each angle."""
    return [Placement("rotation", AREA, rotation=rotation) for rotation in rotations]


@dataclass(frozen=True)
class View:
    """A network, and the side of its input in pixels; 0 is the network's own."""

    network: str
    side: int = 0

    @property
    def pixels(self) -> int:
        """Side of the input."""
        return self.side or find_network(self.network).preprocessing.size


def answers(
    cut_outs: CutOuts, wanted: Iterable[tuple[Placement, View]], *, vectors_of: Iterable[str] = (), **options: Any
) -> Iterator[tuple[Placement, View, dict[str, Any]]]:
    """Show networks all objects on all backgrounds.

    Parameters
    ----------
    cut_outs : CutOuts
    wanted : iterable of (Placement, View)
    vectors_of : iterable of str
        Networks of which the last vectors before the classifier are returned too, at their own side and of what is in the
        centre.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Yields
    ------
    placement : Placement
    view : View
    found : dict
        ``classes``, an array (objects, backgrounds) of the likeliest class; ``alpha_area``, ``box_inside`` and
        ``alpha_inside`` of each object; ``vectors``, (objects, backgrounds, d), where they are wanted.
    """
    wanted = list(wanted)
    kept = {(name, View(name).pixels) for name in vectors_of}
    settings = [
        {
            "network": view.network,
            "side": view.pixels,
            **placement.cells,
            "vectors": placement.upright and (view.network, view.pixels) in kept,
        }
        for placement, view in wanted
    ]
    # The same image of two experiments, in the centre and not turned, is shown once.
    distinct = list({tuple(setting.items()): setting for setting in settings}.values())
    shared = list(cut_outs.files), list(cut_outs.scenes), cut_outs.digest
    found = run_tasks(_shown, distinct, *shared, name="objects shown to networks", libraries=["pillow"], **options)
    by_setting = {tuple(setting.items()): one for setting, one in zip(distinct, found, strict=True)}
    for (placement, view), setting in zip(wanted, settings, strict=True):
        yield placement, view, by_setting[tuple(setting.items())]


def rows_of(cut_outs: CutOuts, placement: Placement, view: View, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one experiment for a results table, one for each object: percent of the backgrounds."""
    origin = {"dataset": cut_outs.dataset, "model": view.network, "layer": "logits", "n_features": 1000}
    shares = (found["classes"] == np.array(cut_outs.classes)[:, None]).mean(axis=1)
    rows = []
    for number, name in enumerate(cut_outs.objects):
        measured = {key: float(found[key][number]) for key in MEASURED}
        cells = {"stress": f"pasted-{placement.factor}", "variant": object_variant(name), **placement.cells}
        rows += result_rows(origin, None, {"accuracy": shares[number]}, **cells, side=view.pixels, **measured)
    return rows


MEASURED = ("alpha_area", "box_inside", "alpha_inside")
"""What :func:`stresslib.stress.on_images.paste` measures of each object, the same on every background."""


def object_variant(name: str) -> str:
    """Return how the column `variant` names an object."""
    return f"object={name}"


def _shown(
    files: list[str],
    scenes: list[str],
    digest: str,
    *,
    network: str,
    side: int,
    area: float,
    x: float,
    y: float,
    rotation: int,
    vectors: bool,
) -> dict[str, Any]:
    """Return what one network sees on all backgrounds; the digest is for the store, which knows files by it alone."""
    import torch

    images, measured = _images(tuple(files), tuple(scenes), digest, area, x, y, rotation)
    module, preprocessing = _module(network, side)
    seen, last = [], []
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            inputs = np.stack([preprocessing(image, "paper") for image in images[start : start + BATCH]])
            pooled, logits = module(torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last))
            seen.append(logits.argmax(dim=1).numpy())
            last.append(pooled.flatten(1).numpy())
    shape = (len(files), len(scenes))
    found: dict[str, Any] = {"classes": np.concatenate(seen).reshape(shape), **measured}
    return found | ({"vectors": np.concatenate(last).reshape(*shape, -1)} if vectors else {})


@lru_cache(maxsize=1)  # all networks are shown a placement before the next one is made
def _images(
    files: tuple[str, ...], scenes: tuple[str, ...], digest: str, area: float, x: float, y: float, rotation: int
) -> tuple[list[Any], dict[str, Array]]:
    """Return the images of a placement, object by object, and what is measured of the objects."""
    objects, squares = _sources(files, scenes, digest)
    pasted = [[paste(one, scene, area, (x, y), rotation) for scene in squares] for one in objects]
    measured = {name: np.array([getattr(row[0], name) for row in pasted]) for name in MEASURED}
    return [one.image for row in pasted for one in row], measured


@lru_cache(maxsize=1)
def _sources(files: tuple[str, ...], scenes: tuple[str, ...], digest: str) -> tuple[list[Any], list[Any]]:
    return [open_object(Path(path)) for path in files], [open_scene(Path(path), SIDE) for path in scenes]


@cache
def _module(network: str, side: int) -> tuple[nn.Module, Preprocessing]:
    """Return the part of a network that makes the last vector and the logits, and the way to its input."""
    import torch

    from stresslib.extraction.graph import cut

    found = find_network(network)
    module, _ = found.load()
    part = cut(module, found.layers["pooled"], found.layers["logits"])
    return part.to(memory_format=torch.channels_last), replace(found.preprocessing, size=side)
