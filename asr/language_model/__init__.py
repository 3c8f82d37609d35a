"""Language models, n-gram and recurrent: estimate, read, write, look up. Works on words or on characters."""
