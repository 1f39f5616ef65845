-- stat: lang_score(text VARCHAR, lang VARCHAR := NULL) -> DOUBLE
-- Probability of the most likely language; with `lang`, 0 unless that is the most likely one.
--
-- `lang_score(text, 'en') >= 0.8` keeps what Data-Juicer keeps for lang='en'. Empty text has a score too; see
-- `lang_id`.
-- Usual cut: >= 0.8. Source: Data-Juicer's language_id_score_filter.
create or replace macro lang_score(text, lang := NULL) as
    case
        when lang is null or struct_extract(lang_id(text), 'lang') = lang then struct_extract(lang_id(text), 'score')
        when text is not null then 0.0::double
    end;
