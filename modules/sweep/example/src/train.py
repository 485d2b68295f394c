"""A stand-in for training: a loss that depends on the hyperparameters."""

import argparse
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--learning_rate", type=float, default=0.1)
parser.add_argument("--depth", type=int, default=2)
options = parser.parse_args()

loss = 1.0 / options.depth
for epoch in range(1, options.epochs + 1):
    loss *= 1 - options.learning_rate
    print(f"epoch {epoch} loss={loss:.4f}", flush=True)

Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(f"{loss}\n")
