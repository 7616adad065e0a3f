"""BigQuery: GoogleSQL, the JSON schema, and what the protoc plugin writes."""

from protolith.dialects.bigquery.googlesql import DIALECT, BigQuery

__all__ = ["DIALECT", "BigQuery"]
