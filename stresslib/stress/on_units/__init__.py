"""Stress on units: what a unit of a network ignores, how it takes shifts, and what it sees; by its gradient, in torch."""

from stresslib.stress.on_units.diverse import DiverseInputs, diverse_inputs, precondition, search
from stresslib.stress.on_units.receptive_field import (
    EffectiveReceptiveField,
    ReceptiveField,
    effective_receptive_field,
    receptive_field,
)
from stresslib.stress.on_units.shift import ShiftTest, shift_mask, shift_test
from stresslib.stress.on_units.unit import Unit

__all__ = [
    "DiverseInputs",
    "EffectiveReceptiveField",
    "ReceptiveField",
    "ShiftTest",
    "Unit",
    "diverse_inputs",
    "effective_receptive_field",
    "precondition",
    "receptive_field",
    "search",
    "shift_mask",
    "shift_test",
]
