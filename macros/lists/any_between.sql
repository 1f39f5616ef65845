-- macro: any_between(stat DOUBLE[], lo DOUBLE, hi DOUBLE) -> BOOLEAN
-- True when at least one value of a list is between two numbers, both included: one good item is enough.
--
-- An empty or NULL list passes: a sample without media is not judged by its media. A NULL or NaN value fails, so a list
-- of values that could not be measured does not pass. Example: `any_between(image_aspect_ratio(images), 0.333, 3)`.
-- Source: `any_or_all: any` of Data-Juicer's filters of lists.
create or replace macro any_between(stat, lo, hi) as
    stat is null or len(stat) = 0 or len(list_filter(stat, lambda value: value between lo and hi and not isnan(value))) > 0;
