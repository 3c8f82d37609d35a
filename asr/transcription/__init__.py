"""Files -> transcripts."""
