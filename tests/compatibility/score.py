"""Our verdicts beside the runtime's, counted for each kind of change."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from compatibility.schemas import Schema, changed_pairs, type_pairs
from compatibility.truth import witness
from protolith import DescriptorSet, check

WAYS = ("wire", "json", "lenient")


@dataclass
class Score:
    pairs: Counter[str] = field(default_factory=Counter)
    safe: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@cache
def compiled(schema: Schema) -> DescriptorSet:
    return schema.compiled()


def unsafe(old: DescriptorSet, new: DescriptorSet, way: str) -> list[str]:
    level = "wire" if way == "wire" else "json"
    found = check(new, old, "BACKWARD", levels=(level,), message="t.M")
    return [
        str(one)
        for one in found
        if ((one.lenient or one.severity) if way == "lenient" else one.severity) != "safe"
    ]


def unscored(way: str, old: Schema, new: Schema) -> bool:
    """Cells where runtimes accept what the specification does not."""
    if way == "wire":
        return False
    kinds = [
        (mine.kind, its.kind)
        for mine in (*old.fields, *old.sub)
        for its in (*new.fields, *new.sub)
        if mine.name == its.name
    ]
    return any(pair in {("bool", "double"), ("bool", "float"), ("bool", "enum")} for pair in kinds)


def score(pairs: Iterable[tuple[str, Schema, Schema]], ways: tuple[str, ...] = WAYS) -> Score:
    result = Score()
    for kind, old, new in pairs:
        for way in ways:
            if unscored(way, old, new):
                continue
            ours = unsafe(compiled(old), compiled(new), way)
            real = witness(compiled(old), compiled(new), way)
            name = f"{way}: {kind}"
            result.pairs[name] += 1
            result.safe[name] += not real
            if bool(ours) != bool(real):
                what = f"UNSOUND {real}" if real else f"IMPRECISE {ours[0]}"
                result.wrong[name].append(f"{name}: {describe(old, new)}: {what}")
    return result


def describe(old: Schema, new: Schema) -> str:
    gone = [one for one in old.fields if one not in new.fields]
    came = [one for one in new.fields if one not in old.fields]
    more = [] if (old.values, old.closed, old.sub) == (new.values, new.closed, new.sub) else [
        f"{old.values} {old.closed} {old.sub} -> {new.values} {new.closed} {new.sub}"
    ]  # fmt: skip
    return f"[{old.syntax}] {gone} -> {came} {more}"


def all_pairs() -> Iterator[tuple[str, Schema, Schema]]:
    yield from type_pairs()
    yield from changed_pairs()


def sample(count: int) -> list[tuple[str, Schema, Schema]]:
    """So many pairs, the same ones each time, and every single change among them."""
    pairs = list(all_pairs())
    single = [pair for pair in pairs if pair[0] != "two changes" and "→" not in pair[0]]
    return single + random.Random(5).sample(pairs, count)


def report(result: Score) -> str:
    rows = [f"{'':46} {'pairs':>6} {'agrees':>7} {'accept all':>10} {'reject all':>10}"]
    total, safe = result.pairs.total(), result.safe.total()
    wrong = sum(map(len, result.wrong.values()))
    rows += [
        f"{name:46.46} {count:6} {1 - len(result.wrong[name]) / count:7.1%}"
        f" {result.safe[name] / count:10.1%} {1 - result.safe[name] / count:10.1%}"
        for name, count in sorted(result.pairs.items())
    ]
    rows.append(
        f"{'everything':46} {total:6} {1 - wrong / total:7.2%} {safe / total:10.1%}"
        f" {1 - safe / total:10.1%}"
    )
    return "\n".join(rows)


if __name__ == "__main__":
    import sys

    pairs = sample(int(sys.argv[1])) if len(sys.argv) > 1 else list(all_pairs())
    result = score(pairs)
    sys.stdout.write(report(result) + "\n")
    for lines in result.wrong.values():
        sys.stdout.writelines(line + "\n" for line in lines)
