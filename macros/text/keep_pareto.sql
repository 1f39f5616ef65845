-- macro: keep_pareto(score DOUBLE, text VARCHAR, alpha DOUBLE := 9, seed INTEGER := 0) -> BOOLEAN
-- Keep mostly good text and a little bad: true with a chance that grows with the score, as GPT-3 was sampled.
--
-- True when score > 1 - a number drawn from a Pareto distribution. For a score of 0 to 1 that chance is
-- `(2 - score) ** -alpha`: with alpha 9, 1 for score 1, 0.026 for 0.5, 0.002 for 0. The draw depends on `text` and
-- `seed` only, so equal texts, empty ones too, are kept or dropped together and a rerun keeps the same rows.
-- Example: `keep_pareto(quality_score(text), text)`.
-- Source: GPT-3 (Brown and others 2020, appendix A). Data-Juicer's quality classifier draws anew in each run
-- (`numpy.random.pareto(9)`).
create or replace macro keep_pareto(score, text, alpha := 9, seed := 0) as
    md5_number_lower(seed::varchar || ':' || text) / 18446744073709551616.0::double < pow(2.0::double - score, -alpha);
