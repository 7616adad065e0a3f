"""The policy of buf beside the real `buf breaking`, on the same pairs of schemas.

`BUF_POLICY_SEEDS=7 pytest tests/compatibility/policies/test_buf_policy.py` compares 3,570 pairs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from compatibility.policies.buf_files import FLAGS, TEXTS, module_pairs
from compatibility.policies.buf_pairs import HEADS, SYNTAXES, message_pairs
from protolith.compatibility.findings import Mode
from protolith.compatibility.policies import BufConfig, check_policy
from protolith.compatibility.policies.buf import CATEGORIES, rules
from protolith.compatibility.policies.buf.config import is_unstable
from protolith.compiler import compile_protos
from protolith.descriptors import DescriptorSet
from protolith.errors import NotFoundError, SchemaValidationError

BUF = Path(sys.executable).with_name("buf")
SEEDS = range(1, 1 + int(os.environ.get("BUF_POLICY_SEEDS", "2")))
MESSAGES, MODULES = 150, 60
Break = tuple[str, str, int, int]
Texts = str | dict[str, str]


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    if not BUF.exists():
        text = f"{BUF} is not there: pip install buf-bin"
        pytest.fail(text) if os.environ.get("CI") == "true" else pytest.skip(text)
    environment = {"HOME": str(folder), "HTTPS_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        [BUF, *arguments], check=False, cwd=folder, capture_output=True, text=True, env=environment
    )


def bufs(
    old: DescriptorSet, new: DescriptorSet, breaking: Mapping[str, Any], folder: Path
) -> set[Break]:
    """What buf finds."""
    (folder / "old.binpb").write_bytes(old.data)
    (folder / "new.binpb").write_bytes(new.data)
    config = json.dumps({"version": "v2", "breaking": breaking})
    flags = ("--against", "old.binpb", "--error-format", "json", "--config", config)
    done = run("breaking", "new.binpb", *flags, folder=folder)
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (100 if found else 0)
    assert all(one["type"] != "COMPILE" for one in found)
    return {
        (one["type"], one.get("path", ""), one["start_line"], one["start_column"]) for one in found
    }


def ours(old: DescriptorSet, new: DescriptorSet, breaking: Mapping[str, Any]) -> set[Break]:
    found = check_policy("buf", new, [(1, old)], config=BufConfig.of(breaking))
    return {(one.rule, one.file, one.line or 1, one.column or 1) for one in found}


def agree(
    old: Texts, new: Texts, folder: Path, breaking: Mapping[str, Any] | None = None
) -> set[str]:
    """Compare both with buf's verdict, and return the rules that fired."""
    schemas = compile_protos(old), compile_protos(new)
    settings = breaking or {"use": list(CATEGORIES)}
    theirs = bufs(*schemas, settings, folder)
    mine = ours(*schemas, settings)
    assert sorted(mine - theirs) == []
    assert sorted(theirs - mine) == []
    return {rule for rule, *_ in theirs}


@pytest.fixture(scope="module")
def fired() -> set[str]:
    """The rules that fired in this module."""
    return set()


