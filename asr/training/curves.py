"""Training curves as a picture."""

import math
from collections.abc import Sequence
from pathlib import Path

from asr.files import write_atomically
from asr.training.epoch_log import EpochRow


def draw_curves(path: Path, rows: Sequence[EpochRow], *, title: str) -> None:
    """Draw loss, error rates, blanks and gradient norm over epochs into a PNG, atomically."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    epochs = [row.epoch for row in rows]
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    (losses, errors), (network, speed) = figure.subplots(2, 2, sharex=True)

    losses.plot(epochs, [row.train_loss for row in rows], label="train")
    losses.plot(epochs, [row.dev_loss for row in rows], label="dev")
    losses.set(title="loss, nats a token", yscale="log")
    losses.legend()

    best = min(rows, key=lambda row: row.dev_wer)
    errors.plot(epochs, [row.dev_wer for row in rows], label="WER")
    errors.plot(epochs, [row.dev_cer for row in rows], label="CER")
    if not all(math.isnan(row.dev_per) for row in rows):
        errors.plot(epochs, [row.dev_per for row in rows], label="PER (phones)")
    if not all(math.isnan(row.dev_decoded_wer) for row in rows):
        errors.plot(epochs, [row.dev_decoded_wer for row in rows], label="WER, decoded")
    errors.plot([best.epoch], [best.dev_wer], "o", color="C0")
    errors.annotate(
        f"{best.dev_wer:.1%}",
        (best.epoch, best.dev_wer),
        textcoords="offset points",
        xytext=(0, 8),
        ha="center",
    )
    errors.set(title="dev errors, greedy but where said", ylim=(0, 1.05))
    errors.yaxis.set_major_formatter(PercentFormatter(1.0))
    errors.legend()

    network.plot(epochs, [row.blank_share for row in rows], label="frames that say blank")
    network.plot(epochs, [row.clipped_share for row in rows], label="steps clipped")
    network.set(title="blanks and clipping", ylim=(0, 1.05), xlabel="epoch")
    network.yaxis.set_major_formatter(PercentFormatter(1.0))
    network.legend()

    speed.plot(epochs, [row.gradient_norm for row in rows], label="gradient norm")
    speed.set(title="gradient norm and learning rate", xlabel="epoch")
    if any(row.gradient_norm > 0 for row in rows):
        speed.set_yscale("log")
    rate = speed.twinx()
    rate.plot(epochs, [row.learning_rate for row in rows], color="C1", label="learning rate (right)")
    lines = [*speed.get_lines(), *rate.get_lines()]
    speed.legend(lines, [line.get_label() for line in lines])

    for axes in (losses, errors, network, speed):
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title)
    with write_atomically(path, mode="wb") as file:
        figure.savefig(file, format="png", dpi=110)
