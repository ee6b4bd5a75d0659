"""Artefacts: trained networks as files, found by data, architecture, recipe and seed: shipped, else in the user's cache.

`trained` makes and loads them. This module needs no PyTorch, so that they can be listed without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from stresslib.files import cache_dir

SHIPPED = Path(__file__).parents[1] / "embedded" / "networks"
"""Folder of the networks that are shipped with the package."""


@dataclass(frozen=True)
class Address:
    """What a trained network is of.

    Attributes
    ----------
    data : str
        As :func:`stresslib.training.data.load_arrays` takes it, such as ``cifar10:10000``.
    architecture : str
        Of :data:`stresslib.networks.ARCHITECTURES`, such as ``resnet8:16``.
    recipe : str
        Of :data:`stresslib.training.recipes.RECIPES`.
    seed : int
        Of the part of the data, the first weights and all draws of the training.

    Examples
    --------
    >>> from stresslib.training.artefacts import Address
    >>> str(Address.parse("digits/lenet5/plain/0"))
    'digits/lenet5/plain/0'
    """

    data: str
    architecture: str
    recipe: str
    seed: int

    @classmethod
    def parse(cls, name: str) -> Address:
        """Take a name apart.

        Raises
        ------
        ValueError
            When it is not ``DATA/ARCHITECTURE/RECIPE/SEED``.
        """
        parts = name.split("/")
        if len(parts) != 4 or not all(parts) or not parts[3].isdecimal() or parts[3] != str(int(parts[3])):
            raise ValueError(f"{name!r} is not DATA/ARCHITECTURE/RECIPE/SEED, such as digits/lenet5/plain/0")
        return cls(parts[0], parts[1], parts[2], int(parts[3]))

    def __str__(self) -> str:
        """Return the name."""
        return f"{self.data}/{self.architecture}/{self.recipe}/{self.seed}"

    @property
    def file_name(self) -> str:
        """Name of the file, shipped or kept."""
        parts = (self.data, self.architecture, self.recipe, str(self.seed))
        return "--".join(re.sub("[/:]", "-", part) for part in parts) + ".safetensors"

    @property
    def kept(self) -> Path:
        """Place in the user's cache, whether it is there or not."""
        return cache_dir() / "networks" / self.file_name

    def find(self) -> Path:
        """Return the file: the shipped one, else that in the user's cache.

        Raises
        ------
        FileNotFoundError
            When there is none; the message has the command that makes it.
        """
        for path in (SHIPPED / self.file_name, self.kept):
            if path.is_file():
                return path
        raise FileNotFoundError(f"there is no trained network {self}; make it with 'stresslib train {self}'")


def list_trained() -> list[tuple[str, Path]]:
    """Return name and file of every trained network at hand, in the order of the names."""
    found = {}
    for folder in (cache_dir() / "networks", SHIPPED):
        for path in folder.glob("*--*--*--*.safetensors"):
            data, architecture, recipe, seed = path.stem.split("--", 3)
            # A colon is written as a dash; behind it are digits alone, and no name ends in a dash and digits.
            data, architecture = (re.sub(r"-(\d+)$", r":\1", part) for part in (data, architecture))
            name = "/".join((data, architecture, recipe, seed))
            found[name] = path
    return sorted(found.items())
