"""Recognised words with their times -> words as people write them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from asr.decoding.hypothesis import Word
from asr.transcription.transcript import WrittenWord
from asr.writing.readable import Piece, write_readable
from asr.writing.tagger import Tagger


def write_words(words: Sequence[Word], tagger: Tagger, *, whole: bool = True) -> tuple[WrittenWord, ...]:
    """Recognised words, in order, with marks, capitals and figures; `whole` as of `Tagger.write`."""
    return place_pieces(write_pieces(words, tagger, whole=whole), words)


def write_pieces(words: Sequence[Word], tagger: Tagger, *, begin: int = 0, whole: bool = True) -> list[Piece]:
    """The pieces that stand for the words from `begin` on; the pauses between the words help to find them."""
    pauses = [after.start - before.end for before, after in pairwise(words)]
    return write_readable(
        [word.text for word in words],
        tagger,
        pauses=np.array([*pauses, np.nan][: len(words)]),
        begin=begin,
        whole=whole,
    )


def place_pieces(pieces: Iterable[Piece], words: Sequence[Word]) -> tuple[WrittenWord, ...]:
    """Pieces with the times and the confidence of the words that they stand for."""
    return tuple(
        WrittenWord(
            piece.text,
            words[piece.first].start,
            words[piece.last - 1].end,
            min(word.confidence for word in words[piece.first : piece.last]),
            tuple(words[piece.first : piece.last]),
            piece.ends,
            channel=words[piece.first].channel,
        )
        for piece in pieces
    )
