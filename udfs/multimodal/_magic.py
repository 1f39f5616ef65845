"""The kind of a media file by its first bytes."""

from __future__ import annotations

HEADS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"\0\0\0\x0cjP  ", ".jp2"),
    (b"\xffO\xffQ", ".jp2"),
    (b"OggS", ".ogg"),
    (b"fLaC", ".flac"),
    (b"ID3", ".mp3"),
    (b"FLV\x01", ".flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wmv"),
    (b"\0\0\x01\xba", ".mpg"),
    (b"\0\0\x01\xb3", ".mpg"),
)
FORMS = {b"RIFF": {b"WEBP": ".webp", b"WAVE": ".wav", b"AVI ": ".avi"}, b"FORM": {b"AIFF": ".aiff", b"AIFC": ".aiff"}}
BRANDS = {
    b"avif": ".avif", b"avis": ".avif", b"heic": ".heic", b"heix": ".heic", b"mif1": ".heic", b"qt  ": ".mov",
    b"M4A ": ".m4a", b"M4B ": ".m4a",
}  # fmt: skip
ATOMS = (b"moov", b"mdat", b"wide")  # of QuickTime files from before there were brands
TS_PACKET = 188  # bytes


def suffix_of(data: bytes) -> str:
    """The usual suffix, with its dot; '.bin' for what is not known.

    >>> suffix_of(b"GIF89a")
    '.gif'
    """
    for head, suffix in HEADS:
        if data.startswith(head):
            return suffix
    if form := FORMS.get(data[:4]):
        return form.get(data[8:12], ".bin")
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12], ".mp4")
    if data[4:8] in ATOMS:
        return ".mov"
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm" if b"webm" in data[:64] else ".mkv"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return ".pnm"
    return _stream(data)


def _stream(data: bytes) -> str:
    """Streams of packets without a head: MPEG transport, MP3 and AAC frames begin with a mark of synchrony."""
    if data[:1] == b"G" and data[TS_PACKET : TS_PACKET + 1] == b"G":
        return ".ts"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        layer = data[1] & 0x06
        return ".aac" if layer == 0 and data[1] & 0xF0 == 0xF0 else ".mp3" if layer else ".bin"
    return ".bin"
