"""CRAFT, a network that finds characters and the links between them (Baek and others 2019), and the boxes of its maps.

The layers have the names of the published weights. Boxes become lines as EasyOCR 1.7 joins them, which is what
Data-Juicer measures.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError

from ._devices import autocast, device

if TYPE_CHECKING:
    from torch import nn

TEXT, LINK, LOW_TEXT = 0.7, 0.4, 0.4  # thresholds
LONG_SIDE, MULTIPLE = 2560, 32  # pixels
LEAST_AREA = 10  # pixels of a map, which has half the size of the image
MEAN, DEVIATION = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])  # of ImageNet's RGB
# Lines: the slope that counts as level; shares of a height; the margin; the least size in pixels.
LEVEL, CENTRE, HEIGHT, GAP, MARGIN, LEAST_LINE = 0.1, 0.5, 0.5, 0.5, 0.1, 20
# The convolutions of VGG16 by number of channels, P where the map is halved; a slice ends before the ReLU of its last.
VGG = (64, 64, "P", 128, 128, "P", 256, 256, 256, "P", 512, 512, 512, "P", 512, 512)
SLICES = (12, 19, 29, 39)


class Craft:
    """The detector: an RGB image in, the quadrangles of its lines out."""

    def __init__(self, file: str) -> None:
        self.net = _loaded(file).to(device()).eval()

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        import torch

        planes, scale = _prepared(image)
        with autocast():
            maps = self.net(torch.from_numpy(planes).to(device()))[0].float().cpu().numpy()
        words = [(box * (2 / scale)).astype(np.int32) for box in boxes_of_maps(maps[..., 0], maps[..., 1])]
        return lines(words)


def _loaded(file: str) -> nn.Module:
    import torch

    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        net = network()
        net.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()})
    except Exception as error:  # many kinds: not a torch file, other objects inside, other layers
        cause = str(error).strip().partition("\n")[0]
        message = f"{Path(file).name} holds no weights of CRAFT: {cause}"
        raise FunctionError.of("bad-model", message, "give craft_mlt_25k.pth") from error
    return net


def _prepared(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The planes that the network takes and the scale from the image to them: black is put at the right and below."""
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, LONG_SIDE / max(height, width))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    canvas = np.zeros((*(-side % MULTIPLE + side for side in size[::-1]), 3), np.float32)
    canvas[: size[1], : size[0]] = image if scale == 1 else cv2.resize(image, size)
    return ((canvas - MEAN) / DEVIATION).astype(np.float32).transpose(2, 0, 1)[np.newaxis], scale


