"""The tables in which a target remembers runs, in SQL that every SQL engine takes.

Five tables hold what a run must remember where its rows are:

    leases   one row per target table: which run may write to it, under which fence, and who holds it
    runs     one row per run: running, complete or cancelled
    tables   one row per table of a run: prepared or complete, under which snapshot
    chunks   one row per loaded chunk, inserted FIRST in the chunk's transaction; its primary key makes a twin wait, then
             skip. Rows of a complete table shrink into its `tables` row.
    steps    one row per object that waits while a run's rows come (`connectors.objects.Step`): how it is suspended and
             what brings it back, written before the first change
"""

from __future__ import annotations

TABLES = (
    "CREATE TABLE IF NOT EXISTS {leases} (target varchar(400) PRIMARY KEY, run_id varchar(40) NOT NULL,"
    " fence bigint NOT NULL, holder varchar(200) NOT NULL, renewed_at double precision NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {runs} (run_id varchar(40) PRIMARY KEY, operation_id varchar(40) NOT NULL,"
    " plan_sha256 varchar(64) NOT NULL, source varchar(200) NOT NULL, state varchar(20) NOT NULL,"
    " started_at double precision NOT NULL, finished_at double precision)",
    "CREATE TABLE IF NOT EXISTS {tables} (run_id varchar(40) NOT NULL, table_id integer NOT NULL,"
    " target varchar(400) NOT NULL, identity varchar(200) NOT NULL, state varchar(20) NOT NULL,"
    " snapshot varchar(200) NOT NULL, rows_before bigint NOT NULL, row_count bigint NOT NULL,"
    " byte_count bigint NOT NULL, counts {text} NOT NULL, PRIMARY KEY (run_id, table_id))",
    "CREATE TABLE IF NOT EXISTS {chunks} (run_id varchar(40) NOT NULL, table_id integer NOT NULL,"
    " chunk_no integer NOT NULL, fence bigint NOT NULL, row_count bigint NOT NULL, byte_count bigint NOT NULL,"
    " counts {text} NOT NULL, loaded_at double precision NOT NULL, PRIMARY KEY (run_id, table_id, chunk_no))",
    "CREATE TABLE IF NOT EXISTS {steps} (run_id varchar(40) NOT NULL, step varchar(64) NOT NULL, number bigint NOT NULL,"
    " state varchar(20) NOT NULL, definition {text} NOT NULL, PRIMARY KEY (run_id, step))",
)
