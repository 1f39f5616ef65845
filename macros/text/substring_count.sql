-- stat: substring_count(text VARCHAR, what VARCHAR) -> BIGINT
-- How often a string occurs in the text, without overlaps, case kept; NULL for an empty string to look for.
--
-- Empty text: 0. Usual cut: = 0 for '{', and for 'lorem ipsum' in `lower(text)`. Source: C4 (Raffel and others 2020,
-- section 2.2), which drops pages with either.
create or replace macro substring_count(text VARCHAR, what VARCHAR) as
    (strlen(text) - strlen(replace(text, what, ''))) // nullif(strlen(what), 0);
