"""A dev WER as users will see it: some dev utterances through the whole of transcription, language model and all."""

from collections.abc import Sequence

from asr.config import DevDecodingConfig
from asr.data.manifest import Utterance
from asr.data.tokenizer import Tokenizer
from asr.errors import ConfigError
from asr.evaluation.normalisation import Normaliser
from asr.evaluation.scoring import ScoredUtterance, score_utterance
from asr.model.acoustic import AcousticModel
from asr.model.checkpoint import Checkpoint
from asr.transcription.torch_emitter import TorchEmitter
from asr.transcription.transcriber import Transcriber, build_decoder


class DevDecoder:
    """Transcribes a share of the dev utterances with the weights as they are; the files are read once.

    Args:
        config: how many utterances, and how they are decoded.
        dev: all dev utterances, with transcripts.
        model: the one that is validated; its weights may change from call to call.
        tokenizer: of its letters.
        normaliser: of references and transcripts.

    Raises:
        ConfigError: a number of utterances that makes no sense.
        DecodingError: options that do not fit the model, or files that cannot be read.
    """

    def __init__(
        self,
        config: DevDecodingConfig,
        dev: Sequence[Utterance],
        model: AcousticModel,
        tokenizer: Tokenizer,
        *,
        normaliser: Normaliser,
    ) -> None:
        if config.utterances < 0:
            raise ConfigError(f"dev_decoding.utterances {config.utterances}; expected 0 or more")
        count = min(config.utterances, len(dev))
        self.utterances = [dev[number * len(dev) // count] for number in range(count)]
        self.normaliser = normaliser
        self.checkpoint = Checkpoint(model, tokenizer)
        self.decoder = build_decoder(self._emitter().info, config.options)

    def _emitter(self) -> TorchEmitter:
        """The model where it is now: training moves it to a GPU of its own, and goes on with its weights."""
        model = self.checkpoint.model
        training = model.training
        emitter = TorchEmitter(self.checkpoint, device=str(next(model.parameters()).device))
        model.train(training)
        return emitter

    def __call__(self, *, rank: int, world_size: int) -> list[ScoredUtterance]:
        """Transcribe and score the share of one of the processes.

        Raises:
            AudioError: an utterance that cannot be read.
        """
        found = []
        share = {utterance.id: utterance for utterance in self.utterances[rank::world_size]}
        transcriber = Transcriber(self._emitter(), self.decoder)
        for outcome in transcriber.transcribe_utterances(list(share.values())):
            utterance = share[outcome.recording.name]
            reference = self.checkpoint.tokenizer.normalise(utterance.text or "")
            found.append(
                score_utterance(
                    utterance.id,
                    self.normaliser.apply(reference),
                    self.normaliser.apply(outcome.result().text),
                )
            )
        return found
