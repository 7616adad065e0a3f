"""What of the policy applies: the section `breaking` of a buf.yaml of version v2."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any

import yaml

from protolith.compatibility.policies.buf.index import FilePart
from protolith.compatibility.policies.buf.pairs import CATEGORIES, RULES, Rule
from protolith.errors import SchemaValidationError, quoted

_KEYS = ("use", "except", "ignore", "ignore_only", "ignore_unstable_packages")
# The parts of the last component of a package, such as v1p1beta1.
_NUMBER = "0*[1-9][0-9]*"
_UNSTABLE = re.compile(f"v{_NUMBER}(test.*|(p{_NUMBER})?(alpha|beta)({_NUMBER})?)")
_DEPRECATED = "MESSAGE_SAME_MESSAGE_SET_WIRE_FORMAT"  # buf takes the id, and it does nothing


@dataclass(frozen=True, slots=True)
class BufConfig:
    """The rules that apply, and where they do not.

    `use` and `exclude` (buf's `except`) name rules or categories; `ignore` has files and folders
    that are not looked at, `ignore_only` such paths by rule or category. A package such as
    `shop.v1alpha1` is unstable. Raises `SchemaValidationError` for a name or a path that cannot
    be.
    """

    use: tuple[str, ...] = ("FILE",)
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignore_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore_unstable_packages: bool = False

    def __post_init__(self) -> None:
        """Refuse names and paths that cannot be."""
        if not _ids(self.use) - _ids(self.exclude):
            raise SchemaValidationError("no rule of the policy is left to apply")
        for name in self.ignore_only:
            _named(name)
        for path in (*self.ignore, *(one for some in self.ignore_only.values() for one in some)):
            if path.startswith("/") or normpath(path).startswith(".."):
                raise SchemaValidationError(
                    f"the path {quoted(path)} leads out of the schema",
                    hint="paths are relative to the files' root, such as shop/v1/order.proto",
                )

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "BufConfig":
        """Read what stands under `breaking:` in a buf.yaml."""
        for key in settings:
            if key not in _KEYS:
                raise SchemaValidationError(
                    f"no setting {quoted(str(key))} under breaking",
                    hint=f"settings: {', '.join(_KEYS)}",
                )
        only = settings.get("ignore_only") or {}
        unstable = settings.get("ignore_unstable_packages") or False
        if not isinstance(only, Mapping) or not isinstance(unstable, bool):
            raise SchemaValidationError(
                "ignore_only and ignore_unstable_packages under breaking have another form",
                hint="ignore_only: {FIELD_SAME_NAME: [old.proto]}, ignore_unstable_packages: true",
            )
        return cls(
            _texts("use", settings) or ("FILE",),
            _texts("except", settings),
            _texts("ignore", settings),
            {str(name): _texts(name, only) for name in only},
            unstable,
        )

    @classmethod
    def from_yaml(cls, text: str | bytes) -> "BufConfig":
        """Read the text of a buf.yaml; settings of single modules are not looked at."""
        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise SchemaValidationError(f"the buf.yaml is not YAML: {error}") from None
        settings = found if isinstance(found, Mapping) else {}
        if settings.get("version") != "v2":
            raise SchemaValidationError(
                "the buf.yaml has not the version v2", hint="buf config migrate writes one that has"
            )
        breaking = settings.get("breaking") or {}
        if not isinstance(breaking, Mapping):
            raise SchemaValidationError("breaking in the buf.yaml is no section of settings")
        return cls.of(breaking)

    def rules(self) -> list[Rule]:
        """The rules that apply."""
        chosen = _ids(self.use) - _ids(self.exclude)
        return [rule for rule in RULES.values() if rule.id in chosen]

    def is_ignored(self, rule: Rule, file: FilePart) -> bool:
        """Whether a rule has nothing to say about a file."""
        paths = list(self.ignore)
        for name, some in self.ignore_only.items():
            if rule.id in _named(name):
                paths += some
        if any(_is_under(file.name, path) for path in paths):
            return True
        return self.ignore_unstable_packages and is_unstable(file.proto.package)


def is_unstable(package: str) -> bool:
    """Whether the package's last component says alpha, beta or test."""
    outer, _, last = package.rpartition(".")
    return bool(outer) and _UNSTABLE.fullmatch(last) is not None


def _is_under(name: str, path: str) -> bool:
    file, folder = PurePosixPath(name), PurePosixPath(normpath(path))
    return file == folder or folder in file.parents


def _ids(names: Iterable[str]) -> set[str]:
    return {one for name in names for one in _named(name)}


def _named(name: str) -> set[str]:
    """The ids that the name of a rule or a category stands for."""
    if name in RULES:
        return {name}
    if name == _DEPRECATED:
        return set()
    if name in CATEGORIES:
        return {rule.id for rule in RULES.values() if name in rule.categories}
    raise SchemaValidationError(
        f"no rule or category {quoted(name)}", hint=f"categories: {', '.join(CATEGORIES)}"
    )


def _texts(key: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    found = settings.get(key) or []
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise SchemaValidationError(f"{key} under breaking is not a list of texts")
    return tuple(found)
