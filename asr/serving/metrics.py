"""What Prometheus reads at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector


class Metrics:
    """Counters of one server.

    Attributes:
        requests: requests by path and status.
        seconds: time from a request's headers to the end of its answer, by path.
        in_flight, live_sessions, queue: what is at work or waits; their owner tells them.
        audio_seconds: sound transcribed, uploads and live together.
        batch_size, batch_time: of the network's batches.
        jobs, jobs_ended: jobs that wait or run, by state, which their runner tells; and those that have ended, by how.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        r = self.registry
        self.requests = Counter("asr_requests", "Requests answered.", ["path", "status"], registry=r)
        self.seconds = Histogram(
            "asr_request_seconds",
            "From a request's headers to the end of its answer.",
            ["path"],
            registry=r,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
        )
        self.in_flight = Gauge("asr_requests_in_flight", "Transcriptions at work or waiting.", registry=r)
        self.live_sessions = Gauge("asr_live_sessions", "Open live sessions.", registry=r)
        self.queue = Gauge(
            "asr_queue_jobs",
            "Pieces of sound that wait for the network, of requests, live sessions and jobs.",
            registry=r,
        )
        self.audio_seconds = Counter("asr_audio_seconds", "Sound transcribed, in seconds.", registry=r)
        self.batch_size = Histogram(
            "asr_batch_size", "Waveforms a batch.", registry=r, buckets=(1, 2, 4, 8, 16, 32, 64)
        )
        self.batch_time = Counter("asr_batch_busy_seconds", "Time of the network in batches.", registry=r)
        self.jobs = Gauge("asr_jobs", "Jobs that wait or run.", ["state"], registry=r)
        self.jobs_ended = Counter(
            "asr_jobs_ended", "Jobs that are done or have failed.", ["state"], registry=r
        )

    def batch(self, size: int, seconds: float) -> None:
        """Count a batch."""
        self.batch_size.observe(size)
        self.batch_time.inc(seconds)

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self.registry)
