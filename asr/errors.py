"""What can go wrong that the user can mend.

Every message says where, what was found, what was wanted and what to do next, on one line:
`train.jsonl:17 (utt 84-121): duration -1.0 s; expected > 0`. The command line prints it and exits 1
(2 for a mistake in the command itself). Anything else that escapes is a bug of ours.
"""


class AsrError(Exception):
    """Base of every error that is the input's fault, not the program's."""


class UsageError(AsrError):
    """The command line asks for something that does not exist or does not fit together."""


class ConfigError(UsageError):
    """A configuration file or option has an unknown key or an impossible value."""


class ManifestError(AsrError):
    """A manifest line cannot be read or breaks a rule."""


class CorpusError(AsrError):
    """A published corpus is not laid out as its publisher lays it out, or cannot be fetched."""


class AudioError(AsrError):
    """An audio file is missing, unreadable, empty, truncated or holds NaN."""


class TranscriptError(AsrError):
    """A transcript holds a character that the alphabet lacks, or no text at all."""


class CheckpointError(AsrError):
    """A checkpoint cannot be read, or is not one of ours."""


class LanguageModelError(AsrError):
    """A language model cannot be read or estimated; files are named with their line."""


class DecodingError(AsrError):
    """Alphabet, language model, lexicon and hot words do not fit each other, or an emission is broken."""


class WritingError(AsrError):
    """A tagger cannot be read, or a text gives nothing to learn or to write."""


class TrainingError(AsrError):
    """Training cannot start or go on."""


class EvaluationError(AsrError):
    """References and hypotheses cannot be read, or do not belong together."""
