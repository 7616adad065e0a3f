"""Whether one schema can take the place of another."""

from protolith.compatibility.bigquery_json import compare_schemas
from protolith.compatibility.comparison import check, verdict
from protolith.compatibility.findings import Finding, Mode
from protolith.compatibility.waivers import Waiver

__all__ = ["Finding", "Mode", "Waiver", "check", "compare_schemas", "verdict"]
