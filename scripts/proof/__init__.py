"""The sections of `scripts/prove_gpu.py`."""
