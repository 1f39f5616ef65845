-- stat: lang(text VARCHAR) -> VARCHAR
-- Most likely language of the text, as the code that fastText gives it ('en', 'zh'); see `lang_id`.
--
-- Empty text has a language too. Usual cut: `lang(text) in ('en', 'de')`.
create or replace macro lang(text) as
    struct_extract(lang_id(text), 'lang');
