import time
from dataclasses import replace
from importlib import metadata

import pytest

from protolith.compiler import DEFAULT_LIMITS, Limits, SourceFile
from protolith.compiler.precheck import blank, check_text, imports
from protolith.errors import MalformedError, SchemaRegistryError, SchemaTooComplexError


def check(*texts: str | bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    contents = [text.encode() if isinstance(text, str) else text for text in texts]
    files = [SourceFile(f"f{n}.proto", content) for n, content in enumerate(contents, 1)]
    check_text(files, limits)


def refusal(*texts: str | bytes, limits: Limits = DEFAULT_LIMITS) -> SchemaRegistryError:
    with pytest.raises(SchemaRegistryError) as caught:
        check(*texts, limits=limits)
    return caught.value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"// caf\xe9", "f1.proto:1:7: byte 0xe9 is not UTF-8 at byte offset 6"),
        (
            "// ü\n//x ".encode() + b"\xc0\xaf",
            "f1.proto:2:5: byte 0xc0 is not UTF-8 at byte offset 10",
        ),
        (b"\n/* \xed\xa0\x80 */", "f1.proto:2:4: byte 0xed is not UTF-8 at byte offset 4"),
        (b"x\0", "f1.proto:1:2: control character 0x00 at byte offset 1"),
        ("//ü\n\x1b[31m", "f1.proto:2:1: control character 0x1b at byte offset 5"),
        ("a\x0cb", "f1.proto:1:2: control character 0x0c at byte offset 1"),
        ("a\x7f", "f1.proto:1:2: control character 0x7f at byte offset 1"),
    ],
)
def test_what_is_not_plain_text_is_refused_at_its_place(text: str | bytes, place: str) -> None:
    error = refusal(text)
    assert isinstance(error, MalformedError)
    assert [str(detail) for detail in error.details] == [place]
    assert str(error.details[0].offset) == place.rpartition(" ")[2]


@pytest.mark.parametrize("text", ["\ufeffsyntax", "a\r\n\tb", "// ü 漢字 😀 \u202e", ""])
def test_all_other_text_passes(text: str) -> None:
    check(text)


OVER_AND_UNDER = [
    ("{" * 33 + "}" * 33, "{" * 32 + "}" * 32 + "{}", "33 levels of nested brackets", "1:33"),
    ("{\n[(<" * 20, "{\n[(<" * 8, "80 levels of nested brackets", "9:4"),
    ("r<" * 33, "r<" * 32 + ">" * 32 + "r<", "33 levels of nested brackets", "1:66"),
    ("{>" * 33, "{>" * 32, "33 levels of nested brackets", "1:65"),
    ("x " + "i" * 301, "i" * 300 + " " + "j" * 300, "301 bytes in one identifier", "1:3"),
    ("\np" + ".p" * 32, "p" + ".p" * 31, "33 parts in one dotted name", "2:1"),
    ("p" + " .\n/**/p" * 32, "p" + " .\n/**/p" * 31, "33 parts in one dotted name", "1:1"),
    (
        f"reserved 1{',2' * 1000};\nextensions 1{',3 to 4' * 1000};",
        f"reserved 1{',2' * 999};\nextensions 1{',3 to 4' * 999};",
        "2,002 reserved and extension ranges",
        "2:1",
    ),
    ('import "a";' * 500 + "\nimport public 'b';", 'import "a";' * 500, "501 imports", "2:1"),
]


@pytest.mark.parametrize(("over", "under", "found", "place"), OVER_AND_UNDER)
def test_a_limit_is_told_with_what_was_found(over: str, under: str, found: str, place: str) -> None:
    check(under)
    error = refusal(over)
    assert isinstance(error, SchemaTooComplexError)
    assert error.message.startswith(f"f1.proto has {found}; at most ")
    assert str(error.details[0]) == f"f1.proto:{place}: {found}"


def test_tokens_are_counted_over_all_files() -> None:
    limits = replace(DEFAULT_LIMITS, tokens=10)
    check("a = 1;", "b = 'x y z' /* c d */;", "c ;", limits=limits)
    error = refusal("a = 1;", "b = 'x';", "c d e", limits=limits)
    assert isinstance(error, SchemaTooComplexError)
    assert "11 words and signs" in error.message
    assert "at most 10" in error.message


def test_a_million_signs_are_too_many() -> None:
    assert isinstance(refusal(";" * 500_001), SchemaTooComplexError)


@pytest.mark.parametrize(
    "hidden",
    [
        "// " + "{" * 99,
        "/* " + "{" * 99 + "\n// */",
        "'" + "{" * 99 + "'",
        '"\\"' + "{" * 99 + '"',
        "'//' /* ' */ // '\n",
        "// /*\n",
        "x" * 300 + "/**/" + "x" * 300,
        "// " + "x" * 20_000,
        "'" + "x" * 20_000 + "'",
        "string reserved = 1; string import = 2; string extensions = 3;",
    ],
)
def test_comments_and_strings_do_not_count(hidden: str) -> None:
    check(hidden)


@pytest.mark.parametrize(
    "prefix",
    [
        "'\n",
        '"\\\n',
        "'\\'\n",
        "//\\\n",
        "/*/ */",
        "/* // */",
        "'//'",
        '"/*" ',
        "/**/",
        "'\\\\'",
        "/ ",
    ],
)
def test_what_looks_like_a_comment_or_string_hides_nothing(prefix: str) -> None:
    assert "33 levels" in refusal(prefix + "{" * 33).message


def test_what_is_blank_keeps_its_offsets() -> None:
    text = b"a 'b' // c\nd /* e\nf */ \"g\n h"
    assert blank(text) == b'a "' + b" " * 7 + b"\nd" + b" " * 11 + b'" \n h'
    assert len(blank(text)) == len(text)


def test_a_comment_without_an_end_is_left_to_the_compiler() -> None:
    check("message M {} /* " + "{" * 99)


def test_imports_are_read_as_the_compiler_reads_them() -> None:
    text = b"""import "a.proto"; import public'b.proto'; import weak /* */ "c.proto"; //import "no";
    /* import "no"; */ option o = "import 'no';"; import
    "d/e.proto"; string import = 1; import option "f";"""
    assert list(imports(text)) == ["a.proto", "b.proto", "c.proto", "d/e.proto", "f"]


@pytest.mark.parametrize(
    "unit",
    [
        '"\\',
        "/*",
        "' ",
        "a ",
        "a.",
        "a . ",
        "{",
        "{}",
        "<",
        "reserved ",
        'import "',
        "//\n",
        "\n",
        "import  ",
    ],
)
def test_time_grows_with_the_length_and_not_its_square(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        limits = Limits(*[10**12] * 9)
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            check(text, limits=limits)
            best = min(best, time.process_time() - start)
        return best

    # 32 times the text takes 32 times as long, or 1,024 times if it is quadratic.
    assert seconds(512 * 1024) < 250 * max(seconds(16 * 1024), 1e-4)


def test_public_schemas_pass() -> None:
    files = metadata.files("googleapis-common-protos") or []
    sources = [SourceFile(f.name, f.read_binary()) for f in files if f.suffix == ".proto"]
    assert len(sources) > 50
    check_text(sources, DEFAULT_LIMITS)
