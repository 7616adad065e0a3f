"""Whether one schema can take the place of another."""

from protolith.compatibility.bigquery_json import compare_schemas

__all__ = ["compare_schemas"]
