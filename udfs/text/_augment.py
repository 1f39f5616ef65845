"""What the augmenting mappers share: drawing from the text and a seed, and data files of packages."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random

from juicesql.api import FunctionError

Change = Callable[[str, Random], str]
# A draw may find nothing to change or repeat an earlier one; so often is it tried for each variant.
TRIES = 5


def variants(
    text: str, changes: Sequence[Change], sequential: bool, aug_num: int, keep_original_sample: bool, seed: int
) -> list[str]:
    """The text, if it is kept, and up to `aug_num` different variants: of all changes in turn, or of each change."""
    draw = Random(f"{seed}:{text}")
    seen = {text}
    found = [text] if keep_original_sample else []
    for flow in [changes] if sequential else [[change] for change in changes]:
        wanted = len(seen) + aug_num
        for _ in range(aug_num * TRIES):
            changed = text
            for change in flow:
                changed = change(changed, draw)
            if changed not in seen:
                seen.add(changed)
                found.append(changed)
                if len(seen) == wanted:
                    break
    return found


def check_aug_num(aug_num: int) -> None:
    if aug_num < 1:
        raise FunctionError.of("bad-parameter", f"aug_num is {aug_num}", "give aug_num := 1 or more")


def package_file(package: str, *path: str) -> Path:
    """A data file of a package of the extra `augment`. The package is not imported."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder).joinpath(*path)
        if file.is_file():
            return file
    raise FunctionError.of("no-library", f"{package} is not installed", "pip install 'juicesql[augment]'")
