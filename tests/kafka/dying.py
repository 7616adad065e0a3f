"""`protolith consume`, killed before its AT-th word to the engine: `python dying.py AT WORD…`.

A load has several blocks, where the engine knows blocks.
"""

import os
import signal
import sys
from typing import Any

from protolith.cli import main
from protolith.engines import clickhouse_loads
from protolith.engines.clickhouse import ClickHouseEngine
from protolith.engines.duckdb import DuckDBEngine

clickhouse_loads.BLOCK_BYTES = 1024
left = [int(sys.argv[1])]


def die_on_the_way(kind: Any) -> None:
    plain = kind._ask

    def ask(self: Any, *words: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, *words, **options)

    kind._ask = ask


for engine in (DuckDBEngine, ClickHouseEngine):
    die_on_the_way(engine)
sys.argv = ["protolith", *sys.argv[2:]]
main()
