"""Waveforms -> token sequences, by whatever decoder network a model has on top of its encoder."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from asr.model.acoustic import AcousticModel, Emission
from asr.model.losses import ctc_loss
from asr.model.objectives import Recognised


class Recognition(NamedTuple):
    """One utterance: `(T', V)` log-probabilities of its CTC head, and what the decoder network wrote."""

    log_probs: Tensor
    found: Recognised


def recognise(
    model: AcousticModel, waveforms: Tensor, waveform_lengths: Tensor, *, beam_width: int
) -> list[Recognition]:
    """Decode a batch with the model's transducer or attention decoder.

    Args:
        model: with an objective other than CTC.
        waveforms: `(B, N)`.
        waveform_lengths: `(B,)`.
        beam_width: 1 is greedy; more, and the sequences found are ranked by both heads together, each with
            its share of the training loss (Hori, Watanabe & Hershey 2017, rescoring).
    """
    encoding = model.encoder(*model.features(waveforms, waveform_lengths))
    emission = model.emission(encoding)
    return [
        Recognition(log_probs[:length], _search(model, hidden[:length], log_probs[:length], beam_width))
        for hidden, log_probs, length in zip(
            encoding.hidden, emission.log_probs, encoding.lengths.tolist(), strict=True
        )
    ]


def _search(model: AcousticModel, hidden: Tensor, log_probs: Tensor, beam_width: int) -> Recognised:
    assert model.objective is not None
    # The search is a chain of small decisions: float32 costs little there.
    with torch.autocast(hidden.device.type, enabled=False):
        candidates = model.objective.search(hidden.float(), beam_width=beam_width, n_best=beam_width)
        if len(candidates) == 1:
            return candidates[0]
        weight = model.config.objective.ctc_weight
        scores = _ctc_scores(log_probs, [found.tokens for found in candidates])
    ranked = [
        Recognised(found.tokens, (1 - weight) * found.score + weight * score)
        for found, score in zip(candidates, scores, strict=True)
    ]
    return max(ranked, key=lambda found: found.score)


def _ctc_scores(log_probs: Tensor, sequences: Sequence[Sequence[int]]) -> list[float]:
    """ln P of each sequence by the CTC head."""
    count = len(sequences)
    lengths = torch.tensor([len(tokens) for tokens in sequences])
    rows = [torch.tensor(tokens, dtype=torch.int64) for tokens in sequences]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    emission = Emission(log_probs.cpu().expand(count, -1, -1), torch.full((count,), len(log_probs)))
    return (-ctc_loss(emission, tokens, lengths)).tolist()
