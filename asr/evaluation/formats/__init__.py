"""Files of references and hypotheses: one reader a family of formats, and the choice between them."""

from asr.evaluation.formats.reading import FORMATS, read_segments, read_transcripts, read_transcripts_pair

__all__ = ["FORMATS", "read_segments", "read_transcripts", "read_transcripts_pair"]
