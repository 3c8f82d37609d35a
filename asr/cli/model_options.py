"""Options of every verb that uses a trained model."""

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from asr.model.pretrained import default_model

if TYPE_CHECKING:
    from asr.decoding.decoder import DecodingConfig
    from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the checkpoint and of decoding."""
    add_checkpoint_options(parser)
    add_decoding_options(parser)


def add_checkpoint_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --device, --precision."""
    parser.add_argument(
        "--model",
        type=Path,
        default=default_model(),
        metavar="CKPT",
        help="a checkpoint that `asr train` wrote, such as RUN/checkpoints/best.pt; default: the model that "
        "ships with the package, where it was built with one",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto (default)")
    parser.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16", "int8"],
        default="auto",
        help="auto (default) takes bfloat16 where the hardware multiplies it; int8 rounds the weights, CPU only",
    )


def add_decoding_options(parser: argparse.ArgumentParser) -> None:
    """Add --decoding, the limits of the beam, and what it knows."""
    group = parser.add_argument_group("decoding")
    group.add_argument(
        "--decoding",
        choices=["auto", "greedy", "beam"],
        default="auto",
        help="auto (default): beam when there is anything to know, or `asr lm tune` has been run; else greedy",
    )
    group.add_argument(
        "--beam-width", type=int, metavar="N", help="prefixes kept by the beam search; default: 50"
    )
    group.add_argument(
        "--token-threshold",
        type=float,
        metavar="X",
        help="tokens with a natural-log probability below this extend no prefix; default: -12",
    )
    group.add_argument(
        "--score-threshold",
        type=float,
        metavar="X",
        help="prefixes that score this much less than the best are dropped; default: 20",
    )
    group.add_argument(
        "--lm", type=Path, metavar="FILE", help="language model: ARPA, or .lm of `asr lm convert`"
    )
    group.add_argument(
        "--lm-weight", type=float, metavar="X", help="factor of its log-probability; default: 0.5"
    )
    group.add_argument("--word-bonus", type=float, metavar="X", help="added for each word; default: 0")
    group.add_argument(
        "--blank-penalty",
        type=float,
        metavar="X",
        help="taken off the log-probability of silence and of sounds not recognised, in every frame; "
        "1 to 2 where too many words are lost; default: 0",
    )
    group.add_argument(
        "--unknown-penalty",
        type=float,
        metavar="X",
        help="added for each word outside the model; default: -10",
    )
    group.add_argument(
        "--lexicon", metavar="FILE", help="the only words allowed, one a line; `lm` for the language model's"
    )
    group.add_argument(
        "--pronunciations",
        metavar="FILE",
        help="words and their phones, as in CMUdict, for a model that hears phones; `none` decodes by letters "
        "where `asr lm tune` has chosen phones",
    )
    group.add_argument(
        "--letter-weight",
        type=float,
        metavar="X",
        help="how much the letters have to say in the choice among what the search through pronunciations finds; "
        "default: 0",
    )
    group.add_argument(
        "--recurrent-lm",
        metavar="FILE",
        help="a model of `asr lm train-recurrent`, which has a say in the choice among what the search with --lm "
        "finds; `none` leaves the one out that `asr lm tune` has kept",
    )
    group.add_argument(
        "--recurrent-share",
        type=float,
        metavar="X",
        help="its share of each word's probability, 0 to 1; default: 0.5",
    )
    group.add_argument(
        "--hot-word",
        action="append",
        default=[],
        metavar="PHRASE[=WEIGHT]",
        help="a word or phrase to favour (weight in natural log, default 5); may be given again",
    )
    group.add_argument(
        "--hot-words", type=Path, metavar="FILE", help="many of them, a line each: PHRASE<tab>WEIGHT"
    )
    group.add_argument(
        "--no-look-ahead",
        action="store_true",
        help="do not rank open words by the best known word that begins so",
    )


def load_model(arguments: argparse.Namespace) -> "Transcriber":
    """The transcriber that the options ask for."""
    from asr.transcription.transcriber import load

    if arguments.model is not None and arguments.model.suffix == ".onnx":
        return _load_onnx(arguments)
    return load(
        arguments.model,
        # Without a model there is nothing to decode, and `load` says so.
        decoding=None if arguments.model is None else decoding_config(arguments),
        device=arguments.device,
        precision=arguments.precision,
    )


def _load_onnx(arguments: argparse.Namespace) -> "Transcriber":
    from asr.errors import UsageError
    from asr.export.onnx_transcriber import OnnxTranscriber

    if arguments.precision not in ("auto", "float32"):
        raise UsageError(
            f"--precision {arguments.precision}: an ONNX model runs at the precision it was exported with "
            "(`asr export --int8`)"
        )
    if arguments.device not in ("auto", "cpu"):
        raise UsageError(f"--device {arguments.device}: ONNX models run on the CPU here; take the checkpoint")
    threads = getattr(arguments, "threads", None) or 0
    return OnnxTranscriber(arguments.model, decoding=decoding_config(arguments), threads=threads)


def decoding_config(arguments: argparse.Namespace) -> "DecodingConfig":
    """What the options ask for, on top of what `asr lm tune` found best for the checkpoint.

    The tuned weights belong to the tuned language model: they are not used with another one.
    """
    from asr.decoding.decoder import DecodingConfig
    from asr.decoding.tuned import read_tuned, tuned_path
    from asr.errors import UsageError

    hot_words = _hot_words(arguments)
    given = {
        name: getattr(arguments, name)
        for name in (
            "beam_width",
            "token_threshold",
            "score_threshold",
            "lm_weight",
            "word_bonus",
            "unknown_penalty",
            "blank_penalty",
            "lexicon",
            "letter_weight",
            "recurrent_share",
        )
        if getattr(arguments, name) is not None
    }
    if arguments.lm is not None:
        given["lm"] = str(arguments.lm)
    for name in ("pronunciations", "recurrent_lm"):
        named = getattr(arguments, name)
        if named is not None:
            given[name] = None if named == "none" else named
    knows = bool(
        arguments.lm
        or arguments.lexicon
        or hot_words
        or given.get("pronunciations")
        or given.get("recurrent_lm")
    )
    path = tuned_path(arguments.model)
    tuned = read_tuned(path) if path.exists() else None
    if arguments.decoding == "greedy" or (arguments.decoding == "auto" and not knows and tuned is None):
        useless = [name for name in given if name != "beam_width"]
        if useless or hot_words or arguments.no_look_ahead:
            option = (
                useless[0].replace("_", "-") if useless else "hot-words" if hot_words else "no-look-ahead"
            )
            raise UsageError(f"--{option} is of use to beam decoding alone; add --decoding beam")
        return (
            DecodingConfig("greedy", calibration=tuned.greedy_calibration)
            if tuned
            else DecodingConfig("greedy")
        )
    config = {"hot_words": hot_words, "look_ahead": not arguments.no_look_ahead, **given}
    if tuned is not None and (arguments.lm is None or _same_file(arguments.lm, tuned.lm)):
        log.info("decoding as tuned in %s", path)
        return tuned.beam_config(**config)
    return DecodingConfig("beam", **config)


def _hot_words(arguments: argparse.Namespace) -> dict[str, float]:
    from asr.decoding.hotwords import parse_hot_word, read_hot_words

    hot_words = read_hot_words(arguments.hot_words) if arguments.hot_words is not None else {}
    hot_words.update(parse_hot_word(text, where="--hot-word", separator="=") for text in arguments.hot_word)
    return hot_words


def _same_file(left: str | Path, right: str | Path) -> bool:
    return os.path.realpath(left) == os.path.realpath(right)
