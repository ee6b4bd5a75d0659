"""The feature set that the tests of the codec share."""

from __future__ import annotations

import pytest
from toy_features import make_features

import stresslib as sl


@pytest.fixture(scope="module")
def features() -> sl.FeatureSet:
    return make_features(120, 20, 3)
