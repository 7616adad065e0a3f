import io
import stat
import struct
import zipfile
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolith.compiler import DEFAULT_LIMITS, SourceFile, compile_protos, open_zip
from protolith.errors import BundleError, TooLargeError
from protolith.limits import MIB

A = 'syntax = "proto3"; package a; import "b/b.proto"; message A { b.B b = 1; }'
B = 'syntax = "proto3"; package b; message B {}'


def zipped(
    *entries: tuple[str | zipfile.ZipInfo, str | bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return data.getvalue()


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_a_zip_compiles_under_the_names_in_it() -> None:
    data = zipped(
        ("README.md", "no schema"),
        ("b/", ""),
        ("b/b.proto", B),
        ("a.proto", A),
        ("inner.zip", zipped(("c.proto", "nonsense"))),
        ("__MACOSX/._a.proto", b"\0\5\x16\7"),
        (entry("shared/", stat.S_IFDIR | stat.S_ISGID | 0o755), ""),
    )
    sources = open_zip(data)
    assert [file.name for file in sources.files] == ["b/b.proto", "a.proto"]
    assert compile_protos(sources).roots == ("a.proto",)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_bytes_stay_as_submitted(method: int) -> None:
    content = b"\xef\xbb\xbf// \r\n"
    assert open_zip(zipped(("x.proto", content), method=method)).files == (
        SourceFile("x.proto", content),
    )


@pytest.mark.parametrize(
    "name", ["../x.proto", "/etc/x.proto", "a/../../x.proto", "-x.proto", "@x.proto"]
)
def test_an_entry_that_would_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match="not a usable file name"):
        open_zip(zipped((name, B)))


def test_a_name_with_a_nul_is_not_cut_there() -> None:
    data = zipped(("aXprotoX.proto", B)).replace(b"aXprotoX.proto", b"a.proto\0.proto")
    with pytest.raises(BundleError, match=r"a\.proto\\x00"):
        open_zip(data)


@pytest.mark.parametrize(
    "mode",
    [
        stat.S_IFLNK | 0o777,
        stat.S_IFCHR | 0o600,
        stat.S_IFIFO | 0o600,
        stat.S_IFREG | stat.S_ISUID | 0o755,
        stat.S_IFREG | stat.S_ISGID | 0o755,
    ],
)
@pytest.mark.parametrize("name", ["x.proto", "x.txt"])
def test_only_regular_files_are_taken(mode: int, name: str) -> None:
    with pytest.raises(BundleError, match="not a regular file"):
        open_zip(zipped((entry(name, mode), "/etc/passwd"), ("a.proto", B)))


def test_an_entry_without_a_name_is_ignored() -> None:
    data = zipped(("x", ""), ("a.proto", B))
    central = data.index(b"PK\x01\x02")
    nameless = data[: central + 28] + b"\0\0" + data[central + 30 : central + 46]
    rest = data[central + 47 :]
    size = struct.unpack("<L", rest[-10:-6])[0] - 1
    rest = rest[:-10] + struct.pack("<L", size) + rest[-6:]
    assert [file.name for file in open_zip(nameless + rest).files] == ["a.proto"]


def test_names_that_are_one_place_on_some_system_are_refused() -> None:
    with pytest.raises(BundleError, match="same name"):
        open_zip(zipped(("a.proto", B), ("A.proto", B)))


def test_a_bomb_is_noticed_while_it_inflates() -> None:
    data = zipped(("x.proto", b" " * 100 * MIB))
    assert len(data) < MIB
    with pytest.raises(TooLargeError, match=r"x\.proto has more than 1,048,576 bytes"):
        open_zip(data)


def test_many_files_are_counted_together() -> None:
    data = zipped(*((f"x{n}.proto", b" " * MIB) for n in range(9)))
    with pytest.raises(TooLargeError, match="more than 8,388,608 bytes together"):
        open_zip(data)
    with pytest.raises(TooLargeError, match="more than 1,000 files"):
        open_zip(zipped(*((f"x{n}.proto", "") for n in range(1_001))))
    assert len(open_zip(zipped(*((f"x{n}.proto", "") for n in range(1_000)))).files) == 1_000


def test_a_bomb_with_a_wrong_size_in_its_directory_is_refused() -> None:
    data = zipped(("x.proto", b" " * 100 * MIB))
    lying = data.replace(struct.pack("<L", 100 * MIB), struct.pack("<L", 100))
    with pytest.raises(BundleError, match="cannot be read"):
        open_zip(lying)


def test_an_archive_of_very_many_entries_is_refused_unread() -> None:
    with pytest.raises(TooLargeError, match="10,000 entries"):
        open_zip(b"PK\x01\x02" * 10_001)
    with pytest.raises(TooLargeError, match="16,777,216 bytes"):
        open_zip(b" " * (16 * MIB + 1))


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(zipped(("x.proto", B)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(BundleError, match=r"^x\.proto is encrypted$"):
        open_zip(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(method: int) -> None:
    with pytest.raises(BundleError, match="unusual way"):
        open_zip(zipped(("x.proto", B), method=method))


@pytest.mark.parametrize("data", [b"", b"PK", b"no archive", zipped(("x.proto", B))[:-30]])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        open_zip(data)


def test_an_archive_without_proto_files_is_refused() -> None:
    with pytest.raises(BundleError, match=r"no \.proto file"):
        open_zip(zipped(("README.md", "")))


def test_a_raised_limit_is_obeyed() -> None:
    data = zipped(("x.proto", b" " * 2 * MIB))
    limits = replace(DEFAULT_LIMITS, file_bytes=2 * MIB)
    assert len(open_zip(data, limits=limits).files[0].content) == 2 * MIB


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused_and_never_crashes(data: st.DataObject) -> None:
    archive = bytearray(
        zipped(("a.proto", A), ("b/b.proto", B), method=data.draw(st.sampled_from([0, 8])))
    )
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BundleError, TooLargeError):
        open_zip(bytes(archive))
