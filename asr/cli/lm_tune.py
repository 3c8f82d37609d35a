"""Search the language model's weight, the word bonus and the blank's penalty on a development set."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.model_options import add_checkpoint_options, add_option_fields, beam_options, given_options
from asr.errors import DecodingError, UsageError

if TYPE_CHECKING:
    from asr.decoding.options import DecodingOptions

log = logging.getLogger(__name__)

# Fields of `DecodingOptions` that the grid is made of, and the option of each one's range.
_RANGES = {
    "lm_weight": "--lm-weights",
    "word_bonus": "--word-bonuses",
    "blank_penalty": "--blank-penalties",
}
_WIDER, _LOST = 3, 0.01  # a beam so many times as wide must not have so much fewer errors, as a share of them


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_checkpoint_options(parser)
    parser.add_argument("--manifest", type=Path, required=True, help="development set, with transcripts")
    group = parser.add_argument_group("decoding", "stored with the result")
    add_option_fields(group, but={*_RANGES, "phrases", "other_speech"})
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="for decoding; default: %(default)s"
    )
    for option, what, default in (
        ("--lm-weights", "language model weights", [0.0, 1.6, 9]),
        ("--word-bonuses", "word bonuses", [-1.0, 5.0, 13]),
        ("--blank-penalties", "penalties of the blank", [0.0, 0.0, 1]),
    ):
        parser.add_argument(
            option,
            type=float,
            nargs=3,
            default=default,
            metavar=("LOW", "HIGH", "STEPS"),
            help=f"{what} to try; default: {default[0]:g} to {default[1]:g} in {default[2]} steps",
        )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the best of the grid goes; default: CKPT's name.decoding.json",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the emissions, search the grid, write the best of it and the picture."""
    import dataclasses

    from tqdm import tqdm

    from asr.companions import Companion
    from asr.data.manifest import read_manifest
    from asr.decoding.options import DecodingOptions, write_options
    from asr.transcription.loading import load
    from asr.transcription.tuning import Development, Grid, best_trial, calibrate, grid_search
    from asr.transcription.tuning_picture import write_heat_map

    grid = Grid(*(_steps(arguments, name) for name in ("lm_weights", "word_bonuses", "blank_penalties")))
    config = beam_options(_earlier(arguments.model), given_options(arguments))
    if config.lm is None:
        raise UsageError("asr lm tune weighs a language model; name one: --lm FILE")
    greedy_only = load(
        arguments.model,
        decoding=DecodingOptions(),
        device=arguments.device,
        precision=arguments.precision,
    )
    if greedy_only.emitter.info.decoder_network is not None:
        raise UsageError(
            f"{arguments.model}: decodes with a network of its own, which takes no language model"
        )
    transcriber = greedy_only.with_options(config)  # what does not fit shows before the work
    is_quiet = not sys.stderr.isatty()
    utterances = tqdm(read_manifest(arguments.manifest), desc="emissions", disable=is_quiet)
    data = Development.of(utterances, transcriber, where=str(arguments.manifest))
    search = grid_search(transcriber, data, grid, threads=arguments.threads)
    trials = list(tqdm(search, desc="tuning", total=grid.size, disable=is_quiet))
    best = best_trial(trials)
    out = arguments.out or Companion.DECODING.path(arguments.model)
    picture = out.with_suffix(".png")
    title = f"{arguments.manifest.stem}: WER by weights"
    if len(grid.blank_penalty) > 1:
        title += f", blank penalty {best.blank_penalty:g}"
    write_heat_map(
        picture, [trial for trial in trials if trial.blank_penalty == best.blank_penalty], title=title
    )

    config = dataclasses.replace(
        config,
        lm_weight=best.lm_weight,
        word_bonus=best.word_bonus,
        blank_penalty=best.blank_penalty,
    )
    by_letters = greedy_only.decoder.decode_batch(data.emissions)
    greedy = data.score([hypothesis.text for hypothesis in by_letters])
    fit = calibrate(data, transcriber.decoder.with_options(config).decode_batch(data.emissions))
    greedy_fit = calibrate(data, by_letters)
    write_options(
        out,
        dataclasses.replace(config, calibration=fit.calibration, greedy_calibration=greedy_fit.calibration),
        measured={
            "manifest": str(arguments.manifest),
            "utterances": len(data.ids),
            "wer": best.score.wer,
            "greedy_wer": greedy.wer,
            "calibration_error_before_and_after": (fit.error_before, fit.error_after),
        },
    )
    penalised = f", blank penalty {best.blank_penalty:g}" if best.blank_penalty else ""
    print(
        f"lm weight {best.lm_weight:g}, word bonus {best.word_bonus:g}{penalised}: "
        f"WER {best.score.wer:.2%}, greedy {greedy.wer:.2%}"
    )
    print(f"calibration error of word confidence: {fit.error_before:.4f} -> {fit.error_after:.4f} (5-fold)")
    print(f"written: {out}, {picture}")
    wide = dataclasses.replace(config, beam_width=_WIDER * config.beam_width)
    log.info("decoding once more with a beam of %d: does this one lose good texts?", wide.beam_width)
    point = Grid([best.lm_weight], [best.word_bonus], [best.blank_penalty])
    [wider] = grid_search(transcriber.with_options(wide), data, point, threads=arguments.threads)
    if wider.score.wer < (1 - _LOST) * best.score.wer:
        log.warning(
            "the beam loses good texts: of %d hypotheses it has WER %.2f%%; widen it (--beam-width), and let it follow the best more "
            "closely (--score-threshold), which wins back the time",
            *(wide.beam_width, 100 * wider.score.wer),
        )
    if narrow := [_RANGES[name] for name in grid.narrow(best)]:
        log.warning("the best lies at the border of the grid; widen %s", " or ".join(narrow))
    return 0


def _earlier(model: str) -> "DecodingOptions":
    """The options of an earlier tuning; the defaults where there are none, or none that can be read: they are written anew."""
    from asr.decoding.options import DecodingOptions, tuned_options

    try:
        return tuned_options(model)
    except DecodingError:
        return DecodingOptions()


def _steps(arguments: argparse.Namespace, name: str) -> list[float]:
    low, high, steps = getattr(arguments, name)
    if steps < 1 or steps != int(steps) or not low <= high:
        option = "--" + name.replace("_", "-")
        raise UsageError(
            f"{option} {low:g} {high:g} {steps:g}; expected LOW <= HIGH and a whole number of STEPS"
        )
    if steps == 1:
        return [low]
    return [round(low + (high - low) * step / (int(steps) - 1), 6) for step in range(int(steps))]
