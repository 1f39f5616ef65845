"""The parameter `parity`: by default a function does what is right, by name what the peer does."""

from juicesql.api import FunctionError

PEER = "data-juicer"


def as_peer(parity: str | None) -> bool:
    """Whether values are wanted as Data-Juicer gives them. FunctionError for any other name."""
    if parity not in (None, PEER):
        raise FunctionError.of("bad-parameter", f"parity is {parity!r}", f"leave it out, or give parity := '{PEER}'")
    return parity == PEER
