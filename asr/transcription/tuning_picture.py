"""The word error rate over a grid of weights, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from asr.transcription.tuning import Trial


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
        figsize=(max(4.0, 1.5 + 0.8 * len(weights)), max(3.0, 1.5 + 0.5 * len(bonuses))),
        layout="constrained",
    )
    # Colours for the better half alone, and for a tenth of a point at least: far off, the WER soars and would hide the valley.
    image = axes.imshow(
        grid,
        origin="lower",
        aspect="auto",
        cmap="viridis_r",
        vmin=grid.min(),
        vmax=max(np.median(grid), grid.min() + 0.1),
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
