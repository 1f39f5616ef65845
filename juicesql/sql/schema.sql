-- The stats database: one file per project, readable by the plain duckdb CLI. `make docs` writes docs/stats-database.md
-- from the comments below; the view `stats` is made by store.py, with a column for each stat.
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

create table checks (
    run_id varchar, suite varchar, position integer, relation varchar, line integer, expectation varchar, type varchar,
    kwargs json, success boolean, "rows" bigint, failing bigint, nulls bigint, observed varchar, examples json,
    message varchar, checked timestamp
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

create view latest_run as select * from runs where status = 'done' order by started desc, run_id desc limit 1;

-- Each run puts its own in the place of this one.
create view latest_rows as
select run_id, source_id, sample_id, verdict, cut, duplicate_of, []::varchar[] as fails, []::varchar[] as unknown
from verdicts join runs using (run_id) where false;

comment on table meta is 'one row a fact';
comment on column meta.name is '`schema_version`, `fingerprints`';
comment on column meta.value is '1, 2';

comment on table runs is 'one row a run';
comment on column runs.run_id is 'date, time and four digits; the key of most relations here';
comment on column runs.recipe is 'name of the recipe';
comment on column runs.recipe_path is 'its file';
comment on column runs.rendered_sql is 'its SQL after Jinja';
comment on column runs.template is 'its text';
comment on column runs.vars is 'the variables given';
comment on column runs.source is 'the input as it was named';
comment on column runs.source_id is 'its number in `sources`';
comment on column runs.source_fingerprint is 'digest of its files';
comment on column runs.plan is 'the steps, and as `input` where the source was';
comment on column runs.plan_fingerprint is 'equal plans (code of the functions included) have equal fingerprints';
comment on column runs.versions is 'of juicesql, DuckDB and Python';
comment on column runs.engine is 'what executed it';
comment on column runs.threads is 'how many it used';
comment on column runs.started is 'UTC';
comment on column runs.ended is 'UTC; NULL while it runs';
comment on column runs.seconds is 'wall time';
comment on column runs.status is '`running`, `publishing`, `done`, `analyzed` (no cut dropped a row), `failed`, `interrupted`';
comment on column runs.message is 'why it failed';
comment on column runs.rows_in is 'samples of the source = the four below together';
comment on column runs.rows_out is 'rows of the output: more than `samples_kept` after an UNNEST';
comment on column runs.samples_kept is 'samples that stand for themselves in the output';
comment on column runs.samples_dropped is 'by a cut or a whole-relation step';
comment on column runs.samples_duplicate is 'of another sample or of an earlier run';
comment on column runs.samples_error is 'that could not be read, or for which a function failed';
comment on column runs.export is 'where the output stands; NULL without one';

comment on table sources is 'one row an input as it was named';
comment on column sources.source_id is 'its number';
comment on column sources.name is 'as it was named';
comment on column sources.fingerprint is 'digest of its files in the newest run on it';

comment on table sample_rows is 'one row a sample of a source';
comment on column sample_rows.source_id is 'its source';
comment on column sample_rows.sample_id is 'the sample';
comment on column sample_rows.file is 'where it stands';
comment on column sample_rows."row" is 'its place in that file, counted from 0';

comment on table arguments is 'one row an expression that a stat read';
comment on column arguments.argument_id is 'its number';
comment on column arguments.lineage is 'the expression over the columns of the source';

comment on table sample_keys is 'one row a sample and expression';
comment on column sample_keys.source_id is 'its source';
comment on column sample_keys.argument_id is 'the expression';
comment on column sample_keys.sample_id is 'the sample';
comment on column sample_keys.key is 'MD5, as a number, of what the expression gave';

comment on table key_changes is 'one row an expression of a source whose keys are no more what an earlier run found';
comment on column key_changes.source_id is 'the source';
comment on column key_changes.argument_id is 'the expression';
comment on column key_changes.run_id is 'the newest run that found others';
comment on column key_changes.changed is 'when it was recorded, UTC';

comment on table stat_columns is 'one row a column of `stats` and source';
comment on column stat_columns.source_id is 'the source';
comment on column stat_columns.label is 'name of the column';
comment on column stat_columns.function is 'the stat';
comment on column stat_columns.parameters is 'its parameters';
comment on column stat_columns.returns is 'its SQL type';
comment on column stat_columns.identity is 'digest of its code, models and parameters';
comment on column stat_columns.argument_id is 'the expression it read';
comment on column stat_columns.table_name is 'the table of `measured` that holds its values';
comment on column stat_columns.run_id is 'the run that added it';

comment on table cuts is 'one row a run and cut';
comment on column cuts.run_id is 'the run';
comment on column cuts.cut is 'name of the cut: its step and its number there (`kept.3`)';
comment on column cuts.step is 'its step';
comment on column cuts.position is 'its place in the funnel, which `steps` shares: the order in which cuts and steps ran';
comment on column cuts.sql is 'as written';
comment on column cuts.stat is 'what it compares';
comment on column cuts.bounds is 'operator, number and place of each bound';
comment on column cuts.line is 'line of the recipe';
comment on column cuts.rows_in is 'rows that reach it: those that the line before it in the funnel left';
comment on column cuts.dropped is 'rows it drops of those';
comment on column cuts.dropped_null is 'of these, rows whose stat is NULL';
comment on column cuts.dropped_alone is 'rows that fail this cut and no other of its step; NULL where a value that decides it was never measured';

comment on table steps is 'one row a run and line of the funnel that is no cut';
comment on column steps.run_id is 'the run';
comment on column steps.step is 'its name: that of the CTE';
comment on column steps.position is 'its place in the funnel, which `cuts` shares';
comment on column steps.kind is '`source`, `map`, `global`, `group` (rows came together), `failed` (rows of the step that raised between two cuts)';
comment on column steps.sql is 'what it does';
comment on column steps.rows_in is 'rows that reach it';
comment on column steps.rows_out is 'rows it gives';

comment on table verdicts is 'one row a run and sample';
comment on column verdicts.run_id is 'the run';
comment on column verdicts.sample_id is 'the sample';
comment on column verdicts.verdict is '`kept`, `dropped`, `duplicate`, `error`';
comment on column verdicts.cut is 'the cut or step that decided';
comment on column verdicts.value is 'what the cut compared; the message of an error; the row of an earlier run that it duplicates';
comment on column verdicts.duplicate_of is 'the sample of the same run that stayed; NULL where an earlier run has it';

comment on table clusters is 'one row a run and sample in a group of duplicates, those of earlier runs left out';
comment on column clusters.run_id is 'the run';
comment on column clusters.step is 'the step that found it';
comment on column clusters.sample_id is 'the sample';
comment on column clusters.cluster is 'the `sample_id` that stayed';
comment on column clusters.representative is 'whether it is the one that stayed';
comment on column clusters.similarity is 'to the one that stayed; 1 for exact duplicates';

comment on table changes is 'one row for some samples that a mapper changed; `juicesql run --trace N` says how many';
comment on column changes.run_id is 'the run';
comment on column changes.step is 'the step';
comment on column changes.sample_id is 'the sample';
comment on column changes.column_name is 'the column';
comment on column changes."before" is 'its value when it came';
comment on column changes."after" is 'its value when it left';

comment on table errors is 'one row for each row that failed';
comment on column errors.run_id is 'the run';
comment on column errors.sample_id is 'the sample; NULL where a group of rows failed';
comment on column errors.function is 'the function that raised; `source` for a row that could not be read';
comment on column errors.file is 'of a row that could not be read';
comment on column errors."row" is 'its place in that file, counted from 0';
comment on column errors.message is 'what went wrong';

comment on table costs is 'one row a run and function';
comment on column costs.run_id is 'the run';
comment on column costs.function is 'its name';
comment on column costs.identity is 'digest of its code, models and parameters';
comment on column costs.runs_on is '`sql`, `kernel`, `process` or `device`';
comment on column costs."rows" is 'rows measured';
comment on column costs.reused is 'rows whose value was found in the database';
comment on column costs.calls is 'batches';
comment on column costs.seconds is 'summed over threads and workers';
comment on column costs.bytes is 'of the arguments';
comment on column costs.device is 'where it ran';

comment on table checks is 'one row for each expectation that a run was checked by';
comment on column checks.run_id is 'the run; one that a gate refused has `failed` as its status';
comment on column checks.suite is 'file of the expectations';
comment on column checks.position is 'place of the expectation in that file, from 0';
comment on column checks.relation is '`source`, a step of the recipe, or `output`';
comment on column checks.line is 'line of the file';
comment on column checks.expectation is 'as written';
comment on column checks.type is 'the expectation of great_expectations behind it';
comment on column checks.kwargs is 'what that was given';
comment on column checks.success is 'whether it is met';
comment on column checks."rows" is 'rows of the relation';
comment on column checks.failing is 'rows that fail; NULL where the whole is judged, not its rows';
comment on column checks.nulls is 'rows without a value, which are not judged';
comment on column checks.observed is 'what was found where the whole is judged';
comment on column checks.examples is 'some failing rows: `sample_id` and the values judged';
comment on column checks.message is 'why it could not be judged';
comment on column checks.checked is 'UTC';

comment on view samples is 'one row a sample of a source, as the newest run on it found them';
comment on column samples.source_id is 'its source';
comment on column samples.source is 'that source as it was named';
comment on column samples.sample_id is 'number of the sample, from 0 in the order of the source';
comment on column samples.file is 'where it stands';
comment on column samples."row" is 'its place in that file, counted from 0';
comment on column samples.content_keys is 'expression of the recipe -> MD5, as a number, of what it gave for this sample';

comment on view latest_run is 'the row of `runs` of the newest finished run, by `started`';
comment on column latest_run.run_id is 'date, time and four digits; the key of most relations here';
comment on column latest_run.recipe is 'name of the recipe';
comment on column latest_run.recipe_path is 'its file';
comment on column latest_run.rendered_sql is 'its SQL after Jinja';
comment on column latest_run.template is 'its text';
comment on column latest_run.vars is 'the variables given';
comment on column latest_run.source is 'the input as it was named';
comment on column latest_run.source_id is 'its number in `sources`';
comment on column latest_run.source_fingerprint is 'digest of its files';
comment on column latest_run.plan is 'the steps';
comment on column latest_run.plan_fingerprint is 'equal plans (code of the functions included) have equal fingerprints';
comment on column latest_run.versions is 'of juicesql, DuckDB and Python';
comment on column latest_run.engine is 'what executed it';
comment on column latest_run.threads is 'how many it used';
comment on column latest_run.started is 'UTC';
comment on column latest_run.ended is 'UTC; NULL while it runs';
comment on column latest_run.seconds is 'wall time';
comment on column latest_run.status is '`running`, `publishing`, `done`, `analyzed` (no cut dropped a row), `failed`, `interrupted`';
comment on column latest_run.message is 'why it failed';
comment on column latest_run.rows_in is 'samples of the source = the four below together';
comment on column latest_run.rows_out is 'rows of the output: more than `samples_kept` after an UNNEST';
comment on column latest_run.samples_kept is 'samples that stand for themselves in the output';
comment on column latest_run.samples_dropped is 'by a cut or a whole-relation step';
comment on column latest_run.samples_duplicate is 'of another sample or of an earlier run';
comment on column latest_run.samples_error is 'that could not be read, or for which a function failed';
comment on column latest_run.export is 'where the output stands; NULL without one';
