"""BigQuery's REST service as its documentation describes it, for want of the service.

Tables with etags and the documented rules of patching and of ALTER TABLE, loads of Parquet by
resumable upload, and queries, which DuckDB answers from the rows that were loaded. What it refuses
is our reading of the documentation: the service itself was never asked.
"""

import io
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
from pyarrow import parquet

from engines.fake_bigquery_ddl import Alteration, is_alter
from engines.fake_bigquery_rows import QueryError, answer, check_rows

_TABLE = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables(?:/([^/]+))?")
_DATASET = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets(?:/([^/]+))?")
_MAX_DESCRIPTION = 1024


class Refused(Exception):  # noqa: N818
    """An answer other than 200."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class FakeBigQuery(ThreadingHTTPServer):
    """The service; `tables` are its resources, `rows` what they hold, by dataset and table."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.datasets: dict[str, Any] = {}
        self.tables: dict[tuple[str, str], Any] = {}
        self.rows: dict[tuple[str, str], list[pa.Table]] = {}
        self.jobs: dict[str, Any] = {}
        self.uploads: dict[str, Any] = {}
        self.requests: list[str] = []
        self.authorizations: list[str | None] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def insert_dataset(self, project: str, body: Any) -> Any:
        name = body["datasetReference"]["datasetId"]
        if name in self.datasets:
            raise Refused(409, "duplicate", f"Already Exists: Dataset {project}:{name}")
        self.datasets[name] = body
        return body

    def get_table(self, project: str, dataset: str, name: str) -> Any:
        found = self.tables.get((dataset, name))
        if found is None:
            raise Refused(404, "notFound", f"Not found: Table {project}:{dataset}.{name}")
        return found

    def insert_table(self, project: str, dataset: str, body: Any) -> Any:
        if dataset not in self.datasets:
            raise Refused(404, "notFound", f"Not found: Dataset {project}:{dataset}")
        name = body["tableReference"]["tableId"]
        if (dataset, name) in self.tables:
            raise Refused(409, "duplicate", f"Already Exists: Table {project}:{dataset}.{name}")
        fields = [normal(field) for field in body["schema"]["fields"]]
        if len(body.get("clustering", {}).get("fields", [])) > 4:
            raise Refused(400, "invalid", "At most 4 fields can be clustered by.")
        made = body | {"schema": {"fields": fields}, "etag": "1", "type": "TABLE"}
        made["creationTime"] = str(1_790_000_000_000 + len(self.requests))
        self.tables[dataset, name] = made
        return made

    def patch_table(self, found: Any, body: Any, etag: str | None) -> Any:
        if etag not in (None, found["etag"]):
            raise Refused(412, "conditionNotMet", "Precondition check failed.")
        if "schema" in body:
            old = found["schema"]["fields"]
            _check_patch(old, body["schema"]["fields"], "")
            body["schema"] = {"fields": [normal(field) for field in body["schema"]["fields"]]}
        found.update(body, etag=str(int(found["etag"]) + 1))
        return found

    def load(self, job: Any, data: bytes) -> Any:
        config = job["configuration"]["load"]
        place = config["destinationTable"]
        key = place["datasetId"], place["tableId"]
        job["status"] = {"state": "DONE"}
        try:
            found = self.get_table(place["projectId"], *key)
            assert config["sourceFormat"] == "PARQUET"
            assert config["createDisposition"] == "CREATE_NEVER"
            assert config["parquetOptions"]["enableListInference"]
            rows = parquet.read_table(io.BytesIO(data))
            check_rows(found["schema"]["fields"], rows)
            self.rows.setdefault(key, []).append(rows)
            job["statistics"] = {"load": {"outputRows": str(rows.num_rows)}}
        except (Refused, QueryError) as error:
            said = {"reason": "invalid", "message": str(error)}
            job["status"] |= {"errorResult": said, "errors": [said]}
        job["jobReference"].setdefault("location", "US")
        self.jobs[job["jobReference"]["jobId"]] = job
        return job

    def alter(self, alteration: Alteration) -> Any:
        key = alteration.key
        if key not in self.tables:
            raise Refused(404, "notFound", f"Not found: Table {'.'.join(key)}")
        made = json.loads(json.dumps(self.tables[key]))
        rows = alteration.run(made, self.rows.get(key, []))
        self.rows[key] = rows
        self.tables[key] = made | {"etag": str(int(made["etag"]) + 1)}
        place = {"projectId": "p", "jobId": "alter", "location": "US"}
        return {"jobComplete": True, "jobReference": place, "totalRows": "0"}

    def query(self, sql: str) -> Any:
        try:
            if is_alter(sql):
                return self.alter(Alteration(sql))
            return answer(sql, self.tables, self.rows)
        except QueryError as error:
            raise Refused(400, "invalidQuery", str(error)) from None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    server: FakeBigQuery

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.authorizations.append(self.headers["Authorization"])
        headers = {}
        try:
            status, body = 200, self._called(urlsplit(self.path).path, data)
        except Refused as error:
            status = error.status
            said = {"message": str(error), "reason": error.reason}
            body = {"error": {"code": status, "message": str(error), "errors": [said]}}
        except Exception as error:  # noqa: BLE001 - what breaks a connection is tried for long
            said = {"message": f"the fake failed: {error!r}", "reason": "invalid"}
            status, body = 400, {"error": {"code": 400, **said, "errors": [said]}}
        if self.path.startswith("/upload/") and self.command == "POST" and status == 200:
            headers["Location"] = f"{self.server.endpoint}{self.path}&upload_id={body['id']}"
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _called(self, path: str, data: bytes) -> Any:
        service = self.server
        if path.startswith("/upload/"):
            return self._uploaded(data)
        body = json.loads(data) if data else {}
        if found := _TABLE.fullmatch(path):
            return self._table(*found.groups(), body)
        if found := _DATASET.fullmatch(path):
            if self.command == "GET":
                asked = {"datasetReference": {"projectId": found[1], "datasetId": found[2]}}
                return service.datasets.get(found[2], asked)
            return service.insert_dataset(found[1], body)
        if path.endswith("/queries"):
            return service.query(body["query"])
        if job := service.jobs.get(path.rpartition("/")[2]):
            return job
        raise Refused(404, "notFound", f"Not found: {path}")

    def _table(self, project: str, dataset: str, name: str | None, body: Any) -> Any:
        service = self.server
        if name is None:
            return service.insert_table(project, dataset, body)
        found = service.get_table(project, dataset, name)
        match self.command:
            case "PATCH":
                return service.patch_table(found, body, self.headers["If-Match"])
            case "DELETE":
                return service.tables.pop((dataset, name)) and {}
            case _:
                return found

    def _uploaded(self, data: bytes) -> Any:
        asked = parse_qs(urlsplit(self.path).query)
        if self.command == "POST":
            assert asked["uploadType"] == ["resumable"]
            upload, job = str(len(self.server.uploads)), json.loads(data)
            if (name := job["jobReference"]["jobId"]) in self.server.jobs:
                raise Refused(409, "duplicate", f"Already Exists: Job {name}")
            self.server.uploads[upload] = job
            return {"id": upload}
        return self.server.load(self.server.uploads[asked["upload_id"][0]], data)

    def log_message(self, *_: object) -> None:
        pass


