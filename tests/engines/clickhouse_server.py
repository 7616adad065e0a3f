"""ClickHouse's HTTP interface in front of the embedded engine, for want of a server.

Run as `python clickhouse_server.py FOLDER PASSWORD`; it prints its port, then each statement that
named a cluster, which it runs without ON CLUSTER: there are no others to run it on.
"""

import base64
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qsl, urlsplit

import lz4.frame
from chdb.session import Session

USER = "reader"
_TRANSPORT = {"query", "query_id", "database", "enable_http_compression", "wait_end_of_query"}
_TRANSPORT |= {"client_protocol_version", "default_format", "session_id"}
_ONE = Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    session: Session
    password: str

    def do_POST(self) -> None:
        options = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        given = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {given}":
            text = f"Code: 516. DB::Exception: {USER}: Authentication failed."
            self._answer(403, text.encode(), {"X-ClickHouse-Exception-Code": "516"})
            return
        query = options.get("query") or body.decode()
        try:
            with _ONE:
                found = self._run(query, options, body if "query" in options else b"")
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            number = code[1] if code else "1000"
            self._answer(500, str(error).encode(), {"X-ClickHouse-Exception-Code": number})
            return
        form = re.search(r"FORMAT (\w+)\s*$", query)
        shown = {"X-ClickHouse-Format": form[1] if form else "TabSeparated"} if found else {}
        self._answer(200, found, shown | {"X-ClickHouse-Timezone": "UTC"})

    def do_GET(self) -> None:
        self.do_POST()

    def _run(self, query: str, options: dict[str, str], data: bytes) -> bytes:
        if " ON CLUSTER " in query:
            _say(re.sub(r"\s+", " ", query))
            query = re.sub(r" ON CLUSTER (`[^`]+`|'[^']+'|\w+)", "", query)
        settings = {k: v for k, v in options.items() if k not in _TRANSPORT and k[:6] != "param_"}
        parameters = {k[6:]: v for k, v in options.items() if k[:6] == "param_"}
        for name, value in settings.items():
            self.session.query(f"SET {name} = '{value}'")
        try:
            with tempfile.NamedTemporaryFile() as file:
                if data and query.lstrip().upper().startswith("INSERT"):
                    Path(file.name).write_bytes(data)
                    query = query.replace(" FORMAT ", f" FROM INFILE '{file.name}' FORMAT ")
                found = self.session.query(query, "TabSeparated", params=parameters)
        finally:
            for name in settings:
                self.session.query(f"SET {name} = DEFAULT")
        return found.bytes() if found else b""

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        return lz4.frame.decompress(body) if self.headers["Content-Encoding"] == "lz4" else body

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Handler.session, Handler.password = Session(sys.argv[1]), sys.argv[2]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    _say(str(server.server_port))
    server.serve_forever()
