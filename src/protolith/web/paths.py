"""Paths as they were sent, since a subject's name may hold a slash.

The framework decodes a path before it looks for a route, so that `a%2Fb` is two segments. Here the
path is decoded segment by segment, and a slash within one is something else until then.
"""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

FAMILIES = frozenset(
    {
        "associations",
        "associations:batchGet",
        "associations:batchMutate",
        "compatibility",
        "config",
        "contexts",
        "dek-registry",
        "deployments",
        "mode",
        "schemas",
        "subjects",
        "v1",
    }
)
"""The first segments of the paths whose segments are decoded one by one."""

_CONTEXT = re.compile(r"/contexts/([^/]+)/(.+)")
_NAMED = re.compile(r"(/(?:config|mode)|(?:/compatibility)?/subjects)/([^/]+)(.*)")
_PREFIXED = {"/subjects": "subjectPrefix", "/schemas": "subjectPrefix"}


_SLASH = "\ufdd0"
"""What stands for a slash within a segment until a route has been found; no text has it."""


def restore(scope: Scope) -> None:
    """Give the parameters of a path their slashes."""
    found = scope.get("path_params", {})
    scope["path_params"] = {
        name: value.replace(_SLASH, "/") if isinstance(value, str) else value
        for name, value in found.items()
    }


class RawPath:
    """Keeps segments apart as they were sent; a context goes into the subject's name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            raw = scope.get("raw_path") or quote(scope["path"]).encode()
            path = raw.decode("utf-8", "replace").partition("?")[0]
            root = scope.get("root_path", "")
            first = path.removeprefix(root).split("/")[1:2]
            if first and first[0] in FAMILIES:
                # In place: what stands before this finds the route there afterwards.
                scope["path"] = path.rstrip("/")
                _go_into_context(scope, root)
                parts = scope["path"].split("/")
                scope["path"] = "/".join(unquote(part).replace("/", _SLASH) for part in parts)
        await self.app(scope, receive, send)


def _go_into_context(scope: Scope, root: str) -> None:
    found = _CONTEXT.fullmatch(scope["path"].removeprefix(root))
    if found is None:
        return
    context, rest = unquote(found[1]), f"/{found[2]}"
    context = "" if context in (".", ":.:") else f":{context.strip(':')}:"
    if named := _NAMED.fullmatch(rest):
        subject = unquote(named[2])
        subject = subject if subject.startswith(":.") else context + subject
        rest = f"{named[1]}/{quote(subject, safe='')}{named[3]}"
    elif rest in ("/config", "/mode") and context:
        rest = f"{rest}/{quote(context, safe='')}"
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    key = _PREFIXED.get(rest, "subject" if rest.startswith("/schemas/ids/") else None)
    if key and context and not query.get(key, "").startswith(":"):
        query[key] = context + query.get(key, "")
    scope["path"], scope["query_string"] = root + rest, urlencode(query).encode()
