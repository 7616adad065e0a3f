"""Our verdicts against what the real runtime does; the whole is `make truth`."""

import os

import pytest

from compatibility import score
from compatibility.schemas import CHANGES, Field, Schema, base
from compatibility.truth import witness
from protolith import check

SAMPLE = 700


def test_the_runtime_agrees_with_every_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    whole = os.environ.get("PROTOLITH_TRUTH") == "all"
    result = score.score(score.all_pairs() if whole else score.sample(SAMPLE))
    with capsys.disabled():
        print(f"\n{score.report(result)}" if whole else "")  # noqa: T201
    wrong = [line for lines in result.wrong.values() for line in lines]
    assert wrong == []
    assert 0.1 < result.safe.total() / result.pairs.total() < 0.9


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        (Field("f", 1), Field("f", 1, "sint32"), "wire"),
        (Field("f", 1, "uint32"), Field("f", 1), "wire"),
        (Field("f", 1, shape="repeated"), Field("f", 1), "wire"),
        (Field("f", 1, "bytes"), Field("f", 1, "string"), "wire"),
        (Field("f", 1), Field("g", 1), "json"),
        (Field("f", 1), Field("f", 1, presence="required"), "wire"),
    ],
)
def test_the_harness_sees_a_loss(old: Field, new: Field, way: str) -> None:
    assert witness(Schema((old,)).compiled(), Schema((new,)).compiled(), way)


@pytest.mark.parametrize("name", CHANGES)
def test_a_lossy_scalar_has_a_true_witness(name: str) -> None:
    """Where a finding shows a value and what it becomes, the arithmetic is the runtime's."""
    for finding in check(CHANGES[name](base()).compiled(), base().compiled()):
        if finding.witness:
            wrote, reads = map(int, finding.witness.split(" → "))
            assert (wrote - reads) % 2**32 == 0
