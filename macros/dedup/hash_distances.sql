-- mapper: hash_distances(hashes UBIGINT[], hashes2 UBIGINT[]) -> TINYINT[]
-- How many of the 64 bits differ at each place of two lists of hashes, such as those of `video_frame_hashes`.
--
-- `1 - list_avg(hash_distances(a, b)) / 64` is a similarity. NULL where one list is longer, and for a hash that is NULL.
-- Source: Hamming 1950.
create or replace macro hash_distances(hashes, hashes2) as
    case when hashes is not null and hashes2 is not null
    then list_transform(list_zip(hashes, hashes2), lambda pair: bit_count(xor(pair[1], pair[2]))) end;
