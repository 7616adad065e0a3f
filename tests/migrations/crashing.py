"""Moves a table in a process of its own, which kills itself: HOME ENGINE STATEMENT WORDS.

The words are `drop` and `rebuild`.
"""

import json
import os
import signal
import sys
from typing import Any

from protolith import SchemaRegistry
from protolith.engines import Engine
from protolith.tables import Table

COUNT = 0


def main() -> None:
    home, name, number, *words = sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]
    with SchemaRegistry(home) as registry:
        engine = registry.engine(name)
        _arm(engine, number)
        drop, rebuild = "drop" in words, "rebuild" in words
        registry.migrate(
            "bigquery_lite.orders", name, allow_lossy=True, drop_columns=drop, rebuild=rebuild
        )
        rows = registry.query(name, "SELECT * FROM bigquery_lite.orders ORDER BY id").to_pylist()
        columns = [c.name + " " + c.type for c in engine.columns("bigquery_lite", "orders")]
        again = registry.plan_migration("bigquery_lite.orders", name).statements
        drift = registry.drift("bigquery_lite.orders", name).differs
        remark = engine.remark(Table("bigquery_lite", "orders", ()))
        count = COUNT
        kept = engine.drop_kept(Table("bigquery_lite", "orders", ()))
    answer = {
        "kept": kept,
        "remark": remark,
        "rows": rows,
        "columns": columns,
        "again": again,
        "drift": drift,
        "count": count,
    }
    sys.stdout.write(json.dumps(answer))


def _arm(engine: Engine, number: int) -> None:
    """Die after that many statements that change something, or before the first of them."""
    target: Any = engine
    method = "_ask" if engine.name == "duckdb" else "run"
    plain = getattr(target, method)

    def ask(sql: Any, *args: Any) -> Any:
        global COUNT  # noqa: PLW0603
        if number < 0 and not str(sql).lstrip().startswith("SELECT"):
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(sql, *args)
        if not str(sql).lstrip().startswith("SELECT"):
            COUNT += 1
            if number == COUNT:
                os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(target, method, ask)


if __name__ == "__main__":
    main()
