"""What is the same on both sides is not read: that must not change what is found."""

import pytest

from compatibility.policies.buf_files import module_pairs
from compatibility.policies.buf_pairs import SYNTAXES, message_pairs
from protolith import DescriptorSet, Finding, check
from protolith.compatibility.index import Index
from protolith.compiler import compile_protos

LEVELS = ("wire", "json", "source")
BASE = 'syntax = "proto2"; package p; message Open { optional int32 a = 1; extensions 100 to 199; }'
USER = 'syntax = "proto2"; package p; import "a.proto"; message Holder { optional Open open = 1; }'
EXTENDING = """
syntax = "proto2";
package p;
import "a.proto";
extend Open { optional TYPE extra = 100; }
message Own { optional int32 x = 1; }
"""


def files(type_: str) -> dict[str, str]:
    return {"a.proto": BASE, "user.proto": USER, "b.proto": EXTENDING.replace("TYPE", type_)}


def both_ways(monkeypatch: pytest.MonkeyPatch, new: DescriptorSet, old: DescriptorSet) -> int:
    """Compare the check with one that reads everything; the number of findings."""
    read: list[Finding] = check(new, old, "FULL", levels=LEVELS)
    with monkeypatch.context() as patch:
        patch.setattr(Index, "unchanged", lambda *_: frozenset())
        assert read == check(new, old, "FULL", levels=LEVELS)
    return len(read)


@pytest.mark.parametrize("seed", range(30))
def test_files_of_modules(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (compile_protos(texts) for texts in module_pairs(seed, 2))
    both_ways(monkeypatch, new, old)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_beside_one_that_stays(syntax: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stays, _ = message_pairs(1, syntax, 10)
    stays = stays.replace("package ", "package stays.", 1)
    old, new = (
        compile_protos({"stays.proto": stays, "moves.proto": text})
        for text in message_pairs(2, syntax, 10)
    )
    assert both_ways(monkeypatch, new, old) > 0


def test_an_extension_of_a_message_in_a_file_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (compile_protos(files(type_)) for type_ in ("int32", "string"))
    assert both_ways(monkeypatch, new, old) > 0
    for message in ("p.Open", "p.Holder"):
        found = check(new, old, "BACKWARD", levels=("wire",), message=message)
        assert [(one.rule, one.severity) for one in found] == [
            ("FIELD_WIRE_COMPATIBLE_TYPE", "broken")
        ]
    assert check(new, old, "BACKWARD", levels=("wire",), message="p.Own") == []
