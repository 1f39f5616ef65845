create or replace macro kept_if(of_cut, condition) as table
with recursive asked as (select string_split(of_cut, ', ') as names),
chosen as (
    select coalesce(list_distinct(list(m.gate)), []::varchar[]) as cuts, min(m.place) as first
    from (values {{movable}}) m(gate, name, place), asked where list_contains(names, m.name)
),
-- Steps after the cut that keep a row or not depending on the others: of those nothing is known when rows come or go.
moving as (
    select coalesce(list(s.gate), []::varchar[]) as steps
    from (values {{relative}}) s(gate, place), chosen where s.place > chosen.first
),
judged as (select *, (condition)::boolean as __says from latest_rows),
fates as (
    select sample_id, duplicate_of, judged.cut as step, unknown, cuts, steps, __says, chosen.first,
        verdict <> 'error'
        and list_has_all(
            flatten([cuts, steps, [case when duplicate_of is not null then judged.cut end]]), fails
        )
        and coalesce(__says, list_has_any(unknown, cuts)) as comes
    from judged, chosen, moving
),
known as (
    select *, comes and __says is not null and len(steps) = 0 and list_has_all(cuts, unknown) as sure from fates
),
roots as (
    select sample_id, sample_id as root from known where duplicate_of is null
    union all
    select k.sample_id, r.root from known k join roots r on k.duplicate_of = r.sample_id
),
-- A group of duplicates as the run found it: while all of it comes to the step, the same one stands for it.
grouped as (
    select root, count(*) filter (where comes) as come, count(*) filter (where sure) as certain,
        count(*) filter (where comes and k.sample_id = root) as root_comes,
        count(*) filter (where sure and k.sample_id = root) as root_sure,
        count(*) = 1 or bool_and(__says is not distinct from true) or coalesce(min(d.place) < min(k.first), false)
            as whole
    from known k join roots using (sample_id) left join (values {{dedups}}) d(gate, place)
        on k.duplicate_of is not null and d.gate = k.step
    group by root
),
checked as (
    select case when len(cuts) = 0 then error(concat(
        'no cut of the newest run that can be moved is called ', of_cut, ': the relation cuts lists them'
    )) else true end as fine
    from chosen, asked where names is not null
)
select
    coalesce(sum(case when whole then root_sure else least(certain, 1) end), 0)::bigint as at_least,
    coalesce(sum(case when whole then root_comes else come end), 0)::bigint as at_most
from checked left join grouped on true where fine;
