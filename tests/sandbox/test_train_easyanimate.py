"""The launch of EasyAnimate's LoRA training, with a stand-in for its script (see easyanimate_stand_in.py)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from juicesql.sandbox.components.train_easyanimate import EasyAnimateTrainer
from juicesql.sandbox.errors import JobError
from juicesql.sandbox.settings import read

from .training_work import codes, train, write_rows

pytest.importorskip("accelerate")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A clone with the stand-in, three videos of which one is missing, and rows of them."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "thirdparty/models/EasyAnimate"
    home.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "easyanimate_stand_in.py", home / "train_lora.py")
    rows = []
    for name in ("a", "b", "c d"):
        (tmp_path / f"{name}.mp4").write_bytes(b"video")
        rows.append({"videos": [f"{name}.mp4"], "text": f"<__dj__video> {name} <|__dj__eoc|>"})
    rows += [{"videos": ["missing.mp4"], "text": "x"}, {"videos": ["a.mp4"], "text": None}]
    write_rows(tmp_path / "data.jsonl", rows)
    return tmp_path


def extra(**config):
    return {
        "type": "easyanimate",
        "model_name": "easyanimate",
        "trainer_name": "easyanimate-lora-trainer",
        "train": {
            "model_path": {"pretrained_model_name_or_path": "PixArt-alpha/PixArt-XL-2-512x512"},
            "dataset_path": {"dataset_name": "", "dataset_meta_name": "data.jsonl"},
            "training_config": {"batch_size_per_gpu": 1, "num_train_epochs": 2, "mixed_precision": "no", **config},
            "saving_config": {"output_dir": "models"},
        },
    }


def test_it_trains_and_the_loss_of_each_step_is_kept(place, make_context):
    context = make_context(place, extra=extra(seed=7) | {"arguments": {"rank": 16, "vae_mini_batch": None}})
    assert codes(context) == []
    result = train(context)
    assert result["model"] == str(place / "models/checkpoint-6.safetensors")
    assert (result["samples"], result["skipped"], result["steps"]) == (3, 2, 6)
    expected = [(step, float(f"{1 / step:.4g}")) for step in range(1, 7)]
    assert context.watcher.series("job.loss") == expected
    assert result["train_loss"] == pytest.approx(sum(loss for _, loss in expected) / 6)
    assert context.watcher.query("job.learning_rate") == 2e-5 and context.progress.last == 1
    given = json.loads((place / "models/arguments.json").read_text())
    assert given["seed"] == 7 and given["sample_size"] == 256 and given["gradient_checkpointing"] is True
    assert given["rank"] == 16 and given["vae_mini_batch"] is None and given["report_to"] is None
    assert given["pretrained_model_name_or_path"] == "PixArt-alpha/PixArt-XL-2-512x512"
    assert (place / "models/folder.txt").read_text() == str(place / "thirdparty/models/EasyAnimate")


def test_the_data_are_what_easyanimate_reads(place, make_context):
    context = make_context(place, extra=extra())
    component = EasyAnimateTrainer(
        read(EasyAnimateTrainer.Settings, {k: v for k, v in extra().items() if k != "type"}), context
    )
    found = json.loads(component.data_connector(place / "data.jsonl").read_text())
    path = str(place / "c d.mp4")
    assert found[2] == {"file_path": path, "text": "c d", "type": "video", "videos": [path]}


def test_the_names_of_easyanimates_own_script(place, make_context):
    home = place / "thirdparty/models/EasyAnimate"
    (home / "scripts").mkdir()
    (home / "train_lora.py").rename(home / "scripts/train_lora.py")
    tracked = extra()
    tracked["train"]["tracker_config"] = {"project_name": "p", "experiment_name": "e"}
    context = make_context(place, extra=tracked)
    settings = read(EasyAnimateTrainer.Settings, {k: v for k, v in tracked.items() if k != "type"})
    words = EasyAnimateTrainer(settings, context)._words(Path("/m.json"))
    assert words[1:6] == [
        "-m",
        "accelerate.commands.launch",
        "--quiet",
        "--mixed_precision=no",
        "scripts/train_lora.py",
    ]
    assert {"--video_sample_size=256", "--image_sample_size=256", "--video_sample_n_frames=16"} <= set(words)
    assert "--report_to=wandb" in words and "--tracker_project_name=p" in words
    assert not any(w.startswith(("--sample_size", "--tracker_experiment_name", "--transformer_path")) for w in words)


def test_a_crash_in_the_middle_shows_the_last_lines(place, make_context, monkeypatch):
    monkeypatch.setenv("STAND_IN", "crash")
    context = make_context(place, extra=extra())
    with pytest.raises(JobError) as caught:
        train(context)
    assert any("CUDA out of memory" in line for line in caught.value.tail)
    assert context.watcher.series("job.loss")[0] == (1, 1.0)


PARENT = """
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from tests.sandbox import conftest, training_work
    from tests.sandbox.test_train_easyanimate import extra
    make = conftest.make_context._get_wrapped_function()()
    training_work.train(make(Path.cwd(), extra=extra()))
"""


def test_nothing_outlives_a_job_that_is_killed(place):
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(root)], env=os.environ | {"STAND_IN": "hang"}
    )
    try:
        pid_file = place / "models/worker.pid"
        wait(lambda: pid_file.is_file() and pid_file.read_text(), 60)
        worker = int(pid_file.read_text())
        assert alive(worker)
        parent.send_signal(signal.SIGKILL)
        wait(lambda: not alive(worker), 20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            parent.kill()
        parent.wait()


def alive(pid: int) -> bool:
    """Whether a process runs, and runs what the stand-in started."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"stand-in-worker" in words
    return False


def wait(done, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def test_what_is_missing_is_told_before_anything_runs(tmp_path, make_context, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = extra() | {"env_manager": "venv", "env_name": "nowhere"}
    assert codes(make_context(tmp_path, extra=wrong)) == ["missing-file", "missing-file", "no-program"]
    assert codes(make_context(tmp_path, extra=extra(batch="8"))) == ["unknown-setting"]
