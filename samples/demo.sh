#!/bin/sh
# The main job on the sample schemas, with the commands that a user types.
set -eu
cd "$(dirname "$0")/shop"

run() {
  printf '\n$ protolith'
  for word in "$@"; do
    case $word in *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  protolith "$@"
}

run register shop/orders.proto
run register clicks.proto --table clicks
run subject list
run translate shop/orders.proto --dialect duckdb
for engine in duckdb clickhouse; do
  run create bigquery_lite.orders --engine "$engine"
  run create bigquery_lite.clicks --engine "$engine"
  run ingest orders.binpb --subject bigquery_lite.orders --engine "$engine"
  run ingest clicks.binpb --subject bigquery_lite.clicks --engine "$engine"
done
run query --engine duckdb "SELECT ship_to.country AS country, count(*) AS orders, sum(list_sum(list_transform(lines, lambda l: l.quantity * l.price.cents))) / 100 AS eur FROM bigquery_lite.orders GROUP BY ALL ORDER BY orders DESC"
run query --engine clickhouse "SELECT ship_to.country AS country, count() AS orders, sum(arrayReduce('sum', arrayMap((q, c) -> q * c, lines.quantity, lines.price.cents))) / 100 AS eur FROM bigquery_lite.orders GROUP BY country ORDER BY orders DESC"
run query --engine clickhouse "SELECT page, count() AS clicks, round(avg(load_ms)) AS ms FROM bigquery_lite.clicks GROUP BY page ORDER BY clicks DESC"
