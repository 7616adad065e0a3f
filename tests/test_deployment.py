"""The files that it is run with: complete, consistent, and without more rights than needed."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from protolith.cli.serve import serve

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "protolith"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONTAINER = (DEPLOY / "Containerfile").read_text()
UNIT = (DEPLOY / "protolith.service").read_text()
TEMPLATES = {file.name: file.read_text() for file in (CHART / "templates").iterdir()}
OPTIONS = {f"--{name.replace('_', '-')}" for name in serve.__kwdefaults__ or {}}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, tuple[str, int]]:
    """Each locked package with its version and how many hashes it has."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text()):
        head = re.match(r"([\w.-]+)==([^\s;\\]+)", block)
        assert head, block[:100]
        found[plain(head[1])] = (head[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block)))
    return found


def constrained() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert len({plain(name) for name, _ in pairs}) == len(pairs), "a package stands there twice"
    return {plain(name): version for name, version in pairs}


def test_everything_that_is_needed_is_locked_with_hashes() -> None:
    lock, versions = locked(), constrained()
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {plain(re.match(r"[\w.-]+", one)[0]) for one in wanted} - {"protolith"}  # type: ignore[index]
    assert names <= set(lock)
    assert all(count for _, count in lock.values())
    differing = {n: v for n, (v, _) in lock.items() if versions.get(n, v) != v}
    assert differing == {}, "run make lock"


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = CONTAINER.splitlines()
    user = next(line for line in lines if line.startswith("USER "))
    assert user == "USER 10001:10001"
    assert lines.index(user) < next(i for i, x in enumerate(lines) if x.startswith("ENTRYPOINT"))
    assert "--require-hashes" in CONTAINER
    for command in (CONTAINER, UNIT, TEMPLATES["statefulset.yaml"]):
        options = set(re.findall(r"--(?:host|auth|log)\b", command))
        assert options == {"--host", "--auth", "--log"}
        assert options <= OPTIONS
        assert "insecure" not in command
    for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINER, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists(), name


def test_the_unit_is_one(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "protolith.service"
    unit.write_text(UNIT.replace("/opt/protolith/bin/protolith", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0


def value(path: str) -> Any:
    found: Any = yaml.safe_load((CHART / "values.yaml").read_text())
    for word in path.split("."):
        assert word in found, path
        found = found[word]
    return found


def test_the_chart_uses_the_values_that_it_has() -> None:
    text = "\n".join(TEMPLATES.values())
    used = set(re.findall(r"\.Values\.([\w.]+)", text))
    for path in used:
        value(path)
    tops = set(yaml.safe_load((CHART / "values.yaml").read_text()))
    assert tops == {path.partition(".")[0] for path in used}
    assert (value("replicas"), value("postgresql.secretName")) == (1, "")
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == PROJECT["version"]
    for opened, closed in ((r"\{\{-? (if|range|with)\b", r"\{\{-? end\b"),):
        for template in TEMPLATES.values():
            assert len(re.findall(opened, template)) == len(re.findall(closed, template))
    assert "several replicas need PostgreSQL" in TEMPLATES["check.yaml"]


def test_what_the_chart_makes_has_no_rights() -> None:
    """Without Helm: its own lines taken out, what is left is YAML."""
    lines = TEMPLATES["statefulset.yaml"].splitlines()
    kept = [line for line in lines if not re.match(r"\s*\{\{-", line)]
    text = re.sub(r"\{\{[^}]*\}\}", "x", "\n".join(kept)).replace('"x:x"', "x")
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert {one["mountPath"] for one in container["volumeMounts"]} == {"/data", "/tmp"}  # noqa: S108
