#!/usr/bin/env python3
"""Times aging by customer with DuckDB and Polars on the canonical files of a folder, warm, best of five."""
import pathlib
import sys
import time

folder = pathlib.Path(sys.argv[1])
as_of = "2025-06-30"


def best(body):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return min(times)


import duckdb

base = duckdb.connect()
base.execute("SET threads = 2")
for name in ("invoices", "allocations"):
    base.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{folder}/{name}.csv', all_varchar = false)")
query = f"""
    SELECT customer, sum(left_over) FILTER (WHERE age <= 0), sum(left_over) FILTER (WHERE age BETWEEN 1 AND 30),
           sum(left_over) FILTER (WHERE age BETWEEN 31 AND 60), sum(left_over) FILTER (WHERE age BETWEEN 61 AND 90),
           sum(left_over) FILTER (WHERE age BETWEEN 91 AND 180), sum(left_over) FILTER (WHERE age BETWEEN 181 AND 365),
           sum(left_over) FILTER (WHERE age > 365)
      FROM (SELECT i.customer, date_diff('day', i.due_date, DATE '{as_of}') AS age, i.amount - coalesce(a.paid, 0) AS left_over
              FROM invoices i LEFT JOIN (SELECT invoice, sum(amount) AS paid FROM allocations
                                          WHERE date <= DATE '{as_of}' GROUP BY invoice) a ON a.invoice = i.number
             WHERE i.issue_date <= DATE '{as_of}') GROUP BY customer"""
print(f"DuckDB, aging by customer, warm    {best(lambda: base.execute(query).fetchall()) * 1000:.1f} ms")

import polars

invoices = polars.read_csv(folder / "invoices.csv", try_parse_dates=True)
allocations = polars.read_csv(folder / "allocations.csv", try_parse_dates=True)
day = polars.lit(as_of).str.to_date()


def aging():
    paid = allocations.lazy().filter(polars.col("date") <= day).group_by("invoice").agg(polars.col("amount").sum().alias("paid"))
    left = (
        invoices.lazy().filter(polars.col("issue_date") <= day).join(paid, left_on="number", right_on="invoice", how="left")
        .with_columns(
            (polars.col("amount") - polars.col("paid").fill_null(0)).alias("left_over"),
            (day - polars.col("due_date")).dt.total_days().alias("age"))
        .with_columns(polars.col("age").cut([0, 30, 60, 90, 180, 365]).alias("bucket")))
    return left.group_by("customer", "bucket").agg(polars.col("left_over").sum()).collect()


print(f"Polars, aging by customer, warm    {best(aging) * 1000:.1f} ms")
