"""Models in formats that other programs run, and running them."""
