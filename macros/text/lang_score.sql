-- stat: lang_score(text VARCHAR, lang VARCHAR := NULL) -> DOUBLE
-- Probability of the most likely language; with `lang`, 0 unless that is the most likely one.
--
-- `lang_score(text, 'en') >= 0.8` keeps what Data-Juicer keeps for lang='en'. Empty text has a score too; see
-- `lang_id`.
-- Usual cut: >= 0.8. Source: Data-Juicer's language_id_score_filter.
create or replace macro lang_score(text VARCHAR, lang := NULL) as
    list_transform([lang_id(text)], lambda found: case  -- a list of one, so that the model is asked once
        when lang is null or found.lang = lang then found.score
        when text is not null then 0.0::double
    end)[1];
