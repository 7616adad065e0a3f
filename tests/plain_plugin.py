"""The plugin's rules written down a second time, plainly: recursion, no sharing, no budget.

It checks what the converter adds for speed. It is not the plugin: whoever reads a rule wrongly
here and there sees no difference, which the golden bytes and the real program are for.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from protolith.dialects.bigquery import wire
from protolith.options import FieldOptions

WELL_KNOWN = dict.fromkeys(("Int32", "Int64", "UInt32", "UInt64"), "INTEGER")
WELL_KNOWN |= {"Double": "FLOAT", "Float": "FLOAT", "Bool": "BOOLEAN"}
WELL_KNOWN |= {"String": "STRING", "Bytes": "BYTES"}
WELL_KNOWN = {f".google.protobuf.{name}Value": type_ for name, type_ in WELL_KNOWN.items()}
WELL_KNOWN |= {".google.protobuf.Duration": "INTERVAL", ".google.protobuf.Timestamp": "TIMESTAMP"}
TYPES = ["FLOAT"] * 2 + ["INTEGER"] * 5 + ["BOOLEAN", "STRING", "RECORD", "RECORD", "BYTES"]
TYPES += ["INTEGER", "ENUM"] + ["INTEGER"] * 4
MODES = ("NULLABLE", "REQUIRED", "REPEATED")
GO_SPACE = "[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"


class RefusedError(Exception):
    """An error in the plugin's words."""


def convert(data: bytes) -> tuple[str | None, list[tuple[str, str]]]:
    """The error and the files; a target whose name makes the plugin panic gives the error `?`."""
    return Plain(wire.read_request(data)).run()


