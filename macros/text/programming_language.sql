-- stat: programming_language(text VARCHAR) -> VARCHAR
-- Label of the text when it is code ('python', 'c', 'javascript'), else NULL; see `content_type`.
--
-- Markup, style sheets, queries and build files are code too, as Magika groups them. Empty text: NULL.
-- Usual cut: in ('python', 'rust') or the like. Source: Magika (Fratantonio and others 2024).
create or replace macro programming_language(text VARCHAR) as
    case when struct_extract(content_type(text), 'kind') = 'code' then struct_extract(content_type(text), 'label') end;
