"""`.proto` files in, a descriptor set out: one jailed protoc for each compile."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf import descriptor_pb2

from protolith.compiler import sandbox
from protolith.compiler.diagnostics import Submission, compile_error, missing_import
from protolith.compiler.folders import read_sources
from protolith.compiler.limits import DEFAULT_LIMITS, Limits
from protolith.compiler.precheck import check_text
from protolith.compiler.sources import Sources, check_sizes, shown
from protolith.compiler.toolchain import Toolchain, toolchain
from protolith.compiler.wellknown import (
    WELL_KNOWN,
    check_well_known,
    claims_to_be_protobufs,
    not_protobufs,
)
from protolith.descriptors import DescriptorSet, parse_files
from protolith.errors import BundleError, CompilerUnavailableError

_FLAGS = ("--include_imports", "--include_source_info", "--retain_options")
_INPUT, _OUTPUT = "in.fds", "out.fds"


@dataclass(frozen=True, slots=True)
class Job:
    """One compile: texts by the names they get, descriptors for the rest, and what to compile."""

    texts: Mapping[str, bytes]
    targets: tuple[str, ...]
    descriptors: tuple[descriptor_pb2.FileDescriptorProto, ...] = ()


def compile_protos(
    sources: "str | bytes | Path | Mapping[str, str | bytes] | Sources",
    *,
    roots: Sequence[str] | None = None,
    dependencies: Sequence[DescriptorSet] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> DescriptorSet:
    """Compile `.proto` text (a str or bytes), a path, or several files by their names.

    Imports are found among the files sent, then in `dependencies`, then among the known ones:
    google/protobuf, google/type, confluent, bq_table.proto and bq_field.proto. `roots` names the
    files to compile; without it every file is compiled, and those that no other file imports are
    the roots of the result.

    Raises `CompileError` with file:line:column, `CompilerRejectedError` where the compiler
    crashed or ran into a limit, `SchemaValidationError` and `TooLargeError` for what was refused
    before, and `CompilerUnavailableError` where it is not the schema's fault.
    """
    sent = _sources(sources, roots, limits)
    check_sizes(sent.files, limits)
    check_text(sent.files, limits)
    kit = toolchain()
    texts = _texts(sent, kit)
    names = sent.compiled_names
    targets = tuple(names[root] for root in sent.roots) or tuple(texts) or tuple(names.values())
    descriptors = merge(dependencies, leaving_out=texts)
    submission = Submission(
        shown={compiled: name for name, compiled in names.items()},
        available={*texts, *kit.known, *(file.name for file in descriptors)},
    )
    data = run_compiler(Job(texts, targets, descriptors), submission, limits)
    wanted = targets if sent.roots else roots_among(targets, data)
    return checked(DescriptorSet.from_bytes(data, roots=wanted), submission)


def checked(result: DescriptorSet, submission: Submission) -> DescriptorSet:
    """Return what was compiled, unless a file in it stands in for another or was never offered."""
    # protoc looks into the include folder beside it, whatever it is told.
    for file in result.files:
        for index, name in enumerate(file.dependency):
            if name not in submission.available:
                raise missing_import(file, index, submission)
    return check_well_known(result)


def run_compiler(job: Job, submission: Submission, limits: Limits) -> bytes:
    """Compile in the jail; the serialized descriptor set of the targets and their imports."""
    try:
        status, output, data = _run(job, limits)
    except CompilerUnavailableError:  # a machine may be short of processes for a moment
        status, output, data = _run(job, limits)
    if status != 0:
        raise compile_error(output, submission, limits.diagnostics)
    return data


def merge(
    dependencies: Iterable[DescriptorSet], leaving_out: Collection[str]
) -> tuple[descriptor_pb2.FileDescriptorProto, ...]:
    """The files of several descriptor sets; protobuf's own come from the compiler instead."""
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for file in (file for dependency in dependencies for file in dependency.files):
        if file.name in leaving_out or file.name.startswith(WELL_KNOWN):
            continue
        if _bare(files.setdefault(file.name, file)) != _bare(file):
            raise BundleError(
                f"two dependencies have different files named {shown(file.name)}",
                hint="choose versions that depend on the same one",
            )
    return tuple(files.values())


def roots_among(targets: tuple[str, ...], data: bytes) -> tuple[str, ...]:
    """Those of the compiled files that no other of them imports."""
    if len(targets) == 1:
        return targets
    own = set(targets)
    files = (file for file in parse_files(data) if file.name in own)
    imported = {name for file in files for name in file.dependency}
    return tuple(name for name in targets if name not in imported)


def _sources(
    sources: "str | bytes | Path | Mapping[str, str | bytes] | Sources",
    roots: Sequence[str] | None,
    limits: Limits,
) -> Sources:
    if isinstance(sources, Path):
        sources = read_sources(sources, limits=limits)
    elif not isinstance(sources, Sources):
        sources = Sources.of(sources)
    return sources if roots is None else replace(sources, roots=tuple(roots))


def _texts(sent: Sources, kit: Toolchain) -> dict[str, bytes]:
    """What is written for the compiler: everything sent but copies of protobuf's own files."""
    texts: dict[str, bytes] = {}
    for file in sorted(sent.files, key=lambda file: file.name):
        name = sent.compiled_names[file.name]
        if not claims_to_be_protobufs(name):
            texts[name] = file.content
        elif name not in kit.known or kit.known[name].read_bytes() != file.content:
            raise not_protobufs(shown(name))
    return texts


def _run(job: Job, limits: Limits) -> tuple[int, str, bytes]:
    kit = toolchain()
    own = {*job.texts, *(file.name for file in job.descriptors)}
    # Protobuf's own files come first, and a file that was sent wins over the other known ones.
    known = [f"-I{name}={path}" for name, path in kit.known.items() if name not in own]
    _check_not_hidden(job, kit)
    given = [f"--descriptor_set_in=../{_INPUT}"] if job.descriptors else []
    arguments = [*known, "-I.", *given, *_FLAGS, f"--descriptor_set_out=../{_OUTPUT}"]
    with sandbox.private_folder() as folder:
        try:
            _write(job, folder)
        except OSError as error:
            raise CompilerUnavailableError(
                f"the compiler's folder cannot be written: {error.strerror}",
                hint="is the disk, or the memory in /dev/shm, full?",
            ) from error
        status, output = sandbox.run(
            kit.protoc, [*arguments, *sorted(job.targets)], folder, kit.folders, limits
        )
        if status != 0 and not output.startswith(f"../{_OUTPUT}: "):
            return status, output, b""
        try:
            return status, output, (folder / _OUTPUT).read_bytes()
        except OSError as error:
            raise CompilerUnavailableError(
                f"the compiler's result cannot be read: {error.strerror}"
            ) from error


def _check_not_hidden(job: Job, kit: Toolchain) -> None:
    for file in job.descriptors:
        if kit.searched and (kit.searched / file.name).exists():
            raise CompilerUnavailableError(
                f"{kit.searched} has a file {file.name}, which hides the one that was sent",
                hint="use the packaged compiler, or remove the file",
            )


def _write(job: Job, folder: Path) -> None:
    sources = folder / sandbox.WORKING_FOLDER
    for name, content in job.texts.items():
        path = sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if job.descriptors:
        files = descriptor_pb2.FileDescriptorSet(file=job.descriptors)
        (folder / _INPUT).write_bytes(files.SerializeToString())


def _bare(file: descriptor_pb2.FileDescriptorProto) -> bytes:
    bare = descriptor_pb2.FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return bare.SerializeToString(deterministic=True)