def network() -> nn.Module:
    """Maps of the image's half size, (batch, height, width, 2): how likely a character is there, and a link."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Base(nn.Module):
        """VGG16 with batch normalisation up to its second last convolution, and two wide layers."""

        def __init__(self) -> None:
            super().__init__()
            layers = _vgg()
            for number, (start, stop) in enumerate(zip((0, *SLICES), SLICES, strict=False), 1):
                part = nn.Sequential()
                for place in range(start, stop):
                    part.add_module(str(place), layers[place])
                self.add_module(f"slice{number}", part)
            wide = nn.Conv2d(512, 1024, 3, padding=6, dilation=6)
            self.slice5 = nn.Sequential(nn.MaxPool2d(3, 1, 1), wide, nn.Conv2d(1024, 1024, 1))

        def forward(self, x: Any) -> list[Any]:
            """The outputs of the slices, the last one first, each behind the ReLU that begins the next slice."""
            found = [self.slice1(x)]
            for part in (self.slice2, self.slice3, self.slice4):
                found[-1] = functional.relu(found[-1])
                found.append(part(found[-1]))
            return [self.slice5(found[-1]), *reversed(found)]

    class Up(nn.Module):
        def __init__(self, taken: int, inner: int, given: int) -> None:
            super().__init__()
            first = nn.Conv2d(taken, inner, 1), nn.BatchNorm2d(inner), nn.ReLU()
            second = nn.Conv2d(inner, given, 3, padding=1), nn.BatchNorm2d(given), nn.ReLU()
            self.conv = nn.Sequential(*first, *second)

        def forward(self, x: Any) -> Any:
            return self.conv(x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.basenet = Base()
            self.upconv1, self.upconv2 = Up(1536, 512, 256), Up(768, 256, 128)
            self.upconv3, self.upconv4 = Up(384, 128, 64), Up(192, 64, 32)
            shapes = ((32, 32, 3), (32, 32, 3), (32, 16, 3), (16, 16, 1))
            layers = [m for a, b, k in shapes for m in (nn.Conv2d(a, b, k, padding=k // 2), nn.ReLU())]
            self.conv_cls = nn.Sequential(*layers, nn.Conv2d(16, 2, 1))

        def forward(self, x: Any) -> Any:
            y, *sources = self.basenet(x)
            for up, source in zip((self.upconv1, self.upconv2, self.upconv3, self.upconv4), sources, strict=True):
                y = functional.interpolate(y, source.shape[2:], mode="bilinear", align_corners=False)
                y = up(torch.cat([y, source], 1))
            return self.conv_cls(y).permute(0, 2, 3, 1)

    return Net()


def _vgg() -> list[nn.Module]:
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for step in VGG:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, step, 3, padding=1), nn.BatchNorm2d(step), nn.ReLU()]
            channels = step
    return layers


def boxes_of_maps(text: np.ndarray, link: np.ndarray) -> list[np.ndarray]:
    """The boxes of words in pixels of the maps: what is linked, around something that is surely text."""
    import cv2

    inside, linked = text > LOW_TEXT, link > LINK
    count, labels, stats, _ = cv2.connectedComponentsWithStats((inside | linked).astype(np.uint8), connectivity=4)
    boxes = []
    for label in range(1, count):
        x, y, width, height, area = stats[label]
        part = labels[y : y + height, x : x + width] == label
        window = slice(y, y + height), slice(x, x + width)
        if area < LEAST_AREA or text[window][part].max() < TEXT:
            continue
        characters = part & ~(linked[window] & ~inside[window])
        grown = int(2 * np.sqrt(area * min(width, height) / (width * height)))
        boxes.append(_box(characters, (x, y), grown, text.shape))
    return boxes


def _box(part: np.ndarray, corner: tuple[int, int], grown: int, shape: tuple[int, ...]) -> np.ndarray:
    """The box of the least area around a part of a map, which is grown first; its first point is the upper left one."""
    import cv2

    height, width = part.shape
    low = max(0, corner[0] - grown), max(0, corner[1] - grown)
    high = min(shape[1], corner[0] + width + grown + 1), min(shape[0], corner[1] + height + grown + 1)
    canvas = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    top, left = corner[1] - low[1], corner[0] - low[0]
    canvas[top : top + height, left : left + width] = part
    rows, columns = np.nonzero(cv2.dilate(canvas, np.ones((1 + grown, 1 + grown), np.uint8)))
    points = np.stack([columns + low[0], rows + low[1]], 1).astype(np.int32)
    box = cv2.boxPoints(cv2.minAreaRect(points))
    long, short = sorted((np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[1] - box[2])), reverse=True)
    if long / (short + 1e-5) <= 1.1:  # a square may stand on a corner
        (left, top), (right, bottom) = points.min(0), points.max(0)
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return np.roll(box, -int(box.sum(1).argmin()), 0)


def lines(words: list[np.ndarray]) -> list[np.ndarray]:
    """Level boxes beside each other are joined; all get a margin, and what is at most 20 pixels long is left out."""
    level = [word for word in words if _slope(word) < LEVEL]
    flat = [np.concatenate([word.min(0), word.max(0)]) for word in level]  # left, top, right, bottom
    found = [_rectangle(part) for row in _rows(flat) for part in _parts(row)]
    found += [_with_margin(word) for word in words if _slope(word) >= LEVEL]
    return [line for line in found if np.ptp(line, axis=0).max() > LEAST_LINE]


def _slope(word: np.ndarray) -> float:
    upper, lower = word[1] - word[0], word[2] - word[3]
    return max(abs(side[1] / max(10, side[0])) for side in (upper, lower))


def _rows(boxes: list[np.ndarray]) -> list[list[np.ndarray]]:
    """Boxes whose centre is at the height of those before them, from top to bottom."""
    rows: list[list[np.ndarray]] = []
    for box in sorted(boxes, key=lambda box: box[1] + box[3]):
        if rows:
            centre = np.mean([(b[1] + b[3]) / 2 for b in rows[-1]])
            if abs(centre - (box[1] + box[3]) / 2) < CENTRE * np.mean([b[3] - b[1] for b in rows[-1]]):
                rows[-1].append(box)
                continue
        rows.append([box])
    return rows


def _parts(row: list[np.ndarray]) -> list[list[np.ndarray]]:
    """Boxes of a row that are of like height and near each other, from left to right."""
    parts: list[list[np.ndarray]] = []
    for box in sorted(row, key=lambda box: box[0]):
        if parts:
            own, mean = box[3] - box[1], np.mean([b[3] - b[1] for b in parts[-1]])
            if abs(mean - own) < HEIGHT * mean and box[0] - parts[-1][-1][2] < GAP * own:
                parts[-1].append(box)
                continue
        parts.append([box])
    return parts


def _rectangle(boxes: list[np.ndarray]) -> np.ndarray:
    left, top = np.min(boxes, axis=0)[:2]
    right, bottom = np.max(boxes, axis=0)[2:]
    margin = int(MARGIN * min(right - left, bottom - top))
    left, top, right, bottom = left - margin, top - margin, right + margin, bottom + margin
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def _with_margin(word: np.ndarray) -> np.ndarray:
    """Each corner goes outwards along its diagonal."""
    height, width = np.linalg.norm(word[3] - word[0]), np.linalg.norm(word[1] - word[0])
    margin = int(1.44 * MARGIN * min(width, height))
    outwards = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    moved = []
    for point, (x, y), (a, b) in zip(word, outwards, ((0, 2), (1, 3)) * 2, strict=True):
        across, down = (word[a] - word[b]).astype(float)
        angle = abs(np.arctan(down / max(10, across)))
        moved.append(point + margin * np.array([x * np.cos(angle), y * np.sin(angle)]))
    return np.array(moved)
