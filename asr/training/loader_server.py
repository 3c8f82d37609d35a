"""Imported by the process that loader processes are forked from, and by no other.

It reads what loaders need once, for all of them, and leaves signals to the trainer: schedulers signal every process of a job,
and loaders whose server has gone would go, too.
"""

import signal

import asr.data.shards  # noqa: F401  so that a loader begins to read at once
from asr.training.signals import STOP_SIGNALS

for number in STOP_SIGNALS:
    signal.signal(number, signal.SIG_IGN)
