import hashlib

import pytest

from protolith.compiler import SourceFile, Sources
from protolith.compiler.sources import FIXED_NAME, escape, is_usable
from protolith.errors import BundleError, MalformedError

BAD_NAMES = [
    "../x.proto",
    "a/../x.proto",
    "./x.proto",
    "/etc/passwd",
    "-x.proto",
    "--plugin=x.proto",
    "@/etc/passwd",
    "a//x.proto",
    "a/",
    "a\\x.proto",
    "C:x.proto",
    "x\0.proto",
    "x\n.proto",
    "x y.proto",
    "größe.proto",
    "",
    "a" * 250 + ".proto",
]
GOOD_NAMES = ["x.proto", "a/b-c/d_1.proto", "a.b/c.proto", "a/-x.proto", "x", "a" * 249 + ".proto"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_safe_path_is_refused_among_several(name: str) -> None:
    with pytest.raises(BundleError, match="not a usable file name") as caught:
        Sources.of({name: "", "other.proto": ""})
    assert caught.value.message.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_file_alone_may_have_any_name(name: str) -> None:
    assert Sources.of({name: ""}).compiled_names == {name: FIXED_NAME}


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_safe_name_is_kept(name: str) -> None:
    assert is_usable(name)
    assert Sources.of({name: ""}).compiled_names == {name: name}


@pytest.mark.parametrize(
    ("one", "two"),
    [("a.proto", "A.proto"), ("x/a.proto", "X/a.proto"), ("a", "a/b.proto"), ("A", "a/b/c.proto")],
)
def test_names_that_are_one_place_on_some_system_are_refused(one: str, two: str) -> None:
    for names in ([one, two], [two, one]):
        with pytest.raises(BundleError, match=r"same name|also the folder"):
            Sources.of(dict.fromkeys(names, ""))


def test_the_same_name_twice_is_refused() -> None:
    file = SourceFile("a.proto", b"")
    with pytest.raises(BundleError, match=r"same name: a\.proto and a\.proto"):
        Sources((file, file))


def test_no_file_is_refused() -> None:
    with pytest.raises(BundleError, match=r"no \.proto file was sent"):
        Sources.of({})


def test_a_root_must_have_been_sent() -> None:
    with pytest.raises(BundleError, match=r"b\.proto was asked for, but not sent") as caught:
        Sources((SourceFile("a.proto", b""),), roots=("b.proto",))
    assert caught.value.hint == "files sent: a.proto"


def test_the_hash_of_one_file_is_that_of_its_bytes() -> None:
    content = b"\xef\xbb\xbfmessage M {}\r\n"
    for name in ("a.proto", "another name"):
        assert Sources.of({name: content}).content_hash == hashlib.sha256(content).hexdigest()


def test_the_hash_of_several_files_is_that_of_their_listing() -> None:
    first, second = hashlib.sha256(b"Z").hexdigest(), hashlib.sha256(b"A").hexdigest()
    expected = hashlib.sha256(f"{first}  a/x.proto\n{second}  b.proto\n".encode()).hexdigest()
    assert Sources.of({"b.proto": "A", "a/x.proto": "Z"}).content_hash == expected
    assert Sources.of({"a/x.proto": "Z", "b.proto": "A"}).content_hash == expected
    assert Sources.of({"a/x.proto": "A", "b.proto": "Z"}).content_hash != expected


def test_bytes_stay_as_submitted() -> None:
    assert Sources.of(b"\xef\xbb\xbf\r\n").files == (SourceFile(FIXED_NAME, b"\xef\xbb\xbf\r\n"),)


def test_text_with_a_lone_surrogate_cannot_be_written() -> None:
    with pytest.raises(MalformedError) as caught:
        Sources.of("// \ud800")
    assert str(caught.value.details[0]) == "schema.proto: a lone surrogate at character 4"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert escape("a\x1b[31m\n\u202e\ud800ü") == r"a\x1b[31m\n\u202e\ud800ü"
