"""Transcript normalisers: what two spellings of the same words must have in common to count as equal."""

from asr.evaluation.normalisation.normalisers import NORMALISERS, find_normaliser
from asr.evaluation.normalisation.steps import Change, Normaliser, Step, explain

__all__ = ["NORMALISERS", "Change", "Normaliser", "Step", "explain", "find_normaliser"]
