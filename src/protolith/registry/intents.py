"""What a migration is about to do, kept before its first statement, and how it is finished."""

import json
import shlex
from dataclasses import asdict, dataclass
from typing import Any, Self

from protolith.layout import Layout
from protolith.store import Deployment


@dataclass(frozen=True, slots=True)
class Intent:
    """The choices of a migration; the layout by its choices' names."""

    version: int
    layout: dict[str, Any]
    drop_columns: bool
    allow_lossy: bool
    rebuild: bool = False

    @classmethod
    def of(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), sort_keys=True)

    def command(self, subject: str, deployment: Deployment) -> str:
        """The command that does it, from the deployment that is there."""
        words = ["protolith", "migrate", f"{subject}@{self.version}"]
        words += ["--engine", deployment.engine, "--apply"]
        words += ["--allow-lossy"] * self.allow_lossy + ["--drop-columns"] * self.drop_columns
        words += ["--rebuild"] * self.rebuild
        if self.layout != json.loads(deployment.layout):
            words += ["--layout", Layout.of(self.layout).to_json()]
        return shlex.join(words)
