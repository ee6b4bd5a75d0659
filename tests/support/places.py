"""The folders that tests read: the checkout, and the development data that may lie beside it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

SHARED = ROOT.parent / "shared"
"""Development data beside the checkout; not part of the project."""

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared with the development data is missing")
