-- The documents that stay.
select id, text
from {{ ref('measured') }}
where alnum_ratio >= {{ var('least_alnum', 0.6) }}
  and word_rep_ratio <= {{ var('most_repeated', 0.3) }}
  and num_words >= {{ var('least_words', 5) }}
