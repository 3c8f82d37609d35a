"""Recurrent layers: every cell, one or both directions, behind one interface over padded batches."""

from asr.model.recurrent.fused import FusedLayer
from asr.model.recurrent.layer import Cell, Join, RecurrentLayer, State
from asr.model.recurrent.peephole import PeepholeLayer

__all__ = ["CELLS", "Cell", "FusedLayer", "Join", "PeepholeLayer", "RecurrentLayer", "State", "build_layer"]

CELLS: tuple[Cell, ...] = ("rnn_tanh", "rnn_relu", "gru", "lstm", "lstm_peephole")


def build_layer(
    cell: Cell, input_size: int, hidden_size: int, *, bidirectional: bool = True, join: Join = "concatenate"
) -> RecurrentLayer:
    """One recurrent layer.

    Args:
        cell: its kind, one of `CELLS`.
        input_size: I.
        hidden_size: H, cells a direction.
        bidirectional: read the utterance from both ends.
        join: what becomes of the two directions: "concatenate" (2H) or "sum" (H).
    """
    if cell == "lstm_peephole":
        return PeepholeLayer(input_size, hidden_size, bidirectional=bidirectional, join=join)
    return FusedLayer(cell, input_size, hidden_size, bidirectional=bidirectional, join=join)
