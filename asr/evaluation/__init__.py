"""References + hypotheses -> numbers and reports. Knows nothing of models."""
