"""What training minimises, in natural-log units (nats)."""

import torch
from torch import Tensor

from asr.data.tokenizer import BLANK
from asr.model.acoustic import AcousticModel, Emission
from asr.model.device import loss_device
from asr.model.encoder import Encoding
from asr.model.features import frame_mask


def ctc_loss(emission: Emission, tokens: Tensor, token_lengths: Tensor) -> Tensor:
    """-ln P(tokens | waveform), summed over all alignments (Graves et al. 2006, equation 8).

    Always in float32. An utterance with too few frames (T' < L + adjacent repeats) gives infinity: it
    is not hidden by `zero_infinity`; `asr validate` and training's own check name it beforehand. Tokens in int64
    on the device of the log-probabilities keep to PyTorch's own kernels, on a GPU as well: cuDNN's take texts of 256 tokens at most.

    Args:
        emission: log-probabilities `(B, T', V)`.
        tokens: `(B, L)` int64, padded with anything.
        token_lengths: `(B,)` int64.

    Returns:
        `(B,)` float32, one loss an utterance.
    """
    place = loss_device(emission.log_probs.device)
    losses = torch.nn.functional.ctc_loss(
        emission.log_probs.float().to(place).transpose(0, 1),  # (B, T', V) -> (T', B, V)
        tokens.to(place),
        emission.lengths.to(place),
        token_lengths.to(place),
        blank=BLANK,
        reduction="none",
    )
    return losses.to(emission.log_probs.device)


def objective_losses(
    model: AcousticModel, encoding: Encoding, tokens: Tensor, token_lengths: Tensor, *, letters: Tensor
) -> Tensor:
    """What a model is trained on: its letters' loss, or that and its objective's own with their shares (Kim, Hori & Watanabe
    2017).

    Args:
        model: whose encoder made the encoding.
        encoding: of a batch.
        tokens: `(B, L)` int64, padded with anything.
        token_lengths: `(B,)` int64.
        letters: `(B,)`, the loss of the letters' head.

    Returns:
        `(B,)` float32, one loss an utterance.
    """
    if model.objective is None:
        return letters
    weight = model.config.objective.ctc_weight
    own = model.objective.loss(encoding.hidden, encoding.lengths, tokens, token_lengths)
    return weight * letters + (1 - weight) * own


def consistency_loss(first: Emission, second: Emission) -> Tensor:
    """CR-CTC: how far two augmented views of the same utterances disagree (Yao et al. 2024, equation 5).

    Both Kullback-Leibler divergences, each towards the other view held constant, halved.

    Args:
        first, second: log-probabilities `(B, T', V)` of the same batch under two augmentations.

    Returns:
        `(B,)` float32, summed over the valid frames of each utterance.
    """
    mask = frame_mask(first.lengths, first.log_probs.shape[1])
    towards_first = _divergence(first.log_probs.detach(), second.log_probs)
    towards_second = _divergence(second.log_probs.detach(), first.log_probs)
    return 0.5 * ((towards_first + towards_second) * mask).sum(dim=1)


def _divergence(target: Tensor, log_probs: Tensor) -> Tensor:
    """KL(target || log_probs) of each frame, `(B, T', V)` log-probabilities -> `(B, T')`."""
    return (target.exp() * (target - log_probs)).sum(dim=2)
