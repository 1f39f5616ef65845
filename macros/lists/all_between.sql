-- macro: all_between(stat DOUBLE[], lo DOUBLE, hi DOUBLE) -> BOOLEAN
-- True when every value of a list is between two numbers, both included: one bad item is too many.
--
-- An empty or NULL list passes: a sample without media is not judged by its media. A NULL or NaN value fails.
-- Example: `all_between(image_aspect_ratio(images), 0.333, 3)`.
-- Source: `any_or_all: all` of Data-Juicer's filters of lists.
create or replace macro all_between(stat, lo, hi) as
    stat is null or len(list_filter(stat, lambda value: value between lo and hi and not isnan(value))) = len(stat);
