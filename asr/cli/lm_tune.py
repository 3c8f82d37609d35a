"""Search the language model's weight, the word bonus and the blank's penalty on a development set."""

import argparse
import itertools
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asr.cli.model_options import add_checkpoint_options, add_option_fields, given_options
from asr.errors import UsageError

if TYPE_CHECKING:
    from asr.decoding.confidence import Calibration
    from asr.decoding.emission import Emission
    from asr.decoding.hypothesis import Hypothesis
    from asr.evaluation.scoring import Score
    from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)

# Fields of `DecodingOptions` that the grid is made of.
_TUNED = ("lm_weight", "word_bonus", "blank_penalty")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_checkpoint_options(parser)
    parser.add_argument("--manifest", type=Path, required=True, help="development set, with transcripts")
    group = parser.add_argument_group("decoding", "kept with the weights")
    add_option_fields(group, but=_TUNED)
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


class Trial(NamedTuple):
    """One point of the grid and its score on the development set."""

    lm_weight: float
    word_bonus: float
    blank_penalty: float
    score: "Score"


class Development(NamedTuple):
    """A development set: ids, references and emissions of the utterances."""

    ids: list[str]
    references: list[str]
    emissions: list["Emission"]


def run(arguments: argparse.Namespace) -> int:
    """Compute the emissions, search the grid, write the best of it and the picture."""
    import dataclasses

    from tqdm import tqdm

    from asr.decoding.options import DecodingOptions, options_path, write_options
    from asr.transcription.transcriber import load

    weights, bonuses, penalties = (
        _steps(arguments, name) for name in ("lm_weights", "word_bonuses", "blank_penalties")
    )
    config = DecodingOptions("beam", **given_options(arguments))
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
    data = _development(arguments.manifest, transcriber)
    trials: list[Trial] = []
    points = list(itertools.product(weights, bonuses, penalties))
    for texts, (weight, bonus, penalty) in tqdm(
        _transcripts(transcriber, data.emissions, points, threads=arguments.threads),
        desc="tuning",
        total=len(points),
        disable=not sys.stderr.isatty(),
    ):
        trials.append(Trial(weight, bonus, penalty, _score(data, texts)))
    best = min(
        trials, key=lambda trial: (trial.score.words.errors, trial.score.characters.errors, trial.lm_weight)
    )
    out = arguments.out or options_path(arguments.model)
    picture = out.with_suffix(".png")
    title = f"{arguments.manifest.stem}: WER by weights"
    if len(penalties) > 1:
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
    calibrations, errors = [], []
    by_letters = greedy_only.decoder.decode_batch(data.emissions)
    tuned = transcriber.decoder.with_options(config).decode_batch(data.emissions)
    for hypotheses in (tuned, by_letters):
        calibration, before, after = _calibrate(data, hypotheses)
        calibrations.append(calibration)
        errors.append((before, after))
    greedy = _score(data, [hypothesis.text for hypothesis in by_letters])
    write_options(
        out,
        dataclasses.replace(config, calibration=calibrations[0], greedy_calibration=calibrations[1]),
        measured={
            "manifest": str(arguments.manifest),
            "utterances": len(data.ids),
            "wer": best.score.wer,
            "greedy_wer": greedy.wer,
            "calibration_error_before_and_after": errors[0],
        },
    )
    penalised = f", blank penalty {best.blank_penalty:g}" if best.blank_penalty else ""
    print(
        f"lm weight {best.lm_weight:g}, word bonus {best.word_bonus:g}{penalised}: "
        f"WER {best.score.wer:.2%}, greedy {greedy.wer:.2%}"
    )
    print(f"calibration error of word confidence: {errors[0][0]:.4f} -> {errors[0][1]:.4f} (5-fold)")
    print(f"written: {out}, {picture}")
    if border := _at_border(best, weights, bonuses, penalties):
        log.warning("the best lies at the border of the grid; widen %s", " or ".join(border))
    return 0


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


def _development(manifest: Path, transcriber: "Transcriber") -> Development:
    from tqdm import tqdm

    from asr.data.manifest import read_manifest
    from asr.errors import ManifestError

    data = Development([], [], [])
    for utterance in tqdm(read_manifest(manifest), desc="emissions", disable=not sys.stderr.isatty()):
        if utterance.text is None:
            raise ManifestError(f"{manifest} (utt {utterance.id}): no transcript; tuning needs `text`")
        data.ids.append(utterance.id)
        data.references.append(transcriber.tokenizer.normalise(utterance.text))
        data.emissions.append(transcriber.emit_utterance(utterance))
    return data


