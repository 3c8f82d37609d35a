"""The command line: one file a verb, and the only place that prints.

A verb's module has `configure(parser)`, which adds its arguments, and `run(arguments) -> int`, its exit
code. It is imported only when the verb is used, and imports the heavy libraries only when it runs.
"""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from asr.cli.console import Parser, setup_logging, setup_output, use_utf8
from asr.errors import AsrError, UsageError


class Verb(NamedTuple):
    """A verb's module, and what `asr --help` says of it."""

    module: str
    summary: str


# What each verb is for, in the order of `asr --help`.
GROUPS = {
    "recognise speech": {
        "transcribe": Verb("asr.cli.transcribe", "audio files -> text"),
        "listen": Verb("asr.cli.listen", "the microphone -> text, while you speak"),
        "serve": Verb("asr.cli.serve", "transcription over HTTP and WebSocket, and a page in the browser"),
        "align": Verb("asr.cli.align", "when each word of a transcript is spoken"),
        "punctuation": Verb(
            "asr.cli.punctuation",
            "marks and capitals for recognised words: train a tagger, score it, apply it",
        ),
    },
    "prepare speech": {
        "prepare": Verb("asr.cli.prepare", "turn a published corpus, or your own audio, into manifests"),
        "validate": Verb("asr.cli.validate", "check a manifest before training on it"),
        "stats": Verb("asr.cli.stats", "what manifests hold: hours, speakers, durations, vocabulary"),
        "manifest": Verb("asr.cli.manifest", "filter, split, merge, sample, shuffle and respell manifests"),
        "segment": Verb("asr.cli.segment", "cut long utterances into short ones, at pauses"),
        "label": Verb(
            "asr.cli.label", "transcripts for speech that has none: those that the model is sure of"
        ),
        "pronounce": Verb(
            "asr.cli.pronounce", "words of manifests and language models -> a pronunciation dictionary"
        ),
        "pack": Verb("asr.cli.pack", "a manifest -> tar shards that training reads from end to end"),
    },
    "train": {
        "train": Verb("asr.cli.train", "train a recogniser"),
        "lm": Verb("asr.cli.lm", "language models: estimate, score, convert, tune"),
        "inspect": Verb(
            "asr.cli.inspect", "look into a network: gradients, an utterance, how training utterances vary"
        ),
        "tune-batch": Verb("asr.cli.tune_batch", "the largest batch that fits this machine, and the fastest"),
        "doctor": Verb("asr.cli.doctor", "what this machine has, what clashes, and what to change"),
    },
    "score": {
        "evaluate": Verb("asr.cli.evaluate", "transcribe a manifest and report its word error rate"),
        "score": Verb("asr.cli.score", "references and hypotheses of any recogniser -> a WER report"),
        "compare": Verb("asr.cli.compare", "two or more systems: which is better, and how sure that is"),
        "leaderboard": Verb(
            "asr.cli.leaderboard", "a folder of runs -> one page with their rates and curves"
        ),
    },
    "models and this program": {
        "model": Verb(
            "asr.cli.model", "what is in a checkpoint; the mean of several; to and from the Hugging Face Hub"
        ),
        "export": Verb("asr.cli.export", "a checkpoint as an ONNX file"),
        "cache": Verb("asr.cli.cache", "what is kept so that the next start is quick; how to remove it"),
    },
}
VERBS = {name: verb for verbs in GROUPS.values() for name, verb in verbs.items()}


# What writing to a file that has no name, such as stdout, says of a disk.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0 when all went well, 1 when something failed, 2 for a mistake in the command.
    """
    if arguments is None:
        use_utf8()
    words = list(sys.argv[1:] if arguments is None else arguments)
    setup_output()
    setup_logging()
    try:
        if words and words[0] in VERBS:
            verb = importlib.import_module(VERBS[words[0]].module)
            parser = Parser(prog=f"asr {words[0]}", description=verb.__doc__, allow_abbrev=False)
            verb.configure(parser)
            return int(verb.run(_parse(parser, words[1:])))
        return _overview(words)
    except UsageError as error:
        return _fail(error, 2)
    except AsrError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone; that is its right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is not None:
            return _fail(f"{error.filename}: {error.strerror}; choose another place, or free space", 1)
        if error.errno not in _FULL:
            raise
        return _fail(f"cannot write the output: {error.strerror}", 1)


def _parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse; a verb that takes configuration options gets the words it does not know in `options`."""
    if parser.get_default("takes_options"):
        known, options = parser.parse_known_args(words)
        known.options = options
        return known
    return parser.parse_args(words)


def _overview(words: Sequence[str]) -> int:
    width = 2 + max(map(len, VERBS))
    listed = "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:<{width}}{verb.summary}" for name, verb in verbs.items())])
        for title, verbs in GROUPS.items()
    )
    parser = Parser(
        prog="asr",
        description="Train recurrent speech recognisers, transcribe audio, and score the result.",
        epilog=f"{listed}\n\n`asr VERB --help` explains one.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("verb", nargs="?", metavar="VERB", help="what to do; see below")
    known, _ = parser.parse_known_args(words)
    if known.version:
        import asr

        print(asr.__version__)
        return 0
    if known.verb is None:
        parser.print_help()
        return 2
    from asr.options import nearest

    raise UsageError(f"no verb {known.verb!r}{nearest(known.verb, list(VERBS))}")


def _fail(error: object, code: int) -> int:
    print(f"asr: {error}", file=sys.stderr)
    return code
