"""The server's log: a line an event, with the id of the request, and never a secret."""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from protolith.web.metrics import Exchange

LogFormat: TypeAlias = Literal["text", "json"]

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is answered here, in its threads too."""

_requests = logging.getLogger("protolith.requests")
# Nothing of ours writes one, but what others raise may have an address or a header in it.
_SECRETS = re.compile(
    r"(protolith_)[A-Za-z0-9_-]{8,}|((?:Bearer|Basic)\s+)\S+|(eyJ)[\w-]+\.[\w-]+\.[\w-]*"
    r"|(://[^:/@\s]*:)[^@/\s]+(?=@)",
    re.IGNORECASE,
)


def log_exchange(exchange: Exchange) -> None:
    """Write a line about an answer, where somebody wants such lines."""
    if _requests.isEnabledFor(logging.INFO):
        shown = (exchange.method, exchange.route, exchange.status, exchange.seconds)
        about = {"method": shown[0], "route": shown[1], "status": shown[2]}
        about["seconds"] = round(exchange.seconds, 6)
        _requests.info("%s %s %d in %.3f s", *shown, extra={"about": about})


def set_up(format_: LogFormat, *, requests: bool, debug: bool) -> dict[str, Any]:
    """The configuration of every logger, as `logging.config.dictConfig` takes it."""
    formatter = _Json if format_ == "json" else _Text
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ours": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "loggers": {
            "protolith": {"handlers": ["stderr"], "level": "DEBUG" if debug else "WARNING"},
            "protolith.requests": {"level": "INFO" if requests else "WARNING"},
            "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        },
    }


def without_secrets(text: str) -> str:
    """A text with whatever looks like a token, a password or a JWT left out."""
    return _SECRETS.sub(lambda found: "".join(part or "" for part in found.groups()) + "…", text)


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        name = REQUEST_ID.get()
        return without_secrets(super().format(record)) + (f" [{name}]" if name else "")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "request_id": REQUEST_ID.get(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            found["trace"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(found, ensure_ascii=True)
