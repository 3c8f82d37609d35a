"""What a network makes of one utterance, and which of its frames the result hangs on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from asr.data.padding import pad_waveforms
from asr.decoding.alignment import align
from asr.decoding.hypothesis import AlignedWord
from asr.model.acoustic import Emission
from asr.model.losses import ctc_loss
from asr.transcription.transcriber import Transcriber


class Inspected(NamedTuple):
    """An utterance, from sound to words.

    Attributes:
        waveform: `(N,)`.
        sample_rate: in Hz.
        features: `(T, F)` as the encoder sees them.
        log_probs: `(T', V)` natural log.
        symbols: V spellings.
        path: `(T',)` token of each frame on the most probable path of the text; 0 is the blank.
        words: with times and confidence, and their phones or characters.
        saliency: one row a recurrent layer, `(T_l,)`: norm of the gradient of ln P(text) with respect to
            the layer's output in each frame.
        seconds_per_frame: of the log-probabilities.
    """

    waveform: np.ndarray
    sample_rate: int
    features: np.ndarray
    log_probs: np.ndarray
    symbols: Sequence[str]
    path: np.ndarray
    words: Sequence[AlignedWord]
    saliency: Sequence[np.ndarray]
    seconds_per_frame: float


def inspect_utterance(
    transcriber: Transcriber, waveform: np.ndarray, *, text: str | None = None
) -> Inspected:
    """Run a model over one waveform and look at everything on the way.

    Args:
        transcriber: the model.
        waveform: `(N,)` at the model's rate.
        text: what is said; None takes what the model recognises.

    Raises:
        TranscriptError: a text that the model cannot spell.
        DecodingError: a text that is too long for the sound.
    """
    emitter, tokenizer = transcriber.torch_emitter, transcriber.tokenizer
    model = emitter.model
    hypothesis = transcriber.transcribe(waveform)
    tokens = list(hypothesis.tokens) if text is None else tokenizer.encode(text)
    padded, lengths = (torch.from_numpy(part).to(emitter.device) for part in pad_waveforms([waveform]))
    with torch.enable_grad():
        features, frames = model.features(padded, lengths)
        encoding = model.encoder(features.requires_grad_(), frames)
        emission = model.emission(encoding)
        log_probs = emission.log_probs[0].detach().cpu().numpy()
        path = align(log_probs, tokens)
        target = torch.tensor([tokens or [0]], device=padded.device)
        loss = ctc_loss(
            Emission(emission.log_probs, encoding.lengths),
            target,
            torch.tensor([len(tokens)], device=padded.device),
        )
        gradients = torch.autograd.grad(loss.sum(), encoding.layers)
    return Inspected(
        waveform,
        transcriber.sample_rate,
        features[0].detach().cpu().numpy(),
        log_probs,
        ["blank", *(tokenizer.decode([token]) for token in range(1, len(tokenizer)))],
        np.array([0 if position < 0 else tokens[position] for position in path]),
        transcriber.align(waveform, text or hypothesis.text, prices=None).words if tokens else (),
        [gradient[0].norm(dim=1).cpu().numpy() for gradient in gradients],
        model.seconds_per_frame,
    )