def test_the_rules_and_their_categories_are_bufs(tmp_path: Path) -> None:
    done = run("config", "ls-breaking-rules", "--version=v2", "--format=json", folder=tmp_path)
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["id"]: set(one["categories"]) for one in theirs if not one["deprecated"]} == {
        rule.id: set(rule.categories) for rule in rules()
    }
    assert len(rules()) == 64
    assert all(rule.purpose.endswith(".") for rule in rules())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_messages_and_enums(syntax: str, seed: int, tmp_path: Path, fired: set[str]) -> None:
    old, new = message_pairs(seed, syntax, MESSAGES)
    fired |= agree(old, new, tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
def test_files_packages_and_services(seed: int, tmp_path: Path, fired: set[str]) -> None:
    old, new = module_pairs(seed, MODULES)
    fired |= agree(old, new, tmp_path)


def field(syntax: str, text: str, more: str = "") -> str:
    imports = 'import "google/protobuf/cpp_features.proto";' * (syntax == "2023")
    imports += 'import "google/protobuf/java_features.proto";' * (syntax == "2023")
    return f"{HEADS[syntax]} package p; {imports} {more}\nmessage M {{\n {text}\n}}"


CPP, JAVA = "features.(pb.cpp)", "features.(pb.java)"
ALONE = [
    ("proto3", "string a = 1;", "string a = 1 [ctype = CORD];"),
    ("proto3", "string a = 1 [ctype = STRING_PIECE];", "string a = 1;"),
    ("2023", "string a = 1;", f"string a = 1 [{CPP}.string_type = CORD];"),
    ("2023", "string a = 1;", f"string a = 1 [\n{CPP} = {{ string_type: CORD }}];"),
    ("2023", "string a = 1;", f"string a = 1 [\n{JAVA} = {{ utf8_validation: VERIFY }}];"),
    ("2023", "string a = 1;", f"string a = 1 [\n{JAVA}.utf8_validation = VERIFY];"),
    ("2023", "string a = 1;", "string a = 1 [features = {\nutf8_validation: NONE }];"),
    ("2023", "enum E { A = 0; }", "enum E { option features = { enum_type: CLOSED }; A = 0; }"),
    ("2023", "", "option features = { json_format: LEGACY_BEST_EFFORT };"),
    ("2023", "int32 a = 1;", "int32 a = 1 [features.field_presence = LEGACY_REQUIRED];"),
    ("2023", "M a = 1;", "M a = 1 [features.message_encoding = DELIMITED];"),
    ("proto2", "extensions 5 to max;", "extensions 6 to 8, 10 to max;"),
    ("proto2", "reserved 5 to max;", "reserved 5 to 7, 9 to max;"),
    ("proto2", "enum E { A = 1; reserved 5 to max; }", "enum E { A = 1; reserved 6 to max; }"),
    ("proto2", "optional float a = 1 [default = 0.1];", "optional double a = 1 [default = 0.1];"),
    ("proto2", "optional int32 a = 1 [default = 1];", "optional bool a = 1 [default = true];"),
    ("proto2", "optional string a = 1 [default = 'a'];", "optional bytes a = 1 [default = 'a'];"),
    ("proto3", "map<string, M> a = 1;", "map<string, string> b = 1;"),
    (
        "proto3",
        "enum E { Z = 0; } E a = 1;",
        "enum E { Z = 0; } E a = 1; message N { enum E { Z = 0; Y = 1; } } N.E b = 2;",
    ),
    ("proto3", "enum E { Z = 0; } E a = 1;", "message N { enum E { Z = 0; Y = 1; } } N.E a = 1;"),
    ("proto3", "enum E { Z = 0; } E a = 1;", "message N { enum F { Z = 0; } } N.F a = 1;"),
    ("proto3", "", "option no_standard_descriptor_accessor = true;"),
    ("proto3", "int32 a = 1; int32 b = 2;", "oneof x { int32 a = 1; int32 b = 2; }"),
    ("proto3", "oneof x { int32 a = 1; }", "oneof y { int32 a = 1; }"),
]


@pytest.mark.parametrize(("syntax", "old", "new"), ALONE)
def test_a_change_alone(syntax: str, old: str, new: str, tmp_path: Path, fired: set[str]) -> None:
    fired |= agree(field(syntax, old), field(syntax, new), tmp_path)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_file_option(syntax: str, tmp_path: Path, fired: set[str]) -> None:
    flags = FLAGS if syntax != "2023" else FLAGS[:-1]
    options = [f'option {name} = "x";' for name in TEXTS]
    # Of a flag whose default is true, false is the change.
    options += [f"option {name} = {'false' if 'arenas' in name else 'true'};" for name in flags]
    more = "\n".join([*options, "option optimize_for = CODE_SIZE;"])
    plain, full = field(syntax, ""), field(syntax, "", more)
    fired |= agree(plain, full, tmp_path)
    fired |= agree(full, plain, tmp_path)


def test_all_rules_fired(fired: set[str]) -> None:
    assert {rule.id for rule in rules()} - fired == set()


def test_one_category_at_a_time(tmp_path: Path) -> None:
    old, new = message_pairs(99, "2023", 50)
    for category in CATEGORIES:
        agree(old, new, tmp_path, {"use": [category]})
    agree(old, new, tmp_path, {})


def test_positions_are_unknown_without_source_info(tmp_path: Path) -> None:
    def bare(schema: DescriptorSet) -> DescriptorSet:
        files = descriptor_pb2.FileDescriptorSet.FromString(schema.data)
        for file in files.file:
            file.ClearField("source_code_info")
        return DescriptorSet.from_bytes(files.SerializeToString(), schema.roots)

    old, new = (bare(compile_protos(text)) for text in message_pairs(5, "proto3", 30))
    settings = {"use": ["FILE"]}
    found = ours(old, new, settings)
    assert found == bufs(old, new, settings, tmp_path)
    assert {(line, column) for _, _, line, column in found} == {(1, 1)}


MODULE = {
    "shop/v1/a.proto": "package shop.v1; message M { string a = 1; } message Gone {}",
    "shop/v1/deep/b.proto": "package shop.v1.deep; message M { string a = 1; }",
    "shop/v1beta1/c.proto": "package shop.v1beta1; message M { string a = 1; } message Gone {}",
    "shop/w/moved.proto": "package shop.w; message W { string a = 1; string b = 2; }",
    "shop/x/renamed.proto": "package shop.x; message X { string a = 1; }",
    "shop/y/deleted.proto": "package shop.y; message Y { string a = 1; }",
}
LATER = {
    "shop/v1/a.proto": "package shop.v1; message M { int32 a = 1; }",
    "shop/v1/deep/b.proto": "package shop.v1.deep; message M { bytes b = 1; }",
    "shop/v1beta1/c.proto": "package shop.v1beta1; message M { int32 a = 1; }",
    "shop/w/here.proto": "package shop.w; message W { int32 a = 1; }",
    "shop/x/renamed.proto": "package shop.x1alpha.v1alpha1; message X { int32 a = 1; }",
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"use": ["WIRE"], "except": ["FIELD_WIRE_COMPATIBLE_TYPE"]},
    {"use": ["FIELD_SAME_NAME", "PACKAGE_NO_DELETE"]},
    {"except": ["WIRE"]},
    {"use": ["FILE", "PACKAGE"], "ignore": ["shop/v1"]},
    {"ignore": ["shop/v1/a.proto", "./shop/v1beta1/"]},
    {"ignore": ["shop/v"]},
    {"ignore": ["."]},
    {"ignore": ["x/../shop/v1"]},
    {"ignore": ["shop/w/moved.proto"]},
    {"ignore": ["shop/w/here.proto"]},
    {"use": ["FILE", "PACKAGE"], "ignore": ["shop/y", "shop/x"]},
    {"ignore_only": {"FIELD_SAME_TYPE": ["shop/v1", "shop/w/moved.proto"]}},
    {"ignore_only": {"WIRE_JSON": ["shop"], "FILE_NO_DELETE": ["shop/y/deleted.proto"]}},
    {"ignore_only": {"FIELD_WIRE_COMPATIBLE_TYPE": ["shop"]}},
    {"use": ["FILE", "PACKAGE"], "ignore_unstable_packages": True},
]
PACKAGES = ["v1", "v0", "v1alpha", "v1alpha1", "v1alpha0", "v1beta", "v1beta2", "v1p1alpha1"]
PACKAGES += ["v1p1", "v1p1beta", "v1p0beta1", "v0alpha1", "v01alpha1", "v1test", "v1testfoo"]
PACKAGES += ["v1test1", "v1tes", "alpha", "dev", "v1alpha1x", "v12beta34", "v1gamma1", "valpha"]
PACKAGES += ["v1p1test", "v1alphabeta", "v1p", "v1p1p1alpha1", "v1_alpha1", "V1alpha1", "v1beta01"]


