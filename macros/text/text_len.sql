-- stat: text_len(text VARCHAR) -> BIGINT
-- Number of characters (Unicode code points). Usual cut: >= 10.
create or replace macro text_len(text) as
    length(text);
