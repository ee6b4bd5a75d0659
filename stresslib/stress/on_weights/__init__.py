"""Stress on weights: synapses drawn by their strength, in one step or while a network trains, and features that flow short.

Each takes a PyTorch module and needs PyTorch.
"""

from stresslib.stress.on_weights.feature_flow import FeatureFlow, measure_flow
from stresslib.stress.on_weights.synthesis import StressedTraining, count_synapses, synthesize

__all__ = ["FeatureFlow", "StressedTraining", "count_synapses", "measure_flow", "synthesize"]
