-- Each document with what is measured of it.
select
    id,
    whitespace_normalization(text) as text,
    alnum_ratio(text) as alnum_ratio,
    word_rep_ratio(text, rep_len := 3) as word_rep_ratio,
    num_words(text) as num_words
from {{ ref('docs') }}
