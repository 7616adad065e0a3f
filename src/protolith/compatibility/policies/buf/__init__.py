"""The verdicts of `buf breaking`, for people who live by them.

These are buf's own rules of configuration v2, faults included; Protolith's levels do not read
them. buf knows no direction: backward, forward and full are one comparison of old with new.
"""

from collections.abc import Iterator, Sequence

from protolith.compatibility.findings import Finding, Level, Mode
from protolith.compatibility.policies.buf import (
    deletion_rules,
    enum_rules,
    field_rules,
    file_rules,
    message_rules,
    option_rules,
    service_rules,
)
from protolith.compatibility.policies.buf.config import BufConfig
from protolith.compatibility.policies.buf.index import FilePart, Path, load_index
from protolith.compatibility.policies.buf.pairs import (
    CATEGORIES,
    RULES,
    Break,
    Category,
    Pairs,
    Rule,
)
from protolith.compatibility.policies.buf.places import Places
from protolith.descriptors import DescriptorSet

__all__ = ["CATEGORIES", "BufConfig", "Category", "Rule", "check", "compare", "rules"]

# Each module adds its rules to the list when it is imported.
MODULES = (
    *(deletion_rules, file_rules, message_rules, field_rules, option_rules, enum_rules),
    service_rules,
)


def rules() -> list[Rule]:
    """Every rule: its id, its categories and its purpose."""
    return list(RULES.values())


def check(
    new: DescriptorSet,
    history: Sequence[tuple[int | None, DescriptorSet]],
    mode: Mode = "BACKWARD",
    config: BufConfig | None = None,
) -> list[Finding]:
    """What buf says when `new` follows a history of (version, schema), oldest first.

    A transitive mode compares with every version, newest first, the others with the latest.
    """
    if mode == "NONE":
        return []
    versions = list(reversed(history))
    if not mode.endswith("_TRANSITIVE"):
        versions = versions[:1]
    applied = config or BufConfig()
    return [
        found for version, old in versions for found in compare(old, new, applied, against=version)
    ]


def compare(
    old: DescriptorSet, new: DescriptorSet, config: BufConfig, *, against: int | None = None
) -> list[Finding]:
    """Every break between two schemas, sorted by file, line and rule."""
    pairs = Pairs(load_index(old), load_index(new))
    sides = Places(old), Places(new)
    found = [
        _finding(rule, one, sides, against)
        for rule in config.rules()
        for one in rule.check(pairs)
        if not any(config.is_ignored(rule, file) for file in _files(one, sides[0]))
    ]
    return sorted(found, key=lambda one: (one.file, one.line or 0, one.column or 0, one.rule))


def _files(one: Break, old: Places) -> Iterator[FilePart]:
    if one.file is not None:
        yield one.file
    if one.old_file is not None and (
        not one.old_paths or old.find(one.old_file.name, one.old_paths)
    ):
        yield one.old_file


def _finding(rule: Rule, one: Break, sides: tuple[Places, Places], against: int | None) -> Finding:
    line, column = _position(one.file, one.paths, sides[1])
    spots = (
        one.old_file.name if one.old_file else "",
        *_position(one.old_file, one.old_paths, sides[0]),
    )
    return Finding(
        rule=rule.id,
        level=_level(rule),
        direction="backward",
        severity="error",
        subject=one.subject,
        old=one.old,
        new=one.new,
        why=one.why,
        fix=f"undo the change, or except {rule.id} in the settings",
        file=one.file.name if one.file else "",
        line=line,
        column=column,
        old_place=":".join(str(spot) for spot in spots if spot),
        against=against,
    )


def _position(
    file: FilePart | None, paths: tuple[Path, ...], places: Places
) -> tuple[int | None, int | None]:
    """As buf gives it: the start of the file where nothing better is known."""
    if file is None:
        return None, None
    return places.find(file.name, paths) or (1, 1)


def _level(rule: Rule) -> Level:
    if "WIRE" in rule.categories:
        return "wire"
    return "json" if "WIRE_JSON" in rule.categories else "source"
