-- stat: text_len(text VARCHAR) -> BIGINT
-- Length of the text in characters (Unicode code points).
--
-- Empty text: 0. Usual cut: >= 10. Source: Data-Juicer's text_length_filter.
create or replace macro text_len(text VARCHAR) as
    length(text);
