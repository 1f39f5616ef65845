-- stat: lang(text VARCHAR) -> VARCHAR
-- Most likely language of the text, as fastText's code for it ('en', 'zh'); a part of `lang_id`.
--
-- Empty text has a language too, the model's guess. Usual cut: = 'en', or in ('en', 'de'), with a cut on `lang_score`.
-- Source: Data-Juicer's language_id_score_filter.
create or replace macro lang(text VARCHAR) as
    struct_extract(lang_id(text), 'lang');
