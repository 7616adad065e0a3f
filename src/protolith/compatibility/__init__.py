"""Whether one schema can take the place of another."""

from protolith.compatibility.bigquery_json import compare_schemas
from protolith.compatibility.comparison import check, verdict
from protolith.compatibility.differences import SchemaDiff, diff
from protolith.compatibility.findings import Finding, Mode
from protolith.compatibility.policies import BufConfig
from protolith.compatibility.table_plans import TablePlan
from protolith.compatibility.waivers import Waiver

__all__ = [
    "BufConfig",
    "Finding",
    "Mode",
    "SchemaDiff",
    "TablePlan",
    "Waiver",
    "check",
    "compare_schemas",
    "diff",
    "verdict",
]
