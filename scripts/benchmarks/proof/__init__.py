"""The sections of `scripts/benchmarks/prove_gpu.py`."""
