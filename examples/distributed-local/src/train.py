"""Softmax regression on handwritten digits in PyTorch, each process on a part of the data (DistributedDataParallel)."""

import argparse
import csv
import gzip
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def load(folder):
    """Pixels, scaled to 0..1, and digits."""
    rows = []
    for path in sorted(Path(folder).glob("*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            rows += [[float(cell) for cell in row] for row in csv.reader(file)]
    table = torch.tensor(rows)
    return table[:, :-1] / 16, table[:, -1].long()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning_rate", type=float, default=0.5)
    parser.add_argument("--batch_size", type=int, default=16)
    args = parser.parse_args()

    dist.init_process_group("gloo")  # torchrun sets rank, size and the address of the first
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    pixels, digits = load(os.environ["SM_CHANNEL_TRAIN"])
    held_out = torch.arange(len(digits)) % 5 == 0
    mine = torch.nonzero(~held_out).flatten()[rank::size]

    model = DistributedDataParallel(nn.Linear(pixels.shape[1], 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=args.learning_rate)
    for epoch in range(1, args.epochs + 1):
        for batch in mine[torch.randperm(len(mine))].split(args.batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), digits[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = (model(pixels[held_out]).argmax(1) == digits[held_out]).float().mean().item()
        if rank == 0:
            print(f"epoch={epoch} processes={size} acc={right:.4f}", flush=True)
    if rank == 0:
        torch.save(model.module.state_dict(), Path(os.environ["SM_MODEL_DIR"], "model.pt"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
