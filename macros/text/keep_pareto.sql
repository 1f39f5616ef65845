-- macro: keep_pareto(score DOUBLE, text VARCHAR, alpha DOUBLE := 9, seed INTEGER := 0) -> BOOLEAN
-- GPT-3's sampling by quality: true with the chance that score > 1 - a number drawn from a Pareto distribution.
--
-- For a score of 0 to 1 that chance is (2 - score) ** -alpha: 1 for score 1, 0.026 for 0.5, 0.002 for 0 with alpha 9. So
-- good text is mostly kept, and a little bad text with it (Brown et al. 2020, appendix A). The draw depends on `text` and
-- `seed` only, so equal texts are kept or dropped together and a rerun keeps the same rows. Data-Juicer draws anew in each run
-- (`numpy.random.pareto(9)`). Example: `keep_pareto(quality_score(text), text)`.
create or replace macro keep_pareto(score, text, alpha := 9, seed := 0) as
    md5_number_lower(seed::varchar || ':' || text) / 18446744073709551616.0::double < pow(2.0::double - score, -alpha);
