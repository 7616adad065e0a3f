"""Claim: parity in process costs little beside protoc with the Go plugin.

    python benchmarks/bq_schema.py [--rounds N]

Three inputs are generated. For each, in turns and in this one run: protoc with the Go plugin,
protoc alone, protoc with our plugin, our conversion alone. Numbers are medians of CPU milliseconds
(user and system, children included). Ratios are against protoc with the Go plugin, or, where that
is not installed, against protoc alone, and the output says so.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

from protolith.dialects.bigquery.parity import Budget, convert_request

ROOT = Path(__file__).parent.parent
OPTIONS = ROOT / "tests/testdata/golden/include"
GO_LIMIT_SECONDS = 120
BUDGET = Budget(columns=10**6, text=2**28)


@dataclass(frozen=True)
class Input:
    """A generated schema; the Go plugin is run at most `go_rounds` times on it."""

    name: str
    files: dict[str, str]
    go_rounds: int


def proto(package: str, imports: list[str], body: list[str]) -> str:
    lines = ['syntax = "proto3";', f"package {package};"]
    lines += [f'import "{name}";' for name in ["bq_table.proto", *imports]]
    return "\n".join([*lines, *body, ""])


def message(name: str, fields: list[tuple[str, str]], table: str = "") -> list[str]:
    option = [f'  option (gen_bq_schema.bigquery_opts).table_name = "{table}";'] if table else []
    lines = [f"// What is known about {name}.", f"message {name} {{", *option]
    for number, (type_, field) in enumerate(fields, 1):
        lines += [
            f"  // The {field} of a {name}, as it was reported by the source;",
            "  // values < 0 & empty ones are allowed.",
            f"  {type_} {field} = {number};",
        ]
    return [*lines, "}"]


def small() -> Input:
    fields = [("string", f"text_{n}") for n in range(6)] + [
        ("int64", f"count_{n}") for n in range(6)
    ]
    return Input("small: 12 fields", {"small.proto": proto("s", [], message("S", fields, "s"))}, 99)


def imports() -> Input:
    files = {}
    for n in range(60):
        fields = [("string", f"part_{m}") for m in range(4)]
        files[f"part{n}.proto"] = proto(f"part{n}", [], message("Part", fields))
    fields = [("int64", f"number_{n}") for n in range(240)]
    fields += [(f"part{n}.Part", f"record_{n}") for n in range(60)]
    files["wide.proto"] = proto("wide", sorted(files), message("Wide", fields, "wide"))
    return Input("300 fields, 60 imports", files, 5)


def large() -> Input:
    body = []
    tables, messages = 10, 120
    for n in range(messages):
        fields = [("string", f"text_{m}") for m in range(22)]
        fields += [(f"M{m}", f"record_{m}") for m in (n + 12, n + 24, n + 36) if m < messages]
        body += message(f"M{n}", fields, f"table_{n}" if n < tables else "")
    text = proto("large", [], body)
    return Input(f"large: {text.count(chr(10)):,} lines, 10 tables", {"large.proto": text}, 1)


def cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def timed(action: Callable[[], object]) -> float:
    start = cpu()
    action()
    return (cpu() - start) * 1000


def protoc(folder: Path, target: str, *arguments: str) -> None:
    command = ["protoc", f"-I{folder}", f"-I{OPTIONS}", *arguments, target]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where protoc is
    # The Go plugin leaves a log in TMPDIR for each run.
    environment = os.environ | {"PATH": path, "TMPDIR": str(folder)}
    subprocess.run(command, check=True, timeout=GO_LIMIT_SECONDS, env=environment)


def request_of(compiled: Path, target: str) -> bytes:
    files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file
    request = plugin_pb2.CodeGeneratorRequest(file_to_generate=[target], proto_file=files)
    return request.SerializeToString()


def launcher(folder: Path) -> Path:
    path = folder / "protoc-gen-ours"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m protolith.plugin\n')
    path.chmod(0o755)
    return path


def measure(given: Input, rounds: int, go_plugin: str | None) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in given.files.items():
            (folder / file).write_text(text)
        target = list(given.files)[-1]
        compiled, out = folder / "compiled", folder / "out"
        out.mkdir()
        ours = launcher(folder)
        compile_ = [
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={compiled}",
        ]
        protoc(folder, target, *compile_)
        request = request_of(compiled, target)

        def plugin(path: str | Path) -> Callable[[], object]:
            flags = [f"--plugin=protoc-gen-bq-schema={path}", f"--bq-schema_out={out}"]
            return lambda: protoc(folder, target, *flags)

        def in_process() -> None:
            protoc(folder, target, *compile_)
            convert_request(request_of(compiled, target), budget=BUDGET)

        ways: dict[str, Callable[[], object]] = {
            "protoc alone": lambda: protoc(folder, target, *compile_),
            "protoc + convert in process": in_process,
            "convert alone": lambda: convert_request(request, budget=BUDGET),
            "protoc + our plugin": plugin(ours),
        }
        if go_plugin:
            ways = {"protoc + Go plugin": plugin(go_plugin)} | ways
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(rounds):
            for way, action in ways.items():
                if "Go" not in way or turn < given.go_rounds:
                    times[way].append(timed(action))
        return times


def report(name: str, times: dict[str, list[float]]) -> None:
    medians = {way: statistics.median(spent) for way, spent in times.items()}
    peer, peer_time = next(iter(medians.items()))
    print(f"\n{name}")
    for way, spent in medians.items():
        ratio = peer_time / spent if spent else float("inf")
        print(f"  {way:30s} {spent:10.2f} ms   {ratio:8.2f} x  (n={len(times[way])}, of {peer})")


def main() -> None:
    parser = argparse.ArgumentParser(description=textwrap.dedent(str(__doc__)))
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    go_plugin = shutil.which("protoc-gen-bq-schema")
    if go_plugin is None:
        print("protoc-gen-bq-schema is not on PATH: no comparison with it in this run")
    for given in (small(), imports(), large()):
        report(given.name, measure(given, rounds, go_plugin))


if __name__ == "__main__":
    main()
