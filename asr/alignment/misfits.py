"""Where a recording and its text do not fit together."""

from collections.abc import Sequence

from asr.alignment.text_path import TextPath
from asr.data.spoken_forms import TextWord
from asr.decoding.hypothesis import AlignedWord
from asr.transcription.transcript import NOT_IN_TEXT, NOT_SPOKEN, Misfit


def find_misfits(
    path: TextPath,
    words: Sequence[AlignedWord | None],
    text: Sequence[TextWord],
    *,
    seconds_per_frame: float,
    duration: float,
) -> tuple[Misfit, ...]:
    """Runs of words that are left out, and stretches of other speech, in order of time.

    Args:
        path: where the words are.
        words: each word of the text with its times, None where it is left out.
        text: the same words as they are written.
        seconds_per_frame: of the path's frames.
        duration: of the recording, in seconds.
    """
    said: list[AlignedWord] = []
    left_out: dict[int, list[str]] = {}  # by how many words are said before
    for word, written in zip(words, text, strict=True):
        if word is None:
            left_out.setdefault(len(said), []).append(written.text)
        else:
            said.append(word)
    misfits = []
    for before, these in left_out.items():
        start = said[before - 1].end if before else 0.0
        end = said[before].start if before < len(said) else round(duration, 3)
        misfits.append(Misfit(NOT_SPOKEN, start, max(start, end), " ".join(these)))
    for _, first, last in path.fillers.tolist():
        end = round(min(last * seconds_per_frame, duration), 3)
        misfits.append(Misfit(NOT_IN_TEXT, round(first * seconds_per_frame, 3), end, ""))
    return tuple(sorted(misfits, key=lambda one: (one.start, one.end)))
