-- The stats database: one file per project, readable by the plain duckdb CLI. See docs/stats-database.md.
create schema measured;

create table meta (name varchar primary key, value varchar);

create table runs (
    run_id varchar primary key, recipe varchar, recipe_path varchar, rendered_sql varchar, template varchar,
    vars json, source varchar, source_id integer, source_fingerprint varchar, plan json, plan_fingerprint varchar,
    versions json, engine varchar, threads integer, started timestamp, ended timestamp, seconds double,
    status varchar, message varchar, rows_in bigint, rows_out bigint, samples_kept bigint, samples_dropped bigint,
    samples_duplicate bigint, samples_error bigint, export varchar
);

create table sources (source_id integer primary key, name varchar unique, fingerprint varchar);

create table sample_rows (source_id integer, sample_id bigint, file varchar, "row" bigint);

create table arguments (argument_id integer primary key, lineage varchar unique);

create table sample_keys (source_id integer, argument_id integer, sample_id bigint, key uhugeint);

create table key_changes (source_id integer, argument_id integer, run_id varchar, changed timestamp);

create table stat_columns (
    source_id integer, label varchar, function varchar, parameters json, returns varchar, identity varchar,
    argument_id integer, table_name varchar, run_id varchar
);

create table cuts (
    run_id varchar, cut varchar, step varchar, position integer, sql varchar, stat varchar, bounds json, line integer,
    rows_in bigint, dropped bigint, dropped_null bigint, dropped_alone bigint
);

create table steps (
    run_id varchar, step varchar, position integer, kind varchar, sql varchar, rows_in bigint, rows_out bigint
);

create table verdicts (
    run_id varchar, sample_id bigint, verdict varchar, cut varchar, value varchar, duplicate_of bigint
);

create table clusters (
    run_id varchar, step varchar, sample_id bigint, cluster bigint, representative boolean, similarity double
);

create table changes (
    run_id varchar, step varchar, sample_id bigint, column_name varchar, "before" varchar, "after" varchar
);

create table errors (
    run_id varchar, sample_id bigint, function varchar, file varchar, "row" bigint, message varchar
);

create table costs (
    run_id varchar, function varchar, identity varchar, runs_on varchar, "rows" bigint, reused bigint, calls bigint,
    seconds double, bytes bigint, device varchar
);

create view samples as
select r.source_id, s.name as source, r.sample_id, r.file, r."row", k.keys as content_keys
from sample_rows r
join sources s using (source_id)
left join (
    select source_id, sample_id, map_from_entries(list((a.lineage, k.key) order by a.lineage)) as keys
    from sample_keys k join arguments a using (argument_id)
    group by source_id, sample_id
) k using (source_id, sample_id);