def _transcripts(
    transcriber: "Transcriber",
    emissions: "Sequence[Emission]",
    points: Sequence[tuple[float, float, float]],
    *,
    threads: int,
) -> Iterator[tuple[list[str], tuple[float, float, float]]]:
    """Transcripts with each weight, bonus and penalty; the files are read once."""
    import dataclasses

    for point in points:
        weight, bonus, penalty = point
        tried = dataclasses.replace(
            transcriber.options, lm_weight=weight, word_bonus=bonus, blank_penalty=penalty
        )
        decoder = transcriber.decoder.with_options(tried)
        yield decoder.transcripts(emissions, threads=threads), point


def _score(data: Development, texts: Sequence[str]) -> "Score":
    from asr.evaluation.scoring import score

    return score(zip(data.ids, data.references, texts, strict=True))


def _calibrate(data: Development, hypotheses: "Sequence[Hypothesis]") -> "tuple[Calibration, float, float]":
    """Calibration on all words, and the calibration error before it and with it (5-fold by utterance)."""
    from asr.decoding.confidence import expected_calibration_error, fit_calibration
    from asr.evaluation.scoring import score_utterance

    evidence: list[float] = []
    is_right: list[bool] = []
    folds: list[int] = []
    for number, (reference, hypothesis) in enumerate(zip(data.references, hypotheses, strict=True)):
        words = hypothesis.words
        alignment = score_utterance(data.ids[number], reference, hypothesis.text).alignment
        right = [pair.operation == "equal" for pair in alignment if pair.operation != "delete"]
        evidence += [word.confidence for word in words]
        is_right += right
        folds += [number % 5] * len(words)
    calibrated = list(evidence)
    for fold in range(5):
        train = [index for index, place in enumerate(folds) if place != fold]
        fitted = fit_calibration([evidence[index] for index in train], [is_right[index] for index in train])
        for index, place in enumerate(folds):
            if place == fold:
                calibrated[index] = fitted(evidence[index])
    return (
        fit_calibration(evidence, is_right),
        expected_calibration_error(evidence, is_right),
        expected_calibration_error(calibrated, is_right),
    )


def _at_border(
    best: Trial, weights: Sequence[float], bonuses: Sequence[float], penalties: Sequence[float]
) -> list[str]:
    """The options whose range may be too narrow."""
    edges = {
        "--lm-weights": (best.lm_weight, weights, weights[-1:]),
        "--word-bonuses": (best.word_bonus, bonuses, (bonuses[0], bonuses[-1])),
        "--blank-penalties": (best.blank_penalty, penalties, penalties[-1:]),
    }
    return [option for option, (value, tried, ends) in edges.items() if len(tried) > 1 and value in ends]


def write_heat_map(path: Path, trials: Sequence[Trial], *, title: str) -> None:
    """Draw WER over the grid as a PNG, the best pair marked."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot

    from asr.files import write_atomically

    weights = sorted({trial.lm_weight for trial in trials})
    bonuses = sorted({trial.word_bonus for trial in trials})
    grid = np.full((len(bonuses), len(weights)), np.nan)
    for trial in trials:
        grid[bonuses.index(trial.word_bonus), weights.index(trial.lm_weight)] = 100 * trial.score.wer
    figure, axes = pyplot.subplots(
        figsize=(1.5 + 0.8 * len(weights), 1.5 + 0.5 * len(bonuses)), layout="constrained"
    )
    # Colours for the better half alone: far off, the WER soars and would hide the valley.
    image = axes.imshow(
        grid,
        origin="lower",
        aspect="auto",
        cmap="viridis_r",
        vmin=grid.min(),
        vmax=max(np.median(grid), grid.min() + 1e-9),
    )
    for row, column in np.ndindex(grid.shape):
        best = grid[row, column] == grid.min()
        axes.text(
            column, row, f"{grid[row, column]:.1f}", ha="center", va="center", fontsize=8,
            color="white", fontweight="bold" if best else "normal",
            bbox={"boxstyle": "round", "facecolor": "#0008", "edgecolor": "red" if best else "none"},
        )  # fmt: skip
    axes.set_xticks(range(len(weights)), [f"{weight:g}" for weight in weights])
    axes.set_yticks(range(len(bonuses)), [f"{bonus:g}" for bonus in bonuses])
    axes.set_xlabel("language model weight")
    axes.set_ylabel("word bonus")
    axes.set_title(title)
    figure.colorbar(image, label="WER / %")
    with write_atomically(path, mode="wb") as file:
        figure.savefig(file, format="png", dpi=120)
    pyplot.close(figure)
