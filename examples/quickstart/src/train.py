"""Softmax regression on 8x8 images of handwritten digits, in nothing but Python's standard library.

It follows SageMaker's training contract, so the same file runs in a process, a container or a training job:
hyperparameters are arguments, SM_CHANNEL_TRAIN holds the data, and what is written to SM_MODEL_DIR and
SM_OUTPUT_DATA_DIR is kept.
"""

import argparse
import csv
import gzip
import json
import math
import os
import random
from operator import mul
from pathlib import Path

DIGITS = range(10)


def load(folder):
    """Read (pixels, digit) rows; pixels are scaled to 0..1 and followed by a constant 1 that carries the bias."""
    rows = []
    for path in sorted(Path(folder).glob("*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.reader(file):
                rows.append(([int(pixel) / 16 for pixel in row[:-1]] + [1.0], int(row[-1])))
    if not rows:
        raise SystemExit(f"no *.csv.gz with digits in {folder}")
    return rows


def probabilities(weights, pixels):
    scores = [sum(map(mul, row, pixels)) for row in weights]
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def train_epoch(weights, rows, learning_rate, batch_size):
    """One pass of stochastic gradient descent over the rows; returns the mean loss."""
    loss = 0.0
    for start in range(0, len(rows), batch_size):
        steps = []
        for pixels, digit in rows[start : start + batch_size]:
            errors = probabilities(weights, pixels)
            loss -= math.log(max(errors[digit], 1e-12))
            errors[digit] -= 1.0
            steps.append((pixels, errors))
        rate = learning_rate / len(steps)
        for pixels, errors in steps:
            for digit, error in enumerate(errors):
                step = rate * error
                weights[digit] = [weight - step * pixel for weight, pixel in zip(weights[digit], pixels)]
    return loss / len(rows)


def confusion(weights, rows):
    """How often each digit (row) was taken for each digit (column)."""
    counts = [[0 for _ in DIGITS] for _ in DIGITS]
    for pixels, digit in rows:
        guess = probabilities(weights, pixels)
        counts[digit][guess.index(max(guess))] += 1
    return counts


def write_json(folder, name, value):
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(json.dumps(value) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Train softmax regression on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--batch_size", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.epochs < 1 or args.batch_size < 1:
        parser.error("--epochs and --batch_size must be at least 1")

    rows = load(os.environ.get("SM_CHANNEL_TRAIN", "data/train"))
    held_out = rows[::5]
    training = [row for index, row in enumerate(rows) if index % 5]

    order = random.Random(args.seed)
    weights = [[0.0] * len(rows[0][0]) for _ in DIGITS]
    for epoch in range(1, args.epochs + 1):
        order.shuffle(training)
        loss = train_epoch(weights, training, args.learning_rate, args.batch_size)
        counts = confusion(weights, held_out)
        accuracy = sum(counts[digit][digit] for digit in DIGITS) / len(held_out)
        print(f"epoch={epoch} loss={loss:.4f} acc={accuracy:.4f}", flush=True)

    model = {"hyperparameters": vars(args), "weights": weights}
    write_json(os.environ.get("SM_MODEL_DIR", "model"), "model.json", model)
    report = {"accuracy": accuracy, "confusion": counts}
    write_json(os.environ.get("SM_OUTPUT_DATA_DIR", "output"), "report.json", report)


if __name__ == "__main__":
    main()
