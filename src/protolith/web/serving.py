"""The process that serves the application."""

from pathlib import Path

import uvicorn

from protolith.web.app import create_app


def run(home: str | Path | None, *, host: str, port: int) -> None:
    """Serve the application over the data directory `home` until interrupted."""
    app = create_app(home)
    # The access log would cost a quarter of what the server can answer.
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")
