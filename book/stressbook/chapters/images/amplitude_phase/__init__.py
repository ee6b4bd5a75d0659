"""Amplitude and phase: what becomes of a network that learnt to hold on to the phase of images."""