def normal(field: dict[str, Any]) -> dict[str, Any]:
    """A field as the service returns it: legacy type names, a mode always."""
    if len(field.get("description", "")) > _MAX_DESCRIPTION:
        raise Refused(400, "invalid", f"The description of {field['name']} is too long.")
    if re.match(r"_(PARTITION|TABLE_|FILE_)", field["name"], re.IGNORECASE):
        raise Refused(400, "invalid", f"Invalid field name {field['name']}.")
    words = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
    field = field | {"type": words.get(field["type"], field["type"])}
    field.setdefault("mode", "NULLABLE")
    if field["type"] == "RECORD":
        if not field.get("fields"):
            raise Refused(400, "invalid", f"Field {field['name']} is of type RECORD but has none.")
        field["fields"] = [normal(inner) for inner in field["fields"]]
    return field


def _check_patch(old: list[Any], new: list[Any], path: str) -> None:
    """The documented rules: nothing goes, moves or changes its type; what is new comes last."""
    names = [field["name"] for field in new]
    for place, field in enumerate(old):
        name = f"{path}{field['name']}"
        if names[place : place + 1] != [field["name"]]:
            raise Refused(400, "invalid", f"Provided Schema does not match: {name} is missing.")
        other = normal(new[place])
        _check_same(field, other, name)
        _check_patch(field.get("fields", []), other.get("fields", []), f"{name}.")
    for field in new[len(old) :]:
        if field.get("mode") == "REQUIRED":
            raise Refused(400, "invalid", f"Cannot add required field {path}{field['name']}.")


def _check_same(field: dict[str, Any], other: dict[str, Any], name: str) -> None:
    modes = field["mode"], other["mode"]
    if modes[0] != modes[1] and modes != ("REQUIRED", "NULLABLE"):
        raise Refused(400, "invalid", f"Field {name} has changed mode: {' to '.join(modes)}.")
    if "policyTags" in field and "policyTags" not in other:
        raise Refused(400, "invalid", f"Field {name} has lost its policyTags.")
    for key in ("type", "precision", "scale", "maxLength"):
        if key in field and other.get(key) != field[key]:
            raise Refused(400, "invalid", f"Field {name} has lost or changed its {key}.")
