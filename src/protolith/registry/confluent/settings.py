"""What is set for subjects, contexts and all: config and mode, each inherited key by key."""

from collections.abc import Mapping
from typing import Any

from protolith.compatibility.comparison import MODES
from protolith.compatibility.policies import POLICIES
from protolith.registry.confluent import names
from protolith.registry.confluent.refusals import ConfluentError, no_subject, not_permitted
from protolith.registry.confluent.requests import check_rules
from protolith.registry.evolution import COUNTING
from protolith.store import EVERYWHERE, NOTHING_KEPT, KeptMode, Store, scopes
from protolith.tables import check_identifier

DEFAULT_LEVEL = KeptMode("BACKWARD", ("wire",), "confluent")
"""What counts for Confluent's clients where nothing was ever set."""

READ_WRITE = "READWRITE"

_ACCESS = (READ_WRITE, "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD")
_FLAGS = ("normalize", "validateFields", "validateNewSchemas", "validateRules")
_TEXTS = ("alias", "compatibilityPolicy", "compatibilityGroup")
_OBJECTS = ("defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet", "protolith")


class Settings:
    """The config and the mode of every scope."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # ── config ──

    def config(self, name: str | None, *, inherited: bool = False) -> dict[str, Any]:
        """What is set for a scope, or with `inherited` what counts there."""
        scope = _scope(name)
        own = self._own(scope)
        if own is None and name is not None and not inherited:
            raise ConfluentError(
                40408, f"Subject '{name}' does not have subject-level compatibility configured"
            )
        found = self.effective(scope) if inherited or name is None else dict(own or {})
        return _level_first(found, "compatibilityLevel")

    def effective(self, scope: str) -> dict[str, Any]:
        """What counts in a scope, with the level that new versions are checked under."""
        found: dict[str, Any] = {}
        for _, one in reversed(self._store.ask(scopes.read_nearest, "config", scope)):
            found |= one
        kept = self.level(scope)
        found["compatibility"] = kept.mode
        found.pop("protolith", None)
        return found | _ours(kept)

    def level(self, scope: str) -> KeptMode:
        """The mode of compatibility that counts for a subject's new versions."""
        _, kept = self._store.mode(EVERYWHERE if scope == scopes.EVERYTHING else scope)
        return DEFAULT_LEVEL if kept is NOTHING_KEPT else kept

    def group(self, scope: str) -> str | None:
        """The property of metadata whose value only versions to be compared share."""
        found = self.effective(scope).get("compatibilityGroup")
        return str(found) if found else None

    def set_config(self, name: str | None, body: Any) -> dict[str, Any]:
        """Set what the body holds; keys that it leaves out stay."""
        scope = _scope(name, new=True)
        given = _checked(body)
        before = self._own(scope) or {}
        merged = {key: value for key, value in (before | given).items() if value is not None}
        if {"compatibility", "protolith"} & set(given):
            merged.setdefault("compatibility", self.level(scope).mode)
            self._forget_mode(scope)
        self._store.keep_setting("config", scope, merged)
        return _level_first(merged, "compatibility")

    def delete_config(self, name: str | None) -> dict[str, Any]:
        """Forget what is set for a scope, and say what that was."""
        scope = _scope(name)
        own = self._own(scope)
        if own is None and name is not None:
            raise no_subject(name)
        if own is not None:
            self._forget_mode(scope)
            self._store.keep_setting("config", scope, None)
        before = own if own is not None else {"compatibility": DEFAULT_LEVEL.mode}
        return _level_first(before, "compatibilityLevel")

    def _own(self, scope: str) -> dict[str, Any] | None:
        """What is set here alone, whichever way its mode of compatibility was set."""
        own = self._store.ask(scopes.read_setting, "config", scope)
        subject = EVERYWHERE if scope == scopes.EVERYTHING else scope
        is_own, kept = self._store.mode(subject)
        if not is_own:
            return own
        return {**(own or {}), "compatibility": kept.mode, **_ours(kept)}

    def _forget_mode(self, scope: str) -> None:
        """A level that is set here counts instead of one that was set in our own way."""
        subject = EVERYWHERE if scope == scopes.EVERYTHING else scope
        if self._store.has_mode(subject):
            self._store.keep_mode(subject, None)

    # ── mode ──

    def access(self, name: str | None, *, inherited: bool = False) -> str:
        """The mode set for a scope, or with `inherited` the one that counts there."""
        scope = _scope(name)
        found = self._store.ask(scopes.read_nearest, "mode", scope)
        own = dict(found).get(scope)
        if own is None and name is not None and not inherited:
            raise ConfluentError(
                40409, f"Subject '{name}' does not have subject-level mode configured"
            )
        counts = own or next((one for _, one in found), {})
        return str(counts.get("mode", READ_WRITE))

    def set_access(self, name: str | None, body: Any, *, force: bool) -> str:
        """Set a scope's mode."""
        mode = body.get("mode") if isinstance(body, Mapping) else None
        if mode not in _ACCESS:
            raise ConfluentError(
                42204, f"Invalid mode {str(mode)[:40]}", hint=f"one of {', '.join(_ACCESS)}"
            )
        scope = _scope(name, new=True)
        if mode == "IMPORT" and not force:
            self._check_empty(scope)
        if mode == "FORWARD" and scope != scopes.EVERYTHING:
            raise ConfluentError(42204, "Invalid mode FORWARD: it is for all subjects together")
        self._store.keep_setting("mode", scope, {"mode": mode})
        return str(mode)

    def delete_access(self, name: str | None, *, recursive: bool = False) -> str:
        """Let a scope inherit its mode again, and say which it had."""
        scope = _scope(name)
        own = self._store.ask(scopes.read_setting, "mode", scope)
        if own is None and name is not None:
            raise no_subject(name)
        if own is not None:
            self._store.keep_setting("mode", scope, None)
        if recursive:
            for other in self._store.ask(scopes.read_settings, "mode"):
                if scope == scopes.EVERYTHING or other.startswith(scope):
                    self._store.keep_setting("mode", other, None)
        return str((own or {}).get("mode", READ_WRITE))

    def check_writable(self, subject: str) -> None:
        """Raise unless the mode of a subject lets it change."""
        mode = self.access(subject, inherited=True)
        if mode not in (READ_WRITE, "IMPORT"):
            raise not_permitted(f"Subject '{subject}' is in {mode} mode", "PUT /mode/{subject}")

    def _check_empty(self, scope: str) -> None:
        live = [name for name, there in self._store.ask(scopes.read_names).items() if there]
        if any(scope in scopes.scopes_of(name) for name in live):
            raise not_permitted(
                "Cannot import: there are subjects already", "delete them, or force=true"
            )

    # ── both ──

    def forget(self, subject: str) -> None:
        """Nothing is set for a subject that is gone for good."""
        self._forget_mode(subject)
        kinds: tuple[scopes.Kind, ...] = ("config", "mode")
        for kind in kinds:
            if self._store.ask(scopes.read_setting, kind, subject) is not None:
                self._store.keep_setting(kind, subject, None)