def _texts(files: dict[str, str]) -> dict[str, str]:
    return {name: f'syntax = "proto3"; {text}' for name, text in files.items()}


@pytest.mark.parametrize("settings", SETTINGS, ids=json.dumps)
def test_settings(settings: dict[str, Any], tmp_path: Path) -> None:
    agree(_texts(MODULE), _texts(LATER), tmp_path, settings or {"use": ["FILE"]})
    text = json.dumps({"version": "v2", "breaking": settings})  # JSON is YAML
    assert BufConfig.from_yaml(text) == BufConfig.of(settings)


def test_unstable_packages(tmp_path: Path) -> None:
    names = [f"shop.{name}" for name in PACKAGES] + ["v1alpha1", "shop.v1alpha1.sub", ""]
    old, new = (
        {
            f"f{at}.proto": f"package {name};" * bool(name) + f" message M{at} {{ {kind} a = 1; }}"
            for at, name in enumerate(names)
        }
        for kind in ("string", "int32")
    )
    agree(_texts(old), _texts(new), tmp_path, {"ignore_unstable_packages": True})
    assert is_unstable("shop.v1beta1")
    assert not is_unstable("shop.v1")


def test_a_buf_yaml_is_read() -> None:
    text = (
        "version: v2\nbreaking:\n  use:\n    - WIRE\n  except: [FIELD_SAME_ONEOF]\n"
        "  ignore: [old]\n  ignore_only:\n    FIELD_SAME_DEFAULT:\n      - a.proto\n"
        "  ignore_unstable_packages: true\n"
    )
    assert BufConfig.from_yaml(text) == BufConfig(
        use=("WIRE",),
        exclude=("FIELD_SAME_ONEOF",),
        ignore=("old",),
        ignore_only={"FIELD_SAME_DEFAULT": ("a.proto",)},
        ignore_unstable_packages=True,
    )
    assert BufConfig.from_yaml(b"version: v2\n") == BufConfig()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: v1\n", "has not the version v2"),
        ("version: [\n", "is not YAML"),
        ("[" * 5000, "is not YAML"),
        ("- version\n", "has not the version v2"),
        ("version: v2\nbreaking: 1\n", "no section"),
        ("version: v2\nbreaking: {use: FILE}\n", "not a list of texts"),
        ("version: v2\nbreaking: {use: [NOPE]}\n", "no rule or category"),
        ("version: v2\nbreaking: {except: [NOPE]}\n", "no rule or category"),
        ("version: v2\nbreaking: {except: [FILE]}\n", "no rule of the policy is left"),
        ("version: v2\nbreaking: {ignore_only: {NOPE: [a]}}\n", "no rule or category"),
        ("version: v2\nbreaking: {ignore: [../a]}\n", "leads out of the schema"),
        ("version: v2\nbreaking: {ignore: [/a]}\n", "leads out of the schema"),
        ("version: v2\nbreaking: {nope: 1}\n", "no setting"),
        ("version: v2\nbreaking: {ignore_unstable_packages: 'yes'}\n", "another form"),
    ],
)
def test_a_wrong_buf_yaml_is_refused(text: str, said: str) -> None:
    with pytest.raises(SchemaValidationError, match=said):
        BufConfig.from_yaml(text)


