import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from protolith.compiler import DEFAULT_LIMITS, compile_protos, read_sources
from protolith.errors import BundleError, CompileError, NotFoundError, TooLargeError
from protolith.limits import MIB

HEAD = 'syntax = "proto3";'


def write(folder: Path, **files: str) -> Path:
    """Files by their names, with `__` for `/` and without `.proto`."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.proto"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(path: Path) -> list[str]:
    return [file.name for file in read_sources(path).files]


def test_a_file_comes_with_the_imports_beside_and_below_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        orders=f'{HEAD} import "common.proto"; import "google/type/date.proto";'
        '// import "no.proto";',
        common=f'{HEAD} import public "deep/er.proto"; import "google/protobuf/any.proto";',
        deep__er=f"{HEAD} message Deep {{}}",
        no=HEAD,
        other=HEAD,
        google__protobuf__any="not protobuf's",
    )
    sources = read_sources(tmp_path / "orders.proto")
    assert [file.name for file in sources.files] == [
        "common.proto",
        "deep/er.proto",
        "orders.proto",
    ]
    assert sources.roots == ("orders.proto",)
    compiled = compile_protos(sources)
    assert compiled.roots == ("orders.proto",)
    assert compiled.message("Deep").file.name == "deep/er.proto"


def test_imports_may_start_from_a_folder_above(tmp_path: Path) -> None:
    write(
        tmp_path,
        proto__acme__a=f'{HEAD} import "google/protobuf/any.proto"; import "acme/b.proto";'
        'import "c.proto";',
        proto__acme__b=HEAD,
        proto__c=HEAD,
        c="above the folder with the first import",
    )
    sources = read_sources(tmp_path / "proto/acme/a.proto")
    assert [file.name for file in sources.files] == ["acme/a.proto", "acme/b.proto", "c.proto"]
    assert compile_protos(sources).roots == ("acme/a.proto",)


@pytest.mark.parametrize("name", ["../secret.proto", "{outside}", "x/../../secret.proto"])
def test_an_import_cannot_name_a_file_outside(tmp_path: Path, name: str) -> None:
    write(tmp_path, secret=HEAD, inside__b=HEAD)
    text = f'import "{name}"; import "b.proto";'.format(outside=tmp_path / "secret.proto")
    write(tmp_path, inside__a=HEAD + text)
    assert names(tmp_path / "inside/a.proto") == ["a.proto", "b.proto"]
    with pytest.raises(CompileError, match=r"secret\.proto") as caught:
        compile_protos(tmp_path / "inside/a.proto")
    assert str(tmp_path / "inside") not in str(caught.value)


def test_files_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    write(tmp_path, a='import "b.proto";', b='import "a.proto";')
    assert names(tmp_path / "a.proto") == ["a.proto", "b.proto"]


def test_a_file_alone_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "my größe.proto"
    path.write_text(f"{HEAD} message M {{}}")
    assert compile_protos(path).message("M").file.name == "schema.proto"


def test_a_folder_is_read_without_hidden_folders(tmp_path: Path) -> None:
    write(tmp_path, b=HEAD, a__c=f'{HEAD} import "b.proto";', **{".git__x": "no"})
    (tmp_path / "README.md").write_text("no schema")
    assert names(tmp_path) == ["b.proto", "a/c.proto"]
    assert compile_protos(tmp_path).roots == ("a/c.proto",)


def test_a_zip_is_read_by_its_suffix(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("x/y.proto", HEAD)
    (tmp_path / "all.ZIP").write_bytes(data.getvalue())
    assert names(tmp_path / "all.ZIP") == ["x/y.proto"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, out=HEAD, inside__a=f'{HEAD} import "link.proto";')
    (tmp_path / "inside/link.proto").symlink_to("../out.proto")
    for path in (tmp_path / "inside", tmp_path / "inside/a.proto"):
        with pytest.raises(BundleError, match=r"link\.proto is a link that leads out"):
            read_sources(path)


def test_a_link_to_a_folder_outside_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, out__x=HEAD, inside__a=HEAD)
    (tmp_path / "inside/link").symlink_to("../out")
    assert names(tmp_path / "inside") == ["a.proto"]


def test_a_link_inside_the_folder_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, a=HEAD)
    (tmp_path / "b.proto").symlink_to("a.proto")
    assert names(tmp_path) == ["a.proto", "b.proto"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, a=HEAD)
    os.mkfifo(tmp_path / "pipe.proto")
    with pytest.raises(BundleError, match=r"pipe\.proto is not a regular file"):
        read_sources(tmp_path)
    with pytest.raises(BundleError, match=r"not a regular file"):
        read_sources(tmp_path / "pipe.proto")


def test_sizes_are_counted_while_reading(tmp_path: Path) -> None:
    write(tmp_path, big=" " * (MIB + 1))
    for path in (tmp_path, tmp_path / "big.proto"):
        with pytest.raises(TooLargeError, match=r"big\.proto has more than 1,048,576 bytes"):
            read_sources(path)
    limits = replace(DEFAULT_LIMITS, file_bytes=2 * MIB)
    assert len(read_sources(tmp_path / "big.proto", limits=limits).files[0].content) == MIB + 1


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, **{f"f{n}": "" for n in range(4)})
    with pytest.raises(TooLargeError, match="more than 3 files"):
        read_sources(tmp_path, limits=replace(DEFAULT_LIMITS, files=3))


def test_a_large_archive_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.zip").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(TooLargeError, match=r"x\.zip has more than 16,777,216 bytes"):
        read_sources(tmp_path / "x.zip")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file or folder .*nothing\.proto"):
        read_sources(tmp_path / "nothing.proto")
    with pytest.raises(BundleError, match=r"no \.proto file below"):
        read_sources(tmp_path)
