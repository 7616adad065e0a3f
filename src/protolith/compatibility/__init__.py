"""Whether one schema can take the place of another."""

from protolith.compatibility.bigquery_json import compare_schemas
from protolith.compatibility.comparison import check, verdict
from protolith.compatibility.differences import SchemaDiff, diff
from protolith.compatibility.findings import Finding, Mode
from protolith.compatibility.waivers import Waiver

__all__ = ["Finding", "Mode", "SchemaDiff", "Waiver", "check", "compare_schemas", "diff", "verdict"]
