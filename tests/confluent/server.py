"""The server as clients meet it, over HTTP, and message classes as protoc generates them."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from google.protobuf import message_factory

from protolith import compile_protos
from protolith.web.app import create_app


@contextmanager
def serving(home: Path, *, authentication: bool = False) -> Iterator[str]:
    """A server over a data directory; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(home, authentication=authentication)
    config = uvicorn.Config(app, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def message_class(files: str | Mapping[str, str], name: str) -> Any:
    """The class of a message, with descriptors of its own like a generated module's."""
    return message_factory.GetMessageClass(compile_protos(files).message(name))
