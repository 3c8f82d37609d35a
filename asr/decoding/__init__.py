"""Log-probabilities -> hypotheses. Knows nothing of audio or models; NumPy in, text out."""
