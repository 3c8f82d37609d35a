"""When a long training says how far it is, in a log: soon at first, then ever more rarely."""


class ReportTimes:
    """Tells when a report is due.

    Args:
        now: a clock's seconds, as of `time.monotonic`, when the work begins.
        first: seconds after which the first report is due; each later one after twice as many as the one before.
        longest: seconds between two reports at most.
    """

    def __init__(self, now: float, *, first: float, longest: float) -> None:
        self._since, self._after, self._longest = now, first, longest

    def due(self, now: float) -> float | None:
        """Seconds since the last report, or since the beginning, where one is due; it then counts as made."""
        seconds = now - self._since
        if seconds < self._after:
            return None
        self._since, self._after = now, min(2 * self._after, self._longest)
        return seconds
