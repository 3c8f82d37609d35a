"""One step of an LSTM in NumPy, for the small networks that read words."""

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), of whatever size x is."""
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)


def lstm_step(gates: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next `(n, H)` hidden and cell states.

    Args:
        gates: `(n, 4 H)` sums of input, hidden state and bias: input, forget, cell and output gate, as torch orders them.
        cell: `(n, H)` state before.
    """
    write, keep, new, show = np.split(gates, 4, axis=1)
    cell = sigmoid(keep) * cell + sigmoid(write) * np.tanh(new)
    return sigmoid(show) * np.tanh(cell), cell
