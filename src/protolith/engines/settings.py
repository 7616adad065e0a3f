"""Where each engine is: embedded under the data directory, in memory, or a server."""

import os
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal, Self, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from protolith.errors import EngineUnavailableError, quoted

VARIABLES = {
    "duckdb": "PROTOLITH_DUCKDB",
    "clickhouse": "PROTOLITH_CLICKHOUSE",
    "bigquery": "PROTOLITH_BIGQUERY",
    "bigquery_endpoint": "PROTOLITH_BIGQUERY_ENDPOINT",
}
"""The environment variable of each setting."""

DRIVERS = {
    "duckdb": ("duckdb",),
    "clickhouse": ("clickhouse_connect", "chdb"),
    "bigquery": ("google.cloud.bigquery",),
}
"""The modules that each engine needs; a ClickHouse server needs the first alone."""

Mode: TypeAlias = Literal["embedded", "memory", "server", "not set"]

_FORM = "https://user:password@host:8443/?cluster=name"
_PORTS = {"http": 8123, "https": 8443}
_PARAMETERS = ("cluster",)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where engines are; None is embedded under the data directory.

    `duckdb` is a file or `:memory:`; `clickhouse` the address of a server, such as
    `https://user:password@host:8443/?cluster=name`, where `cluster` is what ON CLUSTER names;
    `bigquery` is `project` or `project/location`, without which that engine cannot be used, and
    `bigquery_endpoint` an address to ask, without credentials, in place of Google's.
    """

    duckdb: str | None = None
    clickhouse: str | None = field(default=None, repr=False)
    bigquery: str | None = None
    bigquery_endpoint: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """What the environment variables say; an empty one says nothing."""
        return cls(**{name: os.environ.get(key) or None for name, key in VARIABLES.items()})

    def mode(self, name: str) -> Mode:
        """Whether an engine is embedded, in memory or a server, without opening it."""
        match name:
            case "clickhouse" if self.clickhouse:
                return "server"
            case "bigquery":
                return "server" if self.bigquery else "not set"
            case "duckdb" if self.duckdb == ":memory:":
                return "memory"
            case _:
                return "embedded"

    def installed(self, name: str) -> bool:
        """Whether the driver is there that an engine needs in its mode."""
        needed = DRIVERS[name][:1] if self.mode(name) == "server" else DRIVERS[name]
        return all(_is_there(module) for module in needed)


@dataclass(frozen=True, slots=True)
class Server:
    """The address of a ClickHouse server; the password is never shown."""

    host: str
    port: int
    secure: bool
    user: str
    password: str = field(repr=False)
    cluster: str = ""

    @classmethod
    def of(cls, address: str) -> Self:
        """Read an address, or raise `EngineUnavailableError`, which does not repeat it."""
        parts = _split(address)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _unusable("it must be http:// or https:// with a host")
        if parts.path not in ("", "/") or parts.fragment:
            raise _unusable("there must be nothing after the host but parameters")
        return cls(
            host=parts.hostname,
            port=_port(parts),
            secure=parts.scheme == "https",
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            cluster=_parameters(parts.query).get("cluster", ""),
        )


@dataclass(frozen=True, slots=True)
class Service:
    """Where BigQuery is: a project, perhaps a location, perhaps another endpoint than Google's."""

    project: str
    location: str | None = None
    endpoint: str | None = None

    @classmethod
    def of(cls, settings: EngineSettings) -> Self:
        """Read the settings, or raise `EngineUnavailableError`."""
        variable = VARIABLES["bigquery"]
        if not settings.bigquery:
            raise EngineUnavailableError(
                "no BigQuery project is set", hint=f"{variable}=project or project/location"
            )
        found = re.fullmatch(r"([a-z0-9.:-]+)(?:/([A-Za-z0-9-]+))?", settings.bigquery)
        if found is None:
            raise EngineUnavailableError(
                f"{quoted(settings.bigquery)} is not a BigQuery project",
                hint=f"{variable}=project or project/location, such as my-project/EU",
            )
        return cls(found[1], found[2], _endpoint(settings.bigquery_endpoint))


def _endpoint(address: str | None) -> str | None:
    if address is None or re.fullmatch(r"https?://[^\s/@?#]+/?", address):
        return address and address.rstrip("/")
    raise EngineUnavailableError(
        "the endpoint of BigQuery is not an address",
        hint=f"{VARIABLES['bigquery_endpoint']}=http://host:port",
    )


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # it would show the address
        raise _unusable("it is not a URL") from None


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise _unusable("the port is not a number up to 65535") from None


def _parameters(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    found = dict(pairs)
    unknown = [name for name in found if name not in _PARAMETERS]
    if unknown:
        # The name alone: whatever follows it may be a secret.
        raise _unusable(f"the parameter {quoted(unknown[0])} is unknown")
    if len(found) < len(pairs):
        raise _unusable("a parameter is given twice")
    if "cluster" in found and not re.fullmatch(r"[\w.{}-]+", found["cluster"]):
        raise _unusable("the name of the cluster has other characters than letters, digits, - . _")
    return found


def _unusable(text: str) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"the address of the ClickHouse server cannot be used: {text}",
        hint=f"{VARIABLES['clickhouse']}={_FORM}; escape other signs in the password as %40",
    )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # what a package that is not there says of its parts
        return False
