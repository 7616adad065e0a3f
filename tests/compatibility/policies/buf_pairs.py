"""Pairs of schemas for the policy of buf: random declarations, then a few changes to a copy."""

import copy
import random
from collections.abc import Callable
from typing import Any

Body = dict[str, Any]
SYNTAXES = ("proto2", "proto3", "2023")
HEADS = {
    "proto2": 'syntax = "proto2";',
    "proto3": 'syntax = "proto3";',
    "2023": 'edition = "2023";',
}
NUMBERS = ["int32", "int64", "uint32", "uint64", "sint32", "sint64"]
NUMBERS += ["fixed32", "fixed64", "sfixed32", "sfixed64"]
SCALARS = [*NUMBERS, "bool", "string", "bytes", "float", "double"]
KEYS = [one for one in SCALARS if one not in ("bytes", "float", "double")]
NAMED = ["E", "F", "A", "B"]
NAMES = ["a", "b_c", "d_e_f", "g2_h", "i__j", "Kl"]
DEFAULTS = {
    "bool": ["true", "false"],
    "string": ['"A"', r'"\x41"', '""', '"é"', r'"\303\251"'],
    "bytes": ['"A"', r'"\x41"', r'"\xff\000"', '""'],
    "float": ["1.5", "inf", "-inf", "nan", "0.1", "-0.0", "0", "1e39"],
    "double": ["1.5", "inf", "nan", "0.1", "-0.0", "0", "0.10000000149011612"],
}
FEATURES = {
    "utf8_validation": ["VERIFY", "NONE"],
    "field_presence": ["EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"],
    "(pb.cpp).string_type": ["STRING", "CORD", "VIEW"],
    "(pb.java).utf8_validation": ["DEFAULT", "VERIFY"],
}


