"""Transcript normalisers: what two spellings of the same words must have in common to count as equal."""

from asr.evaluation.normalisation.normalisers import NORMALISERS, Normaliser, find_normaliser

__all__ = ["NORMALISERS", "Normaliser", "find_normaliser"]