def _scope(name: str | None, *, new: bool = False) -> str:
    """The scope of a subject or a context (`:.name:`); nothing and `:.:` mean all."""
    if name is None or name in (scopes.EVERYTHING, ":.:"):
        return scopes.EVERYTHING
    if names.split(name)[1] == "":
        return names.plain(name)
    return names.checked(name) if new else names.plain(name)


def _checked(body: Any) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        raise ConfluentError(42203, "Invalid compatibility level: the body is not an object")
    given = dict(body)
    level = given.pop("compatibilityLevel", None)
    level = given.pop("compatibility", level)
    found: dict[str, Any] = {}
    if level is not None:
        if not isinstance(level, str) or level.upper() not in MODES:
            raise ConfluentError(
                42203,
                f"Invalid compatibility level {str(level)[:40]}",
                hint=f"one of {', '.join(MODES)}",
            )
        found["compatibility"] = level.upper()
    for kind, keys in ((bool, _FLAGS), (str, _TEXTS), (dict, _OBJECTS)):
        for key in keys:
            if key in given and (given[key] is None or isinstance(given[key], kind)):
                found[key] = given[key]
    for key in ("defaultRuleSet", "overrideRuleSet"):
        check_rules(found.get(key))
    _check_ours(found.get("protolith") or {})
    return found


def _check_ours(ours: Mapping[str, Any]) -> None:
    for key in ("database", "table", "message"):
        if not isinstance(ours.get(key, ""), str):
            raise ConfluentError(42203, f"protolith: {key} is not a text")
    for key in ("database", "table"):
        if key in ours:
            check_identifier(ours[key], key)
    policy, levels = ours.get("policy"), ours.get("levels", ["wire"])
    if policy not in (None, *POLICIES):
        raise ConfluentError(42203, "no such policy", hint=f"null, {', '.join(POLICIES)}")
    if not isinstance(levels, list) or not levels or set(map(str, levels)) - set(COUNTING):
        raise ConfluentError(42203, "no such levels", hint=f"a list of {', '.join(COUNTING)}")


def _ours(kept: KeptMode) -> dict[str, Any]:
    """What a level means beyond Confluent's words, where it does."""
    if kept.policy == "confluent":
        return {}
    return {"protolith": {"policy": kept.policy, "levels": list(kept.levels)}}


def _level_first(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    rest = {name: value for name, value in found.items() if name != "compatibility"}
    level = found.get("compatibility")
    return rest if level is None else {key: level, **rest}