def a_type(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.65:
        return rng.choice(SCALARS)
    if kind < 0.85:
        return rng.choice(NAMED)
    return f"map<{rng.choice(KEYS)}, {rng.choice([*SCALARS, *NAMED])}>"


def a_label(rng: random.Random, syntax: str) -> str:
    labels = {
        "proto2": ["optional", "required", "repeated"],
        "proto3": ["", "optional", "repeated"],
    }
    return rng.choice(labels.get(syntax, ["", "", "repeated"]))


def a_field(rng: random.Random, syntax: str, number: int, name: str) -> Body:
    field: Body = {"number": number, "name": name, "type": a_type(rng), "options": {}}
    field |= {"label": a_label(rng, syntax), "oneof": rng.choice(["", "", "", "x", "y"])}
    for _ in range(rng.choice([0, 0, 1, 2])):
        set_option(rng, syntax, field)
    return field


def set_option(rng: random.Random, syntax: str, field: Body) -> None:
    """Set or change one option; those that do not fit the type are left out when it is written."""
    kind = rng.choice(
        ["default", "json_name", "jstype", "ctype", "deprecated", "feature", "feature"]
    )
    options = field["options"]
    if kind == "default":
        options["default"] = rng.random()
    elif kind == "json_name":
        options["json_name"] = f'"{rng.choice(["j", "k"])}{field["number"]}"'
    elif kind == "jstype":
        options["jstype"] = rng.choice(["JS_NORMAL", "JS_STRING", "JS_NUMBER"])
    elif kind == "ctype":
        options["ctype"] = rng.choice(["STRING", "CORD", "STRING_PIECE"])
    elif kind == "feature" and syntax == "2023":
        name = rng.choice([*FEATURES, "message_encoding"])
        options[f"features.{name}"] = rng.choice(
            FEATURES.get(name, ["LENGTH_PREFIXED", "DELIMITED"])
        )
    else:
        options["deprecated"] = rng.choice(["true", "false"])


def an_enum(rng: random.Random, name: str, *, values: list[list[Any]] | None = None) -> Body:
    made = values or [[f"{name}0", 0]] + [
        [f"{name}{n}", n] for n in rng.sample(range(1, 6), rng.randint(1, 3))
    ]
    return {"name": name, "values": made, "reserved": [], "names": [], "options": {}}


def a_message(rng: random.Random, syntax: str) -> Body:
    names = rng.sample(NAMES, 3)
    message: Body = {
        "fields": [a_field(rng, syntax, n, name) for n, name in enumerate(names, 1)],
        "enums": [an_enum(rng, "E"), an_enum(rng, "F")],
        "nested": ["A", "B"],
        "reserved": [[20, 25], [30, 30]],
        "names": ["old_one", "old_two"],
        "ranges": [[100, 150], [160, 170]],
        "options": {},
        "extensions": [],
        "groups": [],
    }
    for enum in message["enums"]:
        enum["reserved"], enum["names"] = [[40, 45], [-3, -1]], [f"{enum['name']}_GONE"]
    if syntax != "proto3" and rng.random() < 0.4:
        message["extensions"] = [extension(rng, 101), extension(rng, 102)]
    if syntax == "proto2" and rng.random() < 0.3:
        message["groups"] = [[rng.choice(["optional", "repeated", "required"]), "Gr", 9]]
    return message


def extension(rng: random.Random, number: int) -> Body:
    kind, inside = rng.choice([*SCALARS, "E", "A"]), rng.random() < 0.5
    return {
        "number": number,
        "name": f"x{number}",
        "type": kind,
        "inside": inside,
        "repeated": False,
    }


def _of_field(change: Callable[[random.Random, str, Body], None]) -> Callable[..., None]:
    def mutator(rng: random.Random, syntax: str, message: Body) -> None:
        if message["fields"]:
            change(rng, syntax, rng.choice(message["fields"]))

    return mutator


def other_type(rng: random.Random, syntax: str, field: Body) -> None:
    field["type"] = a_type(rng)


def other_scalar(rng: random.Random, syntax: str, field: Body) -> None:
    field["type"] = rng.choice(SCALARS)


def other_label(rng: random.Random, syntax: str, field: Body) -> None:
    field["label"] = a_label(rng, syntax)


def other_number(rng: random.Random, syntax: str, field: Body) -> None:
    field["number"] += 300


def other_name(rng: random.Random, syntax: str, field: Body) -> None:
    field["name"] += rng.choice(["_x", "y"])


def other_oneof(rng: random.Random, syntax: str, field: Body) -> None:
    field["oneof"] = rng.choice(["", "x", "y", "z"])


def no_option(rng: random.Random, syntax: str, field: Body) -> None:
    field["options"] = {}


def delete_field(rng: random.Random, syntax: str, message: Body) -> None:
    if message["fields"]:
        field = message["fields"].pop(rng.randrange(len(message["fields"])))
        if rng.random() < 0.5:
            message["reserved"].append([field["number"]] * 2)
        if rng.random() < 0.5:
            message["names"].append(field["name"])


def add_field(rng: random.Random, syntax: str, message: Body) -> None:
    message["fields"].append(
        a_field(rng, syntax, 50 + len(message["fields"]), f"added{rng.randrange(10**9)}")
    )


def other_values(rng: random.Random, syntax: str, message: Body) -> None:
    enum = rng.choice(message["enums"])
    at = rng.randrange(len(enum["values"]))
    name, number = enum["values"][at]
    kind = rng.choice(["drop", "drop", "rename", "renumber", "alias", "add"])
    if kind == "drop" and len(enum["values"]) > 1 and number:
        del enum["values"][at]
        if rng.random() < 0.5:
            enum["reserved"].append([number, number])
        if rng.random() < 0.5:
            enum["names"].append(name)
    elif kind == "rename":
        enum["values"][at][0] = f"{name}_R"
    elif kind == "renumber" and number:
        enum["values"][at][1] = number + 50 + at
    elif kind == "alias":
        enum["values"].append([f"{name}_ALIAS{len(enum['values'])}", number])
    elif kind == "add":
        enum["values"].append(
            [f"{enum['name']}_NEW{len(enum['values'])}", 60 + len(enum["values"])]
        )


def other_first(rng: random.Random, syntax: str, message: Body) -> None:
    rng.choice(message["enums"])["values"].reverse()


def other_enum(rng: random.Random, syntax: str, message: Body) -> None:
    enum = rng.choice(message["enums"])
    if syntax == "2023":
        name, values = rng.choice(
            [("enum_type", ["OPEN", "CLOSED"]), ("json_format", ["ALLOW", "LEGACY_BEST_EFFORT"])]
        )
        enum["options"][f"features.{name}"] = rng.choice(values)


def delete_enum(rng: random.Random, syntax: str, message: Body) -> None:
    name = rng.choice("EF")
    message["enums"] = [one for one in message["enums"] if one["name"] != name]
    no_type(message, name)


def delete_nested(rng: random.Random, syntax: str, message: Body) -> None:
    name = rng.choice("AB")
    message["nested"] = [one for one in message["nested"] if one != name]
    no_type(message, name)


def no_type(message: Body, name: str) -> None:
    for field in (*message["fields"], *message["extensions"]):
        if field["type"] == name or field["type"].endswith(f" {name}>"):
            field["type"] = "int32"


def other_reserved(rng: random.Random, syntax: str, message: Body) -> None:
    where = rng.choice([message, *message["enums"]])
    kind = rng.choice(["names", "reserved", "split", "ranges"])
    if kind == "names" and where["names"]:
        where["names"].pop()
    elif kind == "reserved" and where["reserved"]:
        where["reserved"].pop(rng.randrange(len(where["reserved"])))
    elif kind == "split" and [20, 25] in where["reserved"]:
        where["reserved"] += [[20, 22], [rng.choice([23, 24]), 25]]
        where["reserved"].remove([20, 25])
    elif kind == "ranges" and where is message:
        message["ranges"] = rng.choice([[[100, 130], [131, 170]], [[101, 149]], [[100, 200]]])


def other_options(rng: random.Random, syntax: str, message: Body) -> None:
    message["options"]["no_standard_descriptor_accessor"] = rng.choice(["true", "false"])
    if syntax == "2023":
        message["options"]["features.json_format"] = rng.choice(["ALLOW", "LEGACY_BEST_EFFORT"])


def other_extension(rng: random.Random, syntax: str, message: Body) -> None:
    if message["extensions"]:
        one = rng.choice(message["extensions"])
        kind = rng.choice(["name", "number", "type", "inside", "repeated", "delete"])
        if kind == "delete":
            message["extensions"].remove(one)
        elif kind == "type":
            one["type"] = rng.choice(SCALARS)
        elif kind == "number":
            one["number"] += 5
        elif kind == "name":
            one["name"] += "_x"
        else:
            one[kind] = not one[kind]


def other_group(rng: random.Random, syntax: str, message: Body) -> None:
    if message["groups"]:
        label, name, number = message["groups"].pop()
        kind = rng.choice(["message", "label", "name", "delete"])
        if kind == "message":
            message["fields"].append(
                {
                    "number": number,
                    "name": name.lower(),
                    "type": "A",
                    "options": {},
                    "label": label,
                    "oneof": "",
                }
            )
            if "A" not in message["nested"]:
                message["nested"].append("A")
        elif kind != "delete":
            label = rng.choice(["optional", "repeated", "required"])
            message["groups"] = [[label, name if kind == "label" else "Gro", number]]


MUTATORS: list[Callable[..., None]] = [
    *map(_of_field, (other_type, other_scalar, other_label, other_number, other_name)),
    *map(_of_field, (other_oneof, set_option, set_option, no_option)),
    *(delete_field, add_field, other_values, other_values, other_first, other_enum, delete_enum),
    *(delete_nested, other_reserved, other_options, other_extension, other_group),
]


def write_message(message: Body, syntax: str, name: str) -> str:
    lines = [f"message {name} {{", *_options(message["options"]), *_reserved(message, syntax)]
    if syntax != "proto3":
        lines += [f"  extensions {low} to {high};" for low, high in message["ranges"]]
    for enum in message["enums"]:
        in_map = any(one["type"].endswith(f" {enum['name']}>") for one in message["fields"])
        lines += _enum(enum, syntax, zero_first=in_map or syntax != "proto2")
    lines += [
        f"  message {one} {{ {'optional ' if syntax == 'proto2' else ''}int32 a = 1; }}"
        for one in message["nested"]
    ]
    lines += [
        f"  {label} group {name} = {number} {{ optional int32 in = 1; }}"
        for label, name, number in message["groups"]
    ]
    oneofs: dict[str, list[str]] = {}
    for field in message["fields"]:
        text = _field(field, syntax, message)
        if _is_member(field):
            oneofs.setdefault(field["oneof"], []).append(text)
        else:
            lines.append(text)
    for one, texts in oneofs.items():
        lines += [f"  oneof {one} {{", *texts, "  }"]
    inside = [_extension(one, name, syntax) for one in message["extensions"] if one["inside"]]
    outside = [_extension(one, name, syntax) for one in message["extensions"] if not one["inside"]]
    return "\n".join([*lines, *inside, "}", *outside])


def _is_member(field: Body) -> bool:
    single = field["label"] in ("", "optional") and not field["type"].startswith("map")
    return bool(field["oneof"]) and single


def _options(options: Body) -> list[str]:
    return [f"  option {name} = {value};" for name, value in options.items()]


def _reserved(where: Body, syntax: str) -> list[str]:
    quote = "" if syntax == "2023" else '"'
    lines = [f"  reserved {low} to {high};" for low, high in where["reserved"]]
    return lines + [f"  reserved {quote}{name}{quote};" for name in where["names"]]


def _enum(enum: Body, syntax: str, *, zero_first: bool) -> list[str]:
    values = list(enum["values"])
    if zero_first:
        values.sort(key=lambda value: value[1] != 0)
    alias = ["  option allow_alias = true;"] * (len({n for _, n in values}) < len(values))
    lines = [
        f"  enum {enum['name']} {{",
        *alias,
        *_options(enum["options"]),
        *_reserved(enum, syntax),
    ]
    return [*lines, *(f"    {name} = {number};" for name, number in values), "  }"]


def _extension(one: Body, name: str, syntax: str) -> str:
    label = "repeated" if one["repeated"] else "optional" if syntax == "proto2" else ""
    kind = f"{name}.{one['type']}" if one["type"] in NAMED else one["type"]
    own = one["name"] if one["inside"] else f"{name}_{one['name']}"
    return f"extend {name} {{\n  {label} {kind} {own} = {one['number']};\n}}"


def _field(field: Body, syntax: str, message: Body) -> str:
    kind, label = field["type"], field["label"]
    if kind.startswith("map") or _is_member(field):
        label = ""
    options = _fitting(field, syntax, message)
    texts = (
        f" [{', '.join(f'{name} = {value}' for name, value in options.items())}]" if options else ""
    )
    return f"  {label} {kind} {field['name']} = {field['number']}{texts};"


def _fitting(field: Body, syntax: str, message: Body) -> Body:
    """The options that the compiler takes for such a field."""
    kind, options = field["type"], dict(field["options"])
    single = field["label"] in ("", "optional", "required") and not kind.startswith("map")
    plain = single and not _is_member(field)
    scalar, text = kind in SCALARS or kind in ("E", "F"), kind in ("string", "bytes")
    takes = {
        "jstype": kind in ("int64", "uint64", "sint64", "fixed64", "sfixed64"),
        "ctype": text,
        "default": syntax != "proto3" and single and scalar,
        "features.utf8_validation": kind == "string"
        or (kind.startswith("map") and "string" in kind),
        "features.field_presence": plain,
        "features.message_encoding": kind in ("A", "B"),
        "features.(pb.cpp).string_type": text and "ctype" not in options,
        "features.(pb.java).utf8_validation": kind == "string",
    }
    found = {name: value for name, value in options.items() if takes.get(name, True)}
    presence = found.get("features.field_presence")
    if presence == "IMPLICIT" and (kind in ("A", "B") or _is_closed(kind, message)):
        del found["features.field_presence"]
    if found.get("features.field_presence") == "IMPLICIT":
        found.pop("default", None)
    if found.get("ctype") == "CORD" or found.get("features.(pb.cpp).string_type") == "CORD":
        found.pop("features.(pb.cpp).string_type", None)
    if "default" in found:
        found["default"] = _default(found["default"], kind, message)
    return found


def _is_closed(kind: str, message: Body) -> bool:
    return any(
        one["name"] == kind and one["options"].get("features.enum_type") == "CLOSED"
        for one in message["enums"]
    )


def _default(seed: float, kind: str, message: Body) -> str:
    choices = DEFAULTS.get(kind, ["0", "1", "7", "0x10"])
    for enum in message["enums"]:
        if enum["name"] == kind:
            choices = [name for name, _ in enum["values"]]
    return str(choices[int(seed * len(choices))])


def message_pairs(seed: int, syntax: str, count: int) -> tuple[str, str]:
    """Two files with a message for each pair."""
    rng = random.Random(seed)
    olds, news = [], []
    for at in range(count):
        old = a_message(rng, syntax)
        new = copy.deepcopy(old)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            rng.choice(MUTATORS)(rng, syntax, new)
        for name in {*NAMED} - {*new["nested"], *(one["name"] for one in new["enums"])}:
            no_type(new, name)
        olds.append(write_message(old, syntax, f"M{at}"))
        news.append(write_message(new, syntax, f"M{at}"))
    head = [HEADS[syntax], f"package p{syntax};"]
    if syntax == "2023":
        head += [f'import "google/protobuf/{one}_features.proto";' for one in ("cpp", "java")]
    return "\n".join([*head, *olds, ""]), "\n".join([*head, *news, ""])
