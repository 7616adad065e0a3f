"""Moves a table in a process of its own, which kills itself at a statement.

HOME ENGINE NUMBER, and "keep" to drop no columns: then nothing can be lost.
"""

import json
import os
import signal
import sys
from typing import Any

from protolith import SchemaRegistry
from protolith.engines import Engine

COUNT = 0


def main() -> None:
    home, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with SchemaRegistry(home) as registry:
        engine = registry.engine(name)
        _arm(engine, number)
        drops = "keep" not in sys.argv
        registry.migrate("bigquery_lite.orders", name, allow_lossy=drops, drop_columns=drops)
        rows = registry.query(name, "SELECT * FROM bigquery_lite.orders ORDER BY id").to_pylist()
        columns = [c.name + " " + c.type for c in engine.columns("bigquery_lite", "orders")]
        again = registry.plan_migration("bigquery_lite.orders", name).statements
        drift = registry.drift("bigquery_lite.orders", name).differs
    answer = {"rows": rows, "columns": columns, "again": again, "drift": drift, "count": COUNT}
    sys.stdout.write(json.dumps(answer))


def _arm(engine: Engine, number: int) -> None:
    """Die after that many statements that change something."""
    target: Any = engine
    method = "_ask" if engine.name == "duckdb" else "run"
    plain = getattr(target, method)

    def ask(sql: Any, *args: Any) -> Any:
        global COUNT  # noqa: PLW0603
        result = plain(sql, *args)
        if not str(sql).lstrip().startswith("SELECT"):
            COUNT += 1
            if number == COUNT:
                os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(target, method, ask)


if __name__ == "__main__":
    main()
