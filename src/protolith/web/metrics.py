"""What is counted of a server, in the format that Prometheus reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from protolith.counts import counted

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "protolith_"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_SAID = {
    "compiles": "Runs of the compiler, by outcome; those that were stopped with the reason.",
    "registrations": "Versions that were registered, or were there already.",
    "registrations_repeated": "Checks that were repeated because somebody else was faster.",
    "incompatible_findings": "Findings for which versions were refused.",
    "rows_loaded": "Rows that were loaded into an engine.",
    "rows_rejected": "Records that could not be read.",
    "lookups": "Versions that were looked up, in the cache or not.",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what it was answered with; `route` is its template, not its path."""

    method: str
    route: str
    status: int
    seconds: float


class _Counts(Collector):
    """What is counted below the server, of the whole process."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        for name, group in groupby(sorted(counted().items()), key=lambda item: item[0][0]):
            entries = list(group)
            labels = sorted({key for (_, pairs), _ in entries for key, _ in pairs})
            family = CounterMetricFamily(_PREFIX + name, _SAID.get(name, name), labels=labels)
            for (_, pairs), value in entries:
                given = dict(pairs)
                family.add_metric([given.get(label, "") for label in labels], value)
            yield family


class Metrics:
    """The counts of one application. Labels are routes, never what a client sent."""

    def __init__(self) -> None:
        self._all = CollectorRegistry()
        self._all.register(_Counts())
        self._requests = Counter(
            f"{_PREFIX}http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._all,
        )
        self._seconds = Histogram(
            f"{_PREFIX}http_request_seconds",
            "How long the answers took.",
            ("route",),
            registry=self._all,
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60),
        )

    def note(self, exchange: Exchange) -> None:
        """Count an answer."""
        method = exchange.method if exchange.method in _METHODS else "other"
        self._requests.labels(method, exchange.route, str(exchange.status)).inc()
        self._seconds.labels(exchange.route).observe(exchange.seconds)

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show what a call says whenever somebody looks."""
        Gauge(_PREFIX + name, about, registry=self._all).set_function(value)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._all)
