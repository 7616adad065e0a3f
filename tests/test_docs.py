"""The documentation is run, compared with the code, and its links lead somewhere."""

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from protolith import Choices, Layout, compile_protos, errors, lay_out
from protolith.compatibility.policies import buf
from protolith.dialects import names
from protolith.lint import rules

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_pages_are_those_of_the_code() -> None:
    for name, text in _generator().pages().items():
        assert (ROOT / "docs" / name).read_text() == text, f"run make docs: {name} is old"


def test_every_code_dialect_and_rule_is_documented() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    codes = {c.code for c in vars(errors).values() if isinstance(c, type) and hasattr(c, "code")}
    assert codes
    options = (part.name for part in fields(Choices))
    for word in (*codes, *options, *names(), *(rule.id for rule in (*rules(), *buf.rules()))):
        assert f"`{word}`" in text, word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_mapping_file_of_the_documentation_is_one() -> None:
    schema = """syntax = "proto3"; message Order {
      string id = 1; repeated Line lines = 2; message Line { string sku = 1; K kind = 2; }
      enum K { A = 0; }
    }"""
    layout = Layout.from_file(ROOT / "docs" / "mapping.toml")
    table = lay_out(compile_protos(schema), "Order", layout=layout)
    names = [column.name for column in table.columns]
    assert names == ["order_id", "lines", "_schema_version", "_ingested_at", "_source_offset"]
    assert table.stored_in("clickhouse").order_by == ("order_id",)


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 70


def test_the_readmes_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "samples" / "shop", tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert len(commands) == 5
    outputs = [
        subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout  # noqa: S602
        for command in commands
    ]
    assert "CREATE TABLE IF NOT EXISTS `bigquery_lite`.`orders`" in outputs[0]
    assert outputs[3] == "duckdb: bigquery_lite.orders: 1000 rows loaded\n"
    assert len(outputs[4].splitlines()) == 4
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "CREATE TABLE IF NOT EXISTS `bigquery_lite`.`money`" in done.stdout


def test_the_samples_are_what_their_script_writes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    script = tmp_path / "samples" / "make_data.py"
    subprocess.run([sys.executable, str(script)], check=True)
    for name in ("orders.binpb", "clicks.binpb"):
        made = (tmp_path / "samples" / "shop" / name).read_bytes()
        assert made == (ROOT / "samples" / "shop" / name).read_bytes()
