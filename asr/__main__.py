"""`python -m asr` is the command `asr`."""

from asr.cli.process import command

command()
