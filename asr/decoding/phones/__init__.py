"""Words through their pronunciations: what a network heard as phones becomes text."""
