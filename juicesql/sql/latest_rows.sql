-- What the columns of `latest_rows` are; said again whenever a run writes that view anew.
comment on view latest_rows is 'one row a sample of the newest finished run, then a column for each stat of its recipe';
comment on column latest_rows.run_id is 'that run';
comment on column latest_rows.source_id is 'its source';
comment on column latest_rows.sample_id is 'the sample';
comment on column latest_rows.verdict is 'as in `verdicts`';
comment on column latest_rows.cut is 'the cut or step that decided';
comment on column latest_rows.duplicate_of is 'the sample of the same run that stayed';
comment on column latest_rows.fails is 'every cut and step that it is known to fail, not only the one that decided; empty for an error';
comment on column latest_rows.unknown is 'cuts and steps of which that is not known: a value was never measured, or the step never saw it';
