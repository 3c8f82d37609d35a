"""Training under Lightning: the only folder that imports it."""