class Plain:
    def __init__(self, request: Any) -> None:
        self.request = request
        self.single = b"single-message" in request.parameter
        self.enum = "STRING" if b"enum-as-string" in request.parameter else "INTEGER"
        self.packages: dict[tuple[str, ...], dict[str, tuple[Any, Any, tuple[int, ...]]]] = {}
        self.wiped: dict[int, tuple[str, dict[str, str]]] = {}
        self.kept: list[Any] = []  # so that no id is given twice
        self.orders: dict[int, list[Any]] = {}
        for file in self.files():
            for index, message in enumerate(self.keep(file.message_type)):
                package = tuple(wire.text(file.package).lstrip(".").split("."))
                package = () if package == ("",) else package
                for length in range(len(package) + 1):
                    self.packages.setdefault(package[:length], {})
                self.packages[package][wire.text(message.name)] = (message, file, (4, index))

    def keep(self, messages: Any) -> list[Any]:
        found = list(messages)
        self.kept += found
        return found

    def files(self) -> list[Any]:
        return self.keep(self.request.proto_file)

    def run(self) -> tuple[str | None, list[tuple[str, str]]]:
        done: list[tuple[str, str]] = []
        for file in self.files():
            if file.name not in list(self.request.file_to_generate) or not file.message_type:
                continue
            try:
                done += list(self.file(file))
            except RefusedError as error:
                text = str(error)
                return text and f"Failed to convert {wire.text(file.name)}: {text}", done
        return None, done

    def file(self, file: Any) -> Iterator[tuple[str, str]]:
        messages = self.keep(file.message_type)
        if self.single:
            base = wire.text(file.name).split("/")[-1]
            if "." not in base:
                raise RefusedError("")
            self.wiped[id(messages[0])] = (base.rsplit(".", 1)[0], self.overrides())
            messages = messages[:1]
        package = tuple(wire.text(file.package).split("."))
        if package not in self.packages:
            raise RefusedError(f"no such package found: {wire.text(file.package)}")
        for index, message in enumerate(messages):
            table = self.options(message)[0]
            if table:
                columns = self.message(message, file, (4, index), package, [])
                folder = "/".join(package)
                yield f"{folder}/{table}.schema", json.dumps(columns or None)

    def overrides(self) -> dict[str, str]:
        found = {}
        for segment in wire.text(self.request.parameter).split(","):
            name, equals, rest = segment.partition("=")
            if name == "type-override" and equals and rest.count(".") == 1:
                field, type_ = rest.split(".")
                found[field] = type_
        return found

    def options(self, message: Any) -> tuple[str, bool, tuple[str, ...], bool]:
        if id(message) in self.wiped:
            return self.wiped[id(message)][0], False, (), False
        found = wire.message_options(message)
        if found is None:
            return "", False, (), False
        return found.table_name, found.use_json_names, found.extra_fields, found.order_by_number

    def message(
        self,
        message: Any,
        file: Any,
        at: tuple[int, ...],
        package: tuple[str, ...],
        path: list[int],
    ) -> list[Any]:
        if id(message) in path:
            return []
        path = [*path, id(message)]
        _, json_names, extra, by_number = self.options(message)
        fields = self.orders.setdefault(id(message), self.keep(message.field))
        if by_number:
            fields.sort(key=lambda field: field.number)
        columns = []
        for index, field in enumerate(fields):
            override = self.wiped.get(id(message), ("", {}))[1].get(wire.text(field.name))
            comment = self.comment(file, [*at, 2, index])
            column = self.field(field, json_names, override, comment, package, path)
            columns += [column] if column else []
        return columns + [self.added(text, package, path) for text in extra]

    def field(self, field: Any, json_names: Any, override: Any, comment: Any, *around: Any) -> Any:
        if field.label not in (1, 2, 3):
            raise RefusedError(f"unrecognized field label: {field.label}")
        if not 1 <= field.type <= len(TYPES):
            raise RefusedError(f"unrecognized field type: {field.type}")
        type_ = TYPES[field.type - 1].replace("ENUM", self.enum)
        name = wire.text((json_names and field.json_name) or field.name)
        options = (wire.field_options(field) if override is None else None) or FieldOptions()
        if options.ignore:
            return None
        column: dict[str, Any] = {
            "name": options.name or shown(name),
            "type": options.type_override or shown(override or "") or type_,
            "mode": "REQUIRED" if options.require else MODES[field.label - 1],
        }
        raw = options.description.encode() or comment
        if raw:
            raw = raw if len(raw) <= 1024 else raw[:1021] + b"..."
            column["description"] = shown(wire.text(raw))
        if column["type"] == "RECORD":
            column = self.record(column, wire.text(field.type_name), *around)
        if column and options.policy_tags:
            column["policyTags"] = {"names": [options.policy_tags]}
        if column and options.default_value_expression:
            column["defaultValueExpression"] = options.default_value_expression
        return column

    def record(self, column: Any, type_name: str, package: Any, path: Any) -> Any:
        if type_name in WELL_KNOWN:
            return column | {"type": WELL_KNOWN[type_name]}
        fields = self.message(*self.find(type_name, package), package, path)
        return column | {"fields": fields} if fields else None

    def added(self, text: str, package: Any, path: Any) -> Any:
        parts = text.split(":")
        if len(parts) < 2:
            raise RefusedError(
                "expecting at least 2 parts in extra field definition separated by colon, got 1"
            )
        type_name = None
        if parts[1] == "RECORD":
            if len(parts) == 2:
                raise RefusedError("extra field RECORD has no type defined")
            type_name = parts.pop(2)
        column = {"name": parts[0], "type": parts[1], "mode": (*parts, "NULLABLE")[2]}
        return column if type_name is None else self.record(column, type_name, package, path)

    def find(self, name: str, package: tuple[str, ...]) -> tuple[Any, Any, tuple[int, ...]]:
        starts = (
            [()] if name.startswith(".") else [package[:n] for n in range(len(package), -1, -1)]
        )
        parts = name.removeprefix(".").split(".")
        for start in starts:
            length = 0
            while length < len(parts) - 1 and (*start, *parts[: length + 1]) in self.packages:
                length += 1
            found = self.packages[(*start, *parts[:length])].get(parts[length])
            for part in parts[length + 1 :]:
                found = found and self.inside(found, part)
            if found:
                return found
        raise RefusedError(f"no such message type named {name}")

    def inside(self, outer: tuple[Any, Any, tuple[int, ...]], name: str) -> Any:
        message, file, at = outer
        for index, nested in enumerate(self.keep(message.nested_type)):
            if wire.text(nested.name) == name:
                return nested, file, (*at, 3, index)
        return None

    def comment(self, file: Any, at: list[int]) -> bytes:
        found = b""
        for location in file.source_code_info.location:
            both = location.leading_comments, location.trailing_comments
            if list(location.path) == at and any(both):
                found = "\n\n".join(trim(wire.text(part)) for part in both).strip("\n")
                found = found.encode("utf-8", "surrogateescape")
        return found


def trim(text: str) -> str:
    for _ in range(2):
        text = re.sub(f"^{GO_SPACE}", "", text)[::-1]
    return text


def shown(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