def test_a_finding_says_where_and_why() -> None:
    old, new = compile_protos(_texts(MODULE)), compile_protos(_texts(LATER))
    found = check_policy("buf", new, [(7, old)], categories=("FILE",))
    one = next(one for one in found if one.rule == "FIELD_SAME_TYPE")
    assert (one.level, one.direction, one.severity, one.against) == (
        *("source", "backward", "error"),
        7,
    )
    assert (one.subject, one.old, one.new) == ("shop.v1.M.a", "string", "int32")
    assert (one.place, one.old_place) == ("shop/v1/a.proto:1:49", "shop/v1/a.proto:1:49")
    levels = {one.rule: one.level for one in found}
    assert levels["FILE_SAME_PACKAGE"] == "wire"
    assert levels["FIELD_SAME_NAME"] == "json"
    gone = next(one for one in found if one.rule == "FILE_NO_DELETE")
    assert (gone.place, gone.old_place) == ("", "shop/w/moved.proto:1:1")


@pytest.mark.parametrize(
    ("mode", "versions"),
    [
        ("NONE", []),
        ("BACKWARD", [2]),
        ("FORWARD", [2]),
        ("FULL", [2]),
        ("FULL_TRANSITIVE", [2, 1]),
    ],
)
def test_the_modes_have_no_direction(mode: Mode, versions: list[int]) -> None:
    texts = ["message M { string a = 1; }", "message M { bytes a = 1; }", "message M {}"]
    first, second, third = (compile_protos(f'syntax = "proto3"; {text}') for text in texts)
    found = check_policy("buf", third, [(1, first), (2, second)], mode)
    assert [one.against for one in found] == versions


def test_an_unknown_policy_is_named() -> None:
    schema = compile_protos('syntax = "proto3";')
    with pytest.raises(NotFoundError, match="no policy 'other'"):
        check_policy("other", schema, [])


def test_an_enum_in_another_file_changes_what_fields_read_as(tmp_path: Path) -> None:
    head = 'syntax = "proto2"; package p;'
    message = f'{head} import "e.proto"; message M {{ optional E e = 1; extensions 2; }}'
    message += " extend M { optional E x = 2; }"
    old, new = (
        {"m.proto": message, "e.proto": f"{head} enum E {{ {values} }}"}
        for values in ("A = 1; B = 2;", "B = 2; A = 1;")
    )
    assert agree(old, new, tmp_path) == {"FIELD_SAME_DEFAULT"}


def test_a_schema_follows_itself_without_findings() -> None:
    for text in (message_pairs(3, "2023", 40)[0], module_pairs(3, 5)[0]):
        schema = compile_protos(text)
        assert ours(schema, schema, {"use": list(CATEGORIES)}) == set()


def test_the_next_edition_is_the_same_syntax(tmp_path: Path) -> None:
    body = "package p; message M { string a = 1; bytes b = 2; enum E { Z = 0; } }"
    old, new = (f'edition = "{year}"; {body}' for year in (2023, 2024))
    assert agree(old, new, tmp_path) == {"FIELD_SAME_CPP_STRING_TYPE"}
