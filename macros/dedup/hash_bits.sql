-- mapper: hash_bits(hashes VARCHAR[]) -> UBIGINT[]
-- Hashes of 16 hexadecimal digits as numbers, such as those of `image_hash`; NULL for one that is none.
--
-- `bit_count(xor(a, b))` of two numbers is how many bits differ. No hashes: an empty list. Source: DuckDB's numbers.
create or replace macro hash_bits(hashes) as
    list_transform(hashes, lambda digits: try_cast('0x' || digits as ubigint));
