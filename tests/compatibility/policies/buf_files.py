"""Pairs of small modules for the policy of buf: files, packages, services and file options."""

import copy
import random
from typing import Any

from compatibility.policies.buf_pairs import HEADS, SYNTAXES

Module = dict[str, Any]
TEXTS = ["csharp_namespace", "go_package", "java_outer_classname", "java_package"]
TEXTS += ["objc_class_prefix", "php_class_prefix", "php_metadata_namespace", "php_namespace"]
TEXTS += ["ruby_package", "swift_prefix"]
FLAGS = ["cc_enable_arenas", "cc_generic_services", "java_generic_services"]
FLAGS += ["java_multiple_files", "py_generic_services", "java_string_check_utf8"]
LEVELS = ["IDEMPOTENCY_UNKNOWN", "NO_SIDE_EFFECTS", "IDEMPOTENT"]


def a_module(rng: random.Random, name: str) -> Module:
    """Two files of one package, and one of another."""
    files = {}
    for at, package in (("a", f"{name}.v1"), ("b", f"{name}.v1"), ("c", f"{name}.w1")):
        files[f"{name}/{at}.proto"] = {
            "syntax": rng.choice(SYNTAXES),
            "package": package,
            "options": {},
            "messages": [f"{at.upper()}{n}" for n in range(2)],
            "enums": [f"{at.upper()}E"],
            "services": {f"{at.upper()}S": a_service(rng), f"{at.upper()}T": {}},
            "extensions": [f"{at}x"],
        }
        for _ in range(rng.randint(0, 3)):
            other_option(rng, files[f"{name}/{at}.proto"])
    return {"name": name, "files": files}


def a_service(rng: random.Random) -> dict[str, dict[str, Any]]:
    return {f"R{n}": a_method(rng) for n in range(rng.randint(1, 3))}


def a_method(rng: random.Random) -> dict[str, Any]:
    return {
        "types": [rng.choice(["Input", "Output"]) for _ in range(2)],
        "streams": [rng.choice(["", "stream "]) for _ in range(2)],
        "level": rng.choice(["", *LEVELS]),
    }


def other_option(rng: random.Random, file: Module) -> None:
    kind = rng.random()
    if kind < 0.4:
        file["options"][rng.choice(TEXTS)] = rng.choice(['"one"', '"two"', '""'])
    elif kind < 0.8:
        file["options"][rng.choice(FLAGS)] = rng.choice(["true", "false"])
    elif kind < 0.9:
        file["options"]["optimize_for"] = rng.choice(["SPEED", "CODE_SIZE"])
    else:
        file["options"] = {}


def mutate(rng: random.Random, module: Module) -> None:
    files = module["files"]
    if not files:
        return
    path = rng.choice(list(files))
    file = files[path]
    kind = rng.choice(
        ["option"] * 4
        + ["delete", "move", "rename", "package", "syntax"]
        + ["part"] * 2
        + ["method"] * 3
    )
    if kind == "option":
        other_option(rng, file)
    elif kind == "delete":
        del files[path]
    elif kind == "move":
        files[path.replace(".proto", "_moved.proto")] = files.pop(path)
    elif kind == "package":
        file["package"] = f"{module['name']}.{rng.choice(['v1', 'w1', 'other'])}"
    elif kind == "syntax":
        file["syntax"] = rng.choice(SYNTAXES)
    elif kind == "method":
        other_method(rng, file)
    else:
        other_part(rng, file, rng.choice(list(files.values())), rename=kind == "rename")


def other_part(rng: random.Random, file: Module, target: Module, *, rename: bool) -> None:
    """Delete a declaration, rename it, or move it to another file of the package."""
    key = rng.choice(["messages", "enums", "extensions", "services"])
    if not file[key]:
        return
    name = rng.choice(list(file[key]))
    body = file[key].pop(name) if key == "services" else file[key].remove(name)
    if rename:
        name = f"{name}_renamed"
    elif rng.random() < 0.5:
        file = target
    else:
        return
    if key == "services":
        file[key][name] = body
    else:
        file[key].append(name)


def other_method(rng: random.Random, file: Module) -> None:
    for methods in file["services"].values():
        for name in list(methods):
            kind = rng.choice(["delete", "types", "streams", "level", ""])
            if kind == "delete":
                del methods[name]
            elif kind:
                methods[name][kind] = a_method(rng)[kind]


def written(module: Module) -> dict[str, str]:
    """Every file's text."""
    shared = f'syntax = "proto2"; package shared.{module["name"]};\n'
    shared += "message Input { extensions 100 to 999; }\nmessage Output {}\n"
    found = {f"{module['name']}/shared.proto": shared}
    for path, file in module["files"].items():
        found[path] = _file(file, module["name"])
    return found


def _file(file: Module, name: str) -> str:
    syntax = file["syntax"]
    lines = [HEADS[syntax], f"package {file['package']};", f'import "{name}/shared.proto";']
    for option, value in file["options"].items():
        if (option, syntax) != ("java_string_check_utf8", "2023"):
            lines.append(f"option {option} = {value};")
    label = "optional " if syntax == "proto2" else ""
    for one in file["messages"]:
        lines.append(
            f"message {one} {{ {label}string a = 1; message In {{ map<int32, string> m = 1; }}"
        )
        lines.append(f"  enum Kind {{ {one}_ZERO = 0; }} }}")
    lines += [
        f"enum {one} {{ {one.upper()}_ZERO = 0; {one.upper()}_ONE = 1; }}" for one in file["enums"]
    ]
    if syntax != "proto3":
        for one in file["extensions"]:
            number = 100 + sum(map(ord, one)) % 800
            lines.append(f"extend shared.{name}.Input {{ {label}int32 {one} = {number}; }}")
    for service, methods in file["services"].items():
        lines.append(f"service {service} {{")
        lines += [_method(method, body, name) for method, body in methods.items()]
        lines.append("}")
    return "\n".join([*lines, ""])


def _method(name: str, body: dict[str, Any], module: str) -> str:
    sides = [
        f"{stream}shared.{module}.{kind}"
        for stream, kind in zip(body["streams"], body["types"], strict=True)
    ]
    level = f"option idempotency_level = {body['level']};" if body["level"] else ""
    return f"  rpc {name}({sides[0]}) returns ({sides[1]}) {{ {level} }}"


def module_pairs(seed: int, count: int) -> tuple[dict[str, str], dict[str, str]]:
    """Two sets of files with a module for each pair."""
    rng = random.Random(seed)
    olds: dict[str, str] = {}
    news: dict[str, str] = {}
    for at in range(count):
        old = a_module(rng, f"m{at}")
        new = copy.deepcopy(old)
        for _ in range(rng.choice([1, 1, 2, 3])):
            mutate(rng, new)
        olds |= written(old)
        news |= written(new)
    return olds, news
