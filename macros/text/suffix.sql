-- macro: suffix(path VARCHAR) -> VARCHAR
-- Suffix of a file's name, with its dot: '.py' of 'src/main.py'; a name without one is given whole.
--
-- Documents have their file in the column `path`, so a cut on kinds of files is `suffix(path) in ('.py', 'Makefile')`;
-- case is kept. A compressed file has both, '.txt.gz'. A name that only begins with a dot has none. Empty for an empty
-- path.
-- Source: Data-Juicer's suffix_filter, with the suffixes of its text formatter.
create or replace macro suffix(path VARCHAR) as
    coalesce(
        nullif(regexp_extract(path, '[^/](\.[^/.]*(\.gz|\.zst)?)$', 1), ''),
        regexp_extract(path, '[^/]*$')
    );
