"""The examples of the documentation: each fires its rule, and the rule is silent the same way."""

from pathlib import Path

import pytest

from protolith import DescriptorSet, SourceFile, Sources, check, compile_protos
from protolith.compatibility.comparison import DEFAULT_LEVELS
from protolith.compatibility.findings import LEVELS, Level

EXAMPLES = sorted((Path(__file__).parent.parent / "testdata/compatibility").iterdir())


def version(path: Path) -> DescriptorSet:
    return compile_protos(Sources((SourceFile("shop.proto", path.read_bytes()),)))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_fires_its_rule(folder: Path) -> None:
    paths = [folder / f"{name}.proto" for name in ("old", "between", "new")]
    *history, new = [version(path) for path in paths if path.exists()]
    table = folder.name.startswith(("COLUMN_", "TABLE_"))
    levels: tuple[Level, ...] = ("table",) if table else DEFAULT_LEVELS
    found = [one for one in check(new, history, "FULL", levels=levels) if one.rule == folder.name]
    assert found
    for one in found:
        assert one.place.startswith("shop.proto")
        assert one.why
        assert one.fix
    assert check(new, [new], levels=LEVELS) == []
