"""Batches that fit into memory, and the device that models run on; a model that raises above a size stands in for a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from juicesql.udfs._devices import autocast, batched, device  # noqa: E402

from juicesql.errors import FunctionError  # noqa: E402


class Squares:
    """Squares numbers, in batches of at most `most` of them, and none that is too large."""

    def __init__(self, most: int, error: Exception | None = None, large: int = 1000) -> None:
        self.most, self.large = most, large
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.tried: list[int] = []

    def squares(self, numbers: Sequence[int]) -> list[int]:
        self.tried.append(len(numbers))
        if len(numbers) > self.most or max(numbers) >= self.large:
            raise self.error
        return [n * n for n in numbers]

    def twice(self, numbers: Sequence[int]) -> list[int]:
        return [2 * n for n in numbers[:-1]]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        Exception(
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer of size 1"
        ),
        MemoryError(),
    ],
    ids=lambda e: str(e)[:20] or "MemoryError",
)
def test_batches_are_halved_until_they_fit(error: Exception) -> None:
    model = Squares(5, error)
    values, failures = batched(model.squares, range(50), 32)
    assert values == [n * n for n in range(50)] and not failures
    assert model.tried == [32, 16, 8, *[4] * 12, 2]


def test_the_size_that_worked_is_kept_for_the_model_and_never_grows() -> None:
    model = Squares(5)
    batched(model.squares, range(50), 32)
    model.most, model.tried = 1000, []
    assert batched(model.squares, range(10), 32)[0] == [n * n for n in range(10)]
    assert model.tried == [4, 4, 2]
    other = Squares(1000)
    batched(other.squares, range(10), 32)
    assert other.tried == [10]


@pytest.mark.parametrize("place", [0, 7, 31, 32, 49])
def test_an_item_that_does_not_fit_alone_fails_alone(place: int) -> None:
    model = Squares(1000)
    numbers = [n if n != place else 5000 for n in range(50)]
    values, failures = batched(model.squares, numbers, 32)
    assert values == [n * n if n != place else None for n in range(50)]
    assert list(failures) == [place] and "memory" in failures[place]
    model.tried = []
    batched(model.squares, range(50), 32)
    assert max(model.tried) > 1  # one item of many does not slow the others down


def test_nothing_fits() -> None:
    values, failures = batched(Squares(0).squares, range(3), 2)  # each collects garbage, a second in a full process
    assert values == [None] * 3 and list(failures) == list(range(3))


def test_no_items_and_other_errors() -> None:
    model = Squares(5, RuntimeError("expected 3 channels"))
    assert batched(model.squares, [], 8) == ([], {}) and not model.tried
    with pytest.raises(RuntimeError, match="3 channels"):
        batched(model.squares, range(50), 8)
    with pytest.raises(ValueError, match="4 values for 5 items"):
        batched(model.twice, range(5), 8)


@pytest.fixture
def fresh_device():
    device.cache_clear()
    yield
    device.cache_clear()


def test_the_device_is_a_visible_gpu_or_what_is_asked_for(fresh_device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUICESQL_DEVICE", raising=False)
    assert device() == ("cuda" if torch.cuda.is_available() else "cpu")
    device.cache_clear()
    monkeypatch.setenv("JUICESQL_DEVICE", "cpu")
    assert device() == "cpu"
    device.cache_clear()
    monkeypatch.setenv("JUICESQL_DEVICE", "cuda:77")
    with pytest.raises(FunctionError, match="JUICESQL_DEVICE is 'cuda:77'"):
        device()


def test_on_a_cpu_the_precision_is_that_of_the_model(fresh_device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUICESQL_DEVICE", "cpu")
    layer = torch.nn.Linear(4, 4)
    with autocast():
        found = layer(torch.ones(1, 4))
    assert found.dtype == torch.float32 and not found.requires_grad
