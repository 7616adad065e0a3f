"""BigQuery's functions in defaults, as DuckDB has them."""

FUNCTIONS = {
    "CURRENT_TIMESTAMP": "now()",
    # The session's time zone is not UTC everywhere; BigQuery's is.
    "CURRENT_DATE": "CAST(now() AT TIME ZONE 'UTC' AS DATE)",
    "CURRENT_DATETIME": "(now() AT TIME ZONE 'UTC')",
    "GENERATE_UUID": "CAST(uuid() AS VARCHAR)",
}
