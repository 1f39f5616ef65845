"""A stand-in for EasyAnimate's train_lora.py: no model, no video. It takes the script's arguments, reads its metadata as
EasyAnimate does, draws the same progress bar, and writes a checkpoint of the same name.

STAND_IN=crash raises in the middle; STAND_IN=hang starts a process that sleeps, and waits for it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
names = "config_path pretrained_model_name_or_path transformer_path train_data_dir train_data_meta output_dir mixed_precision"
names += " tracker_project_name tracker_experiment_name report_to"
for name in names.split():
    parser.add_argument(f"--{name}")
whole = "sample_size sample_n_frames sample_stride train_batch_size gradient_accumulation_steps num_train_epochs"
for name in f"{whole} dataloader_num_workers checkpointing_steps seed vae_mini_batch rank".split():
    parser.add_argument(f"--{name}", type=int)
for name in ("learning_rate", "adam_weight_decay", "adam_epsilon"):
    parser.add_argument(f"--{name}", type=float)
parser.add_argument("--gradient_checkpointing", action="store_true")
args = parser.parse_args()

rows = json.loads(Path(args.train_data_meta).read_text())
assert all(Path(row["file_path"]).is_file() and row["type"] == "video" and row["text"] for row in rows)
steps = args.num_train_epochs * -(-len(rows) // args.train_batch_size)
out = Path(args.output_dir)
out.mkdir(parents=True, exist_ok=True)
(out / "arguments.json").write_text(json.dumps(vars(args)))
(out / "folder.txt").write_text(os.getcwd())


def draw(step: int, postfix: str) -> None:
    sys.stderr.write(f"\rSteps: {100 * step // steps:3d}%|#         | {step}/{steps} [00:01<00:09,  1.00it/s{postfix}]")
    sys.stderr.flush()


draw(0, "")
postfix = ""
for step in range(1, steps + 1):
    if os.environ.get("STAND_IN") == "crash" and step == 3:
        raise RuntimeError("CUDA out of memory")
    if os.environ.get("STAND_IN") == "hang":
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "stand-in-worker"])
        (out / "worker.pid").write_text(str(worker.pid))
        worker.wait()
    draw(step, postfix)  # as tqdm draws a step: first with the numbers of the one before
    postfix = f", lr={args.learning_rate}, step_loss={1 / step:.4g}"
    draw(step, postfix)
    time.sleep(0.05)
(out / f"checkpoint-{steps}.safetensors").write_bytes(b"stand-in")
(out / "checkpoint-1.safetensors").write_bytes(b"stand-in")
