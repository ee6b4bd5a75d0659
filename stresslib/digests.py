"""Sources: digests of the modules that a result depends on, so that nothing made by other code passes for its own.

Read by sweeps, extraction, the manifest of results/ and the check; depends on none of them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from stresslib.files import text_sha256

if TYPE_CHECKING:  # features have a digest of the code too, and lie below the stresses
    from stresslib.stress.spec import Spec

SCORE = (
    "stress/on_features/reduction.py",
    "stress/on_features/quantization.py",
    "stress/spec.py",
    "evaluation/squared_hinge.py",
    "evaluation/linear_svm.py",
    "evaluation/metrics.py",
    "evaluation/protocol.py",
    "evaluation/threads.py",
    "evaluation/bootstrap.py",
)
"""Modules that a committed table depends on."""

SETTING = (
    "running/grid.py",
    "stress/spec.py",
    "evaluation/squared_hinge.py",
    "evaluation/linear_svm.py",
    "evaluation/metrics.py",
    "evaluation/protocol.py",
    "evaluation/threads.py",
)
"""Modules that every setting of a sweep depends on; the sweep itself decides where the classifier starts."""

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


def _read() -> dict[str, str]:
    folder = Path(__file__).parent
    names = [*SCORE, *SETTING]
    names += [
        path.relative_to(folder).as_posix()
        for part in ("extraction", "classical", "images")
        for path in folder.glob(f"{part}/*.py")
    ]
    return {name: (folder / name).read_text(encoding="utf-8") for name in sorted(names)}


_TEXTS = _read()  # now, while the sources are those that are imported


@cache
def code_digest() -> str:
    """SHA-256 over the modules that a score depends on, so that no edit goes unnoticed."""
    return text_sha256(*(_TEXTS[name] for name in SCORE))


def digest(*names: str) -> str:
    """SHA-256 over some modules, by their paths from the package's folder."""
    return text_sha256(*(part for name in names for part in (name, _TEXTS[name])))


@cache
def setting_digest(spec: Spec) -> str:
    """SHA-256 over just those modules that one setting depends on.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    str
        An edit of a quantizer changes it for settings that quantise, and for no others.

    Examples
    --------
    >>> from stresslib.stress.spec import parse_spec
    >>> setting_digest(parse_spec("DR1:64")) == setting_digest(parse_spec("DR2:8"))
    True
    >>> setting_digest(parse_spec("DR1:64")) == setting_digest(parse_spec("DR1:64,Q1:4"))
    False
    """
    reduction = ["stress/on_features/reduction.py"] if spec.reduction is not None else []
    quantization = ["stress/on_features/quantization.py"] if spec.quantizer is not None else []
    return digest(*SETTING, *reduction, *quantization)


@cache
def extraction_digest(package: str = "extraction") -> str:
    """SHA-256 over the modules that extracted vectors depend on.

    Parameters
    ----------
    package : {"extraction", "classical"}, default="extraction"
        Networks, or methods without one; these read their images by the networks' preprocessing.

    Returns
    -------
    str
    """
    return digest(*(name for name in _TEXTS if name.startswith((f"{package}/", "images/"))))


def library_versions() -> list[str]:
    """Names and versions of the libraries that a score depends on."""
    return [f"{name} {version(name)}" for name in _LIBRARIES]
