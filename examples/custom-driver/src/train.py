"""Softmax regression on handwritten digits by several processes: each learns from its part of the data, and after every
epoch they go on from the average of their weights. The first process collects it, over TCP, at the address of the job.
"""

import csv
import gzip
import json
import math
import os
import random
import socket
import time
from pathlib import Path

RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
ADDRESS = (os.environ["SM_MASTER_ADDR"], int(os.environ["SM_MASTER_PORT"]))
PATIENCE = 60  # seconds until the other processes must be there


def load(folder):
    """Rows of pixels, scaled to 0..1 with a constant 1 for the bias, and the digit."""
    with gzip.open(Path(folder, "digits.csv.gz"), "rt", newline="") as file:
        return [([int(cell) / 16 for cell in row[:-1]] + [1.0], int(row[-1])) for row in csv.reader(file)]


def probabilities(weights, pixels):
    scores = [sum(weight * pixel for weight, pixel in zip(row, pixels)) for row in weights]
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def learn(weights, rows, rate):
    for pixels, digit in rows:
        errors = probabilities(weights, pixels)
        errors[digit] -= 1.0
        for row, error in zip(weights, errors):
            for index, pixel in enumerate(pixels):
                row[index] -= rate * error * pixel


def connected():
    """Files to talk to the others: the first process has one for each, the others have one to the first."""
    if RANK == 0:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("", ADDRESS[1]))
            server.listen(SIZE)
            server.settimeout(PATIENCE)
            return [server.accept()[0].makefile("rw") for _ in range(SIZE - 1)]
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return [socket.create_connection(ADDRESS).makefile("rw")]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def say(file, value):
    file.write(json.dumps(value) + "\n")
    file.flush()


def averaged(weights, files):
    """The average of everybody's weights."""
    if RANK:
        say(files[0], weights)
        return json.loads(files[0].readline())
    every = [weights, *(json.loads(file.readline()) for file in files)]
    mean = [[sum(cells) / SIZE for cells in zip(*rows)] for rows in zip(*every)]
    for file in files:
        say(file, mean)
    return mean


def main():
    settings = json.loads(os.environ["SM_HPS"])
    rows = load(os.environ["SM_CHANNEL_TRAIN"])
    held_out = rows[::5]
    mine = [row for index, row in enumerate(rows) if index % 5][RANK::SIZE]
    weights = [[0.0] * len(rows[0][0]) for _ in range(10)]
    order, files = random.Random(RANK), connected()
    for epoch in range(1, settings["epochs"] + 1):
        order.shuffle(mine)
        learn(weights, mine, settings["learning_rate"])
        weights = averaged(weights, files)
        if RANK == 0:
            found = [probabilities(weights, pixels) for pixels, _ in held_out]
            right = sum(guess.index(max(guess)) == digit for guess, (_, digit) in zip(found, held_out))
            print(f"epoch={epoch} processes={SIZE} acc={right / len(held_out):.4f}", flush=True)
    if RANK == 0:
        Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(weights) + "\n")


if __name__ == "__main__":
    main()
