"""From the words that were recognised to text as people write it: marks, capitals."""
