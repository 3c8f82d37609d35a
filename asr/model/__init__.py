"""Waveforms -> log-probabilities: features, encoder, CTC head, losses, checkpoints."""
