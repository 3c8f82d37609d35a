"""CTC prefix beam search (Graves 2006; Hannun et al. 2014, algorithm 1), without a language model.

A prefix keeps two log-probabilities: of all paths that spell it and end in a blank, and of those that
end in its last token. Summing over paths, it finds label sequences that no single best path shows. The
code is the plain specification: a dictionary of prefixes a frame.
"""

import math

import numpy as np

from asr.decoding.emission_check import check_log_probs

_NEVER = -math.inf


def beam_search(
    log_probs: np.ndarray, *, beam_width: int = 16, token_threshold: float = -12.0, blank: int = 0
) -> list[tuple[list[int], float]]:
    """The most probable label sequences, best first.

    Args:
        log_probs: `(T', V)` natural-log probabilities; T' may be 0.
        beam_width: prefixes kept after each frame, >= 1.
        token_threshold: tokens less probable than this (natural log) extend no prefix in that frame;
            `-inf` tries them all.
        blank: id of the CTC blank.

    Returns:
        At most `beam_width` pairs of token ids and the natural log of their probability, summed over all
        the paths that survived. With a beam wide enough and no threshold the sums are exact.

    Raises:
        ValueError: not two-dimensional, NaN, or a beam width below 1.
    """
    check_log_probs(log_probs)
    if beam_width < 1:
        raise ValueError(f"beam_width {beam_width}; expected >= 1")
    # prefix -> [log P(paths ending in blank), log P(paths ending in the prefix's last token)]
    beam: dict[tuple[int, ...], list[float]] = {(): [0.0, _NEVER]}
    for frame in log_probs.astype(np.float64):
        candidates = np.flatnonzero(frame >= max(token_threshold, -1e300))
        tokens = [(int(token), float(frame[token])) for token in candidates if token != blank]
        blank_score = float(frame[blank])
        grown: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_token) in beam.items():
            total = _log_add(in_blank, in_token)
            entry = grown.setdefault(prefix, [_NEVER, _NEVER])
            entry[0] = _log_add(entry[0], total + blank_score)
            if prefix:
                entry[1] = _log_add(entry[1], in_token + float(frame[prefix[-1]]))
            for token, score in tokens:
                # After itself a token needs a blank in between.
                source = in_blank if prefix and token == prefix[-1] else total
                if source == _NEVER:
                    continue
                extended = grown.setdefault((*prefix, token), [_NEVER, _NEVER])
                extended[1] = _log_add(extended[1], source + score)
        ranked = sorted(grown.items(), key=lambda item: (-_log_add(*item[1]), item[0]))
        beam = dict(ranked[:beam_width])
    return [(list(prefix), _log_add(*scores)) for prefix, scores in beam.items()]


def _log_add(left: float, right: float) -> float:
    """ln(e^left + e^right)."""
    if left < right:
        left, right = right, left
    return left if right == _NEVER else left + math.log1p(math.exp(right - left))
