"""N-gram language models: estimate, read, write, look up. Works on words or on characters."""
