-- stat: substring_count(text VARCHAR, what VARCHAR) -> BIGINT
-- How often a string occurs in the text, without overlaps, case kept; NULL for an empty string to look for.
--
-- Empty text: 0. C4 drops a page with `substring_count(text, '{') > 0` or `substring_count(lower(text), 'lorem ipsum') > 0`
-- (Raffel et al. 2020, section 2.2).
create or replace macro substring_count(text, what) as
    (strlen(text) - strlen(replace(text, what, ''))) // nullif(strlen(what), 0);
