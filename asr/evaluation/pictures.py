"""A picture of an utterance: spectrogram, what the network says frame by frame, and both alignments."""

import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

_ROWS = 24  # tokens shown of an emission
_MOST_LABELS = 140


class TimedLabel(NamedTuple):
    """A word or token and when it is; seconds."""

    text: str
    start: float
    end: float


class Seen(NamedTuple):
    """What a picture is drawn from.

    Attributes:
        waveform: `(N,)` floats in [-1, 1].
        sample_rate: in Hz.
        log_probs: `(T', V)` natural-log probabilities; None to draw the spectrogram alone.
        tokens: V spellings; the blank first.
        seconds_per_frame: of the log-probabilities.
        reference: where the reference's tokens lie on the best path that spells them; empty when unknown.
        hypothesis: the recognised words.
    """

    waveform: np.ndarray
    sample_rate: int
    log_probs: np.ndarray | None = None
    tokens: Sequence[str] = ()
    seconds_per_frame: float = 0.0
    reference: Sequence[TimedLabel] = ()
    hypothesis: Sequence[TimedLabel] = ()


def draw_utterance(seen: Seen) -> bytes:
    """A PNG: log-mel spectrogram; log-probabilities of the tokens that matter; reference and hypothesis in time."""
    import librosa.display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seconds = len(seen.waveform) / seen.sample_rate
    panels = [2.2] + ([2.6] if seen.log_probs is not None else [])
    panels += [0.8] if seen.reference or seen.hypothesis else []
    figure = Figure(figsize=(min(20.0, max(8.0, 2.0 * seconds)), 1.15 * sum(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = list(np.atleast_1d(figure.subplots(len(panels), 1, sharex=True, height_ratios=panels)))
    hop = max(1, seen.sample_rate // 100)
    mel = librosa.feature.melspectrogram(
        y=seen.waveform.astype(np.float32), sr=seen.sample_rate, n_fft=_window(seen.sample_rate),
        hop_length=hop, n_mels=64, center=False,
    )  # fmt: skip
    spectrogram = rows.pop(0)
    librosa.display.specshow(
        librosa.power_to_db(mel, ref=np.max, top_db=70),
        sr=seen.sample_rate, hop_length=hop, x_axis="time", y_axis="mel", ax=spectrogram, cmap="magma",
    )  # fmt: skip
    spectrogram.set(xlabel="", ylabel="Hz", xlim=(0, seconds))
    if seen.log_probs is not None:
        axes = rows.pop(0)
        draw_emission(axes, seen.log_probs, seen.tokens, seconds_per_frame=seen.seconds_per_frame)
        axes.set_ylabel("probability")
    if rows:
        _draw_alignment(rows.pop(0), seen)
    figure.axes[-1].set_xlabel("seconds")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def _window(sample_rate: int) -> int:
    return max(64, round(0.025 * sample_rate))


def draw_emission(
    axes: Any,
    log_probs: np.ndarray,
    tokens: Sequence[str],
    *,
    seconds_per_frame: float,
    also: Iterable[int] = (),
) -> list[int]:
    """Draw the probabilities of the tokens that matter over time; returns which, from top to bottom.

    Args:
        axes: of matplotlib.
        log_probs: `(T', V)` natural-log probabilities.
        tokens: V spellings; the blank first.
        seconds_per_frame: of the log-probabilities.
        also: tokens that are drawn however improbable.
    """
    probabilities = np.exp(log_probs)
    # The blank, and the tokens that are most probable somewhere, in the vocabulary's order.
    best = np.argsort(-probabilities.max(axis=0))[:_ROWS]
    kept = sorted({0, *also, *(int(token) for token in best if probabilities[:, token].max() > 0.05)})
    extent = (0, len(probabilities) * seconds_per_frame, len(kept) - 0.5, -0.5)
    axes.imshow(
        probabilities[:, kept].T,  # (T', kept) -> (kept, T'): time runs to the right
        aspect="auto", extent=extent, cmap="Blues", vmin=0, vmax=1, interpolation="nearest",
    )  # fmt: skip
    axes.set_yticks(range(len(kept)), [_spelling(tokens[token], token) for token in kept], fontsize=8)
    return kept


def _spelling(text: str, token: int) -> str:
    if token == 0:
        return "blank"
    return "space" if text == " " else text


def _draw_alignment(axes: Any, seen: Seen) -> None:
    for height, labels, colour in ((1, seen.reference, "#1a7f37"), (0, seen.hypothesis, "#0b57d0")):
        for label in labels[:_MOST_LABELS]:
            axes.plot([label.start, label.end], [height, height], color=colour, linewidth=5, alpha=0.35)
            axes.text(
                (label.start + label.end) / 2, height + 0.12, label.text, ha="center", va="bottom", fontsize=8,
                color=colour, clip_on=True, parse_math=False,
            )  # fmt: skip
    axes.set_yticks([0, 1], ["recognised", "reference"])
    axes.set_ylim(-0.4, 1.8)
    axes.spines[["top", "right"]].set_visible(False)
