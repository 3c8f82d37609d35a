"""Options of every verb that uses a trained model."""

import argparse
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr.cli.config_options import add_config_options, given_fields
from asr.model.pretrained import default_model, find_model
from asr.options import option_fields

if TYPE_CHECKING:
    from asr.decoding.options import DecodingOptions
    from asr.transcription.loading import ModelSettings
    from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the checkpoint and of decoding."""
    add_checkpoint_options(parser)
    add_decoding_options(parser)


def model_file(text: str) -> Path:
    """The file that the command line names. Raises as `find_model`."""
    return find_model(text)


def add_checkpoint_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --device, --precision."""
    parser.add_argument(
        "--model",
        type=model_file,
        default=default_model(),
        metavar="CKPT",
        help="a checkpoint that `asr train` wrote, such as RUN/checkpoints/best.pt, or the run's folder; hf:owner/name[@revision] of the Hugging Face Hub; "
        "default: english, the model that ships with the package, where it was built with one",
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="cpu, cuda, mps (Apple's GPU), or auto (default: cuda where there is one, else cpu)",
    )
    parser.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default="auto",
        help="auto (default) takes bfloat16 where the hardware multiplies it",
    )


def add_decoding_options(parser: argparse.ArgumentParser) -> None:
    """Add --decoding, an option for each field of `DecodingOptions`, and the hot words."""
    group = parser.add_argument_group("decoding")
    group.add_argument(
        "--decoding",
        choices=["auto", "greedy", "beam"],
        default="auto",
        help="auto (default): beam if a language model, lexicon, pronunciations, hot words or tuned settings are "
        "present; else greedy",
    )
    add_option_fields(group)
    group.add_argument(
        "--hot-word",
        action="append",
        default=[],
        metavar="PHRASE[=WEIGHT]",
        help="a word or phrase to favour (weight in natural log, default 5), in either letter case; a word that the "
        "pronunciations lack is said by espeak-ng's rules (`pip install espeakng-loader`) or by the sounds of its letters; "
        "may be given again",
    )
    group.add_argument(
        "--hot-words", type=Path, metavar="FILE", help="many of them, a line each: PHRASE<tab>WEIGHT"
    )


def add_option_fields(group: "argparse._ActionsContainer", *, but: Collection[str] = ()) -> None:
    """Add an option for each field of `DecodingOptions` that has a help text, `but` for some of them."""
    from asr.decoding.options import DecodingOptions

    names = [option.name for option in option_fields(DecodingOptions) if option.name not in but]
    add_config_options(group, DecodingOptions, only=names, defaults=False, tuned=True)
    if "look_ahead" not in but:
        group.add_argument(
            "--no-look-ahead",
            action="store_true",
            help="disable look-ahead: do not rank open words by the best known word that begins so",
        )


def given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of `DecodingOptions` that the options of `add_option_fields` set."""
    from asr.decoding.options import DecodingOptions, file_fields

    given = given_fields(arguments, DecodingOptions)
    given |= {name: None for name in file_fields() if given.get(name) == "none"}
    if getattr(arguments, "no_look_ahead", False):
        given["look_ahead"] = False
    return given


def model_settings(arguments: argparse.Namespace) -> "ModelSettings":
    """What the options ask for. Raises UsageError for what does not fit together."""
    options = begin_search(arguments)
    from asr.errors import UsageError
    from asr.transcription.loading import ModelSettings

    # Verbs without these options score what is recognised.
    text, tagger = getattr(arguments, "text", "verbatim"), getattr(arguments, "tagger", None)
    if text == "verbatim" and tagger is not None:
        raise UsageError("--tagger is of a readable text; leave it out, or --text verbatim")
    return ModelSettings(
        arguments.model,
        decoding=options,
        device=arguments.device,
        precision=arguments.precision,
        threads=getattr(arguments, "threads", None) or 0,
        tagger=tagger,
        verbatim=text == "verbatim",
    )


def load_model(arguments: argparse.Namespace) -> "Transcriber":
    """The transcriber that the options ask for; on the CPU where Ray's workers have the GPUs."""
    settings = model_settings(arguments)
    if getattr(arguments, "ray", None) is not None:
        settings = replace(settings, device="cpu")
    from asr.errors import UsageError

    transcriber = settings.load()
    if getattr(arguments, "text", None) == "readable" and transcriber.tagger is None:
        raise UsageError(
            f"--text readable: no tagger beside {arguments.model}; name one with --tagger FILE "
            "(`asr punctuation train` makes it), or take --text verbatim"
        )
    return transcriber


def begin_search(arguments: argparse.Namespace) -> "DecodingOptions | None":
    """`decoding_options`, their search begun to be loaded before PyTorch is; a second call gives the same.

    None without a model: there is nothing to decode, and `load` says so.
    """
    if arguments.model is None:
        return None
    if getattr(arguments, "begun", None) is None:
        from asr.decoding.warm_up import (
            warm_up,
        )  # imports NumPy as a whole, before two threads ask for parts of it

        arguments.begun = decoding_options(arguments)
        warm_up(arguments.begun, beside=True)
    begun: DecodingOptions = arguments.begun
    return begun


def decoding_options(arguments: argparse.Namespace) -> "DecodingOptions":
    """What the options ask for, on top of what `asr lm tune` found best for the checkpoint.

    The tuned weights belong to the tuned language model: they are not used with another one. How unsure is too unsure goes with the
    network.

    Raises:
        UsageError: an option of the beam search with greedy decoding.
    """
    from asr.companions import Companion
    from asr.decoding.options import DecodingOptions, tuned_options
    from asr.errors import UsageError

    given = given_options(arguments)
    if hot_words := _hot_words(arguments):
        given["hot_words"] = hot_words
    tuned = tuned_options(arguments.model)
    asked = DecodingOptions("beam", **given).uses_external_knowledge
    if arguments.decoding == "greedy" or (
        arguments.decoding == "auto" and not asked and tuned.method == "greedy"
    ):
        useless = [name for name in given if name not in ("beam_width", "certainty_threshold")]
        if useless:
            option = "no-look-ahead" if useless[0] == "look_ahead" else useless[0].replace("_", "-")
            raise UsageError(f"--{option} needs --decoding beam")
        return replace(tuned, **given).as_greedy()
    if tuned.method == "beam" and ("lm" not in given or _is_same_file(given["lm"], tuned.lm)):
        log.info("decoding as tuned in %s", Companion.DECODING.path(arguments.model))
        return replace(tuned, **given)
    return beam_options(tuned, given)


def beam_options(tuned: "DecodingOptions", given: Mapping[str, Any]) -> "DecodingOptions":
    """The beam search with what is given, and nothing of what was tuned but how unsure is too unsure, which goes with the network."""
    from asr.decoding.options import DecodingOptions

    return DecodingOptions("beam", **{"certainty_threshold": tuned.certainty_threshold, **given})


def _hot_words(arguments: argparse.Namespace) -> dict[str, float]:
    from asr.decoding.hotwords import parse_hot_word, read_hot_words

    hot_words = read_hot_words(arguments.hot_words) if arguments.hot_words is not None else {}
    hot_words.update(parse_hot_word(text, where="--hot-word", separator="=") for text in arguments.hot_word)
    return hot_words


def _is_same_file(left: str | None, right: str | None) -> bool:
    return left is not None and right is not None and os.path.realpath(left) == os.path.realpath(right)
