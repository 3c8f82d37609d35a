"""The LightningModule: one step, one validation, the optimiser. The model itself knows none of this."""

import logging
import math
import time
from typing import Any

import lightning
import numpy as np
import torch
import torch.distributed
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from asr.config import ExperimentConfig
from asr.data.batching import Batch
from asr.data.tokenizer import BLANK, Tokenizer
from asr.decoding.greedy import greedy_path
from asr.errors import ConfigError, TrainingError
from asr.evaluation.normalisation import find_normaliser
from asr.evaluation.scoring import score_utterance
from asr.model.acoustic import AcousticModel, Emission
from asr.model.features import frame_mask
from asr.model.losses import consistency_loss, ctc_loss, objective_losses
from asr.training.dev_decoding import DevDecoder
from asr.training.heads import NO_HEAD_DATA, HeadData, Heads, model_shape
from asr.training.muon import stacked_matrices
from asr.training.optimizers import build_optimizer, build_schedule
from asr.training.totals import Agreement, DevTotals, TrainTotals
from asr.training.transfer import Transfer, weights_of_parts
from asr.training.weight_noise import WeightNoise

log = logging.getLogger(__name__)


class SpeechModule(lightning.LightningModule):
    """Trains an acoustic model with CTC or CTC-CRF, and with CR-CTC, a transducer or attention when the config asks for it.

    Args:
        config: the experiment.
        tokenizer: for the transcripts of validation.
        head_data: what the heads of the configuration need.
    """

    def __init__(
        self, config: ExperimentConfig, tokenizer: Tokenizer, *, head_data: HeadData = NO_HEAD_DATA
    ) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.model = AcousticModel(model_shape(config, head_data), vocabulary_size=len(tokenizer))
        self.heads = Heads(config, head_data, tokenizer, encoding_size=self.model.encoder.size)
        self.model.head.requires_grad_(config.heads.letters.weight > 0)
        if not 0 <= config.training.consistency_from <= 1:
            raise ConfigError(
                f"training.consistency_from {config.training.consistency_from}; expected a share of the epochs, "
                "0 to 1"
            )
        if config.training.accumulate < 1:
            raise ConfigError(
                f"training.accumulate {config.training.accumulate}; expected batches, at least 1"
            )
        self.weight_noise = WeightNoise(self.model, config.training.weight_noise)
        self.new: list[torch.nn.Parameter] = []
        self.frozen: list[torch.nn.Parameter] = []
        # What the gradients of the batches since the last step are to be divided by, and whether there are none.
        self.pending_weight = 0.0
        self.between_steps = True
        self.normaliser = find_normaliser(config.training.dev_normaliser)
        self.normalise = self.normaliser.apply
        self.averaged: AveragedModel | None = None
        if config.training.ema_decay > 0:
            self.averaged = AveragedModel(
                self.model, multi_avg_fn=get_ema_multi_avg_fn(config.training.ema_decay)
            ).requires_grad_(False)
        self.dev_decoder: DevDecoder | None = None
        self.train_totals = TrainTotals()
        self.dev_totals = DevTotals()
        self.nonfinite_steps = 0
        # The sums of an epoch that a resumed run begins in the middle of.
        self.carried: TrainTotals | None = None
        # Set before each step by whoever knows: steps of this epoch behind this process, the share of the
        # epoch that is behind after the step, and what this process wants all of them to do then.
        self.steps_behind = 0
        self.epoch_share = 0.0
        self.wishes = Agreement()
        self.agreed = Agreement()

    @property
    def best_weights(self) -> AcousticModel:
        """The model that is validated and saved: the moving average, where there is one."""
        if self.averaged is None:
            return self.model
        model = self.averaged.module
        assert isinstance(model, AcousticModel)
        return model

    @property
    def trained(self) -> list[torch.nn.Parameter]:
        """The parameters that the optimiser moves: the model's, and those of heads that only train it."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def start_with(self, transfer: Transfer) -> None:
        """Know which weights were taken from an earlier model, and which parts keep theirs for now.

        Raises:
            ConfigError: `training.freeze` names no part of the model, or leaves nothing to train.
        """
        settings = self.config.training
        named = dict(self.model.named_parameters())
        taken = {name for name in named if name in transfer.taken}
        if settings.start_from is not None:
            self.new = [
                parameter
                for name, parameter in self.named_parameters()
                if name.removeprefix("model.") not in taken
            ]
        frozen = weights_of_parts(settings.freeze, list(named), taken=taken)
        if settings.freeze_epochs is None and frozen >= {
            name for name, p in named.items() if p.requires_grad
        }:
            raise ConfigError(
                "training.freeze: nothing is left to train; set training.freeze_epochs, or freeze less"
            )
        self.frozen = [named[name] for name in sorted(frozen)]

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Summed loss in nats; its gradient is divided by what it is counted by when the step is made.

        A loss that is not finite becomes a gradient of NaN, in every process that shares the step; the
        clipping below then skips the step in all of them.
        """
        self._seed_step()
        self.between_steps = False
        self.weight_noise.add()
        loss = self._loss(batch) if batch.ids else self._no_loss()
        value = float(loss.detach())
        self._suspect = (batch.ids, value)
        self.train_totals.audio_seconds += float(batch.waveform_lengths.sum()) / self.model.sample_rate
        self._unreadable = batch.unreadable
        self.train_totals.unreadable_named += batch.unreadable
        weights = 1.0 if batch.weights is None else batch.weights.cpu().double()
        tokens = float((batch.token_lengths.cpu() * weights).sum())
        per_utterance = self.config.optimizer.loss_per == "utterance"
        utterances = len(batch.ids) if batch.weights is None else float(batch.weights.cpu().double().sum())
        self.agreed = self._agree(utterances if per_utterance else tokens, len(batch.unreadable))
        self.train_totals.unreadable += self.agreed.unreadable
        self.pending_weight += self.agreed.weight
        if not math.isfinite(value):
            return loss * math.nan
        self.train_totals.loss += value
        self.train_totals.tokens += tokens
        # Lightning averages gradients over processes, and over the batches of a step.
        return loss * (self.trainer.world_size * self.config.training.accumulate)

    def on_after_backward(self) -> None:
        """The gradient is known: the weights are themselves again."""
        self.weight_noise.remove()

    def _seed_step(self) -> None:
        """Dropout and masks follow from seed, epoch, step and rank alone: a resumed run draws what an
        uninterrupted one would have drawn."""
        words = (self.config.training.seed, self.current_epoch, self.steps_behind, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1)

    def _agree(self, weight: float, unreadable: int) -> Agreement:
        """Add up over the processes what they have to do alike."""
        ours = self.wishes._replace(weight=weight, unreadable=unreadable)
        if self.trainer.world_size == 1:
            return ours
        counts = torch.tensor(ours, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(counts)
        weight, *others = counts.tolist()
        return Agreement(weight, *map(int, others))

    def _no_loss(self) -> Tensor:
        """The loss of an empty batch: a process without utterances takes part in the step of the others,
        with a gradient of zero."""
        return sum((parameter.sum() for parameter in self.trained), torch.zeros((), device=self.device)) * 0.0

    @property
    def consistency(self) -> float:
        """Weight of the consistency loss in this epoch."""
        training = self.config.training
        return (
            training.consistency if self.current_epoch >= training.consistency_from * training.epochs else 0.0
        )

    def _loss(self, batch: Batch) -> Tensor:
        """Summed loss of a batch, in nats."""
        consistency, weights = self.consistency, self.config.heads
        features, lengths = self.model.features(batch.waveforms, batch.waveform_lengths)
        # Consistency wants two views of each utterance, masked differently, through the network side by side.
        views = 2 if consistency > 0 else 1
        features, lengths = features.repeat(views, 1, 1), lengths.repeat(views)
        encoding = self.model.encoder(self.model.spec_augment(features, lengths), lengths)
        tokens, token_lengths = batch.tokens.repeat(views, 1), batch.token_lengths.repeat(views)

        def weighted(losses: Tensor) -> Tensor:
            """The sum of losses, of one view of each utterance or of all."""
            if batch.weights is None:
                return losses.sum()
            return (losses * batch.weights.repeat(len(losses) // len(batch.weights))).sum()

        total = torch.zeros((), device=encoding.hidden.device)
        if weights.letters.weight > 0:
            letters = self.model.emission(encoding)
            losses = self.heads.letters_losses(letters, tokens, token_lengths)
            losses = objective_losses(self.model, encoding, tokens, token_lengths, letters=losses)
            total = total + weights.letters.weight * weighted(losses) / views
            if consistency > 0:
                total = total + weights.letters.weight * consistency * weighted(_disagreement(letters))
        if weights.phones.weight > 0:
            phones = self.heads.phones_emission(self.model, encoding)
            total = total + weights.phones.weight * weighted(self.heads.phones_losses(phones, batch)) / views
            if consistency > 0 and self.model.phone_head is not None:
                total = total + weights.phones.weight * consistency * weighted(_disagreement(phones))
        if weights.intermediate.weight > 0:
            losses = self.heads.intermediate_losses(encoding, tokens, token_lengths)
            total = total + weights.intermediate.weight * weighted(losses) / views
        return total

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Bring the gradient to the loss a token, clip by value, then by global norm; a gradient that is not finite,
        or of no utterance at all, moves no weight, and no gradient moves what is frozen."""
        settings, totals = self.config.optimizer, self.train_totals
        weight, self.pending_weight = self.pending_weight, 0.0
        for parameter in self.trained:
            if parameter.grad is not None:
                parameter.grad.div_(weight if weight > 0 else 1)
        until = self.config.training.freeze_epochs
        if until is None or self.current_epoch + self.epoch_share <= until:
            for parameter in self.frozen:
                parameter.grad = None
        clip, limit = settings.gradient_clip, settings.gradient_clip_value
        if limit > 0 and all(_is_finite(parameter.grad) for parameter in self.trained):
            torch.nn.utils.clip_grad_value_(self.trained, limit)
        norm = float(torch.nn.utils.clip_grad_norm_(self.trained, clip if clip > 0 else math.inf))
        if not math.isfinite(norm):
            self._count_skipped(norm)
            optimizer.zero_grad(set_to_none=True)
        elif weight == 0:
            optimizer.zero_grad(set_to_none=True)
        else:
            totals.steps += 1
            totals.gradient_norm += norm
            totals.clipped += norm > clip > 0

    def _count_skipped(self, norm: float) -> None:
        ids, loss = self._suspect
        self.train_totals.nonfinite += 1
        self.nonfinite_steps += 1
        named = ", ".join(ids)
        log.warning(
            "step %d skipped: loss %s, gradient norm %s; utterances %s", self.global_step, loss, norm, named
        )
        if self.nonfinite_steps >= self.config.training.max_nonfinite:
            raise TrainingError(
                f"{self.nonfinite_steps} steps had a loss or gradient that is not finite, the last on {named}; "
                "lower optimizer.learning_rate, or run `asr validate` on the training manifest"
            )

    def check_unreadable(self) -> None:
        """Name what this process could not read; stop, in all processes at once, when it is too much.

        Raises:
            TrainingError: more than `training.max_unreadable` utterances of an epoch.
        """
        totals, most = self.train_totals, self.config.training.max_unreadable
        for reason in self._unreadable:
            log.warning("left out, %d so far in this epoch: %s", totals.unreadable, reason)
        if totals.unreadable > most:
            named = "; ".join(totals.unreadable_named[-3:]) or "named by another process"
            raise TrainingError(
                f"{totals.unreadable} utterances of this epoch could not be read, training.max_unreadable is "
                f"{most}: {named}"
            )

    def on_train_epoch_start(self) -> None:
        """A fresh count, or that of the epoch that goes on."""
        self.train_totals, self.carried = self.carried or TrainTotals(), None

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Move the weights, and the average towards them."""
        super().optimizer_step(*arguments, **options)
        self.between_steps = True
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)

    def on_validation_epoch_start(self) -> None:
        """A fresh count."""
        self.dev_totals = DevTotals()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Loss, greedy transcripts and the share of blanks, with the weights that are saved."""
        model, totals = self.best_weights, self.dev_totals
        if not batch.ids:
            return
        encoding = model.encoder(*model.features(batch.waveforms, batch.waveform_lengths))
        emission = model.emission(encoding)
        ctc = ctc_loss(emission, batch.tokens, batch.token_lengths)
        losses = objective_losses(model, encoding, batch.tokens, batch.token_lengths, letters=ctc)
        totals.loss += float(losses.sum())
        totals.tokens += int(batch.token_lengths.sum())
        if self.config.heads.phones.weight > 0:
            totals.phone_errors += self.heads.phone_errors(self.heads.phones_emission(model, encoding), batch)
        valid = frame_mask(emission.lengths, emission.log_probs.shape[1])
        totals.frames += int(valid.sum())
        totals.blanks += int(((emission.log_probs.argmax(dim=2) == BLANK) & valid).sum())
        for row, hidden, length, tokens, token_length, utterance_id in zip(
            emission.log_probs.cpu(),
            encoding.hidden,
            emission.lengths.tolist(),
            batch.tokens.tolist(),
            batch.token_lengths.tolist(),
            batch.ids,
            strict=True,
        ):
            if model.objective is None:
                hypothesis = greedy_path(row[:length].numpy()).tokens
            else:
                hypothesis = model.objective.search(hidden[:length].float(), beam_width=1)[0].tokens
            reference = self.normalise(self.tokenizer.decode(tokens[:token_length]))
            recognised = self.normalise(self.tokenizer.decode(hypothesis))
            totals.utterances.append(score_utterance(utterance_id, reference, recognised))

    def on_validation_epoch_end(self) -> None:
        """Decode what is to be decoded, and add up what the processes saw."""
        if self.dev_decoder is not None:
            began = time.monotonic()
            self.dev_totals.decoded = self.dev_decoder(
                rank=self.global_rank, world_size=self.trainer.world_size
            )
            self.dev_totals.decoding_seconds = time.monotonic() - began
        if self.trainer.world_size > 1:
            parts: list[Any] = [None] * self.trainer.world_size
            torch.distributed.all_gather_object(parts, (self.train_totals, self.dev_totals))
            self.train_totals = TrainTotals.merged([train for train, _ in parts])
            self.dev_totals = DevTotals.merged([dev for _, dev in parts])

    def configure_optimizers(self) -> Any:
        """The configured optimiser, its learning rate set anew before each step."""
        optimizer = self.build_optimizer()
        # Progress is the share of the data, not of steps: a run may go on with more or fewer processes.
        schedule = build_schedule(self.config.optimizer, optimizer, progress=self._progress)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def build_optimizer(self) -> torch.optim.Optimizer:
        """The configured optimiser of everything that is trained."""
        return build_optimizer(
            self.config.optimizer,
            self.trained,
            matrices=stacked_matrices(self.model.encoder),
            new=self.new if self.config.optimizer.new_parts != 1 else (),
        )

    def _progress(self) -> float:
        return (self.current_epoch + self.epoch_share) / self.config.training.epochs


def _disagreement(emission: Emission) -> Tensor:
    """Consistency losses of two views, one after the other in the emission, `(B,)`, in nats."""
    first, second = (Emission(*halves) for halves in zip(*(part.chunk(2) for part in emission), strict=True))
    return consistency_loss(first, second)


def _is_finite(gradient: Tensor | None) -> bool:
    return gradient is None or bool(gradient.isfinite().all())
