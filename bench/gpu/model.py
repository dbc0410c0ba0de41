#!/usr/bin/env python3
"""Predicts the training steps of bench/gpu/train_step from bytes, operations and launches.

usage: bench/gpu/model.py OUT/gpu-check.json

Each kernel takes the longer of what its bytes take at the rate of a copy on that card and what its
operations take at the card's rate, and no less than a launch in a graph. The rates are below; the
copy's is the one that was measured. The table sets prediction and measurement side by side, and
names the largest share of each prediction: where to look when a step is slower than it.
"""

import json
import sys

FLOAT = 4  # bytes
KERNEL_US = 2.0  # a small kernel in a graph, from the start of one to the start of the next
# What a good convolution reaches, operations a second.
LIBRARY_RATE = {"tf32": 250e12, "full": 40e12}
WIDTHS = (3, 32, 64, 128)
SIDES = (32, 16, 8)
SEED_WIDTH, SEED_SIDE = 64, 16


class Step:
    """Kernels of a step, by what they are for: seconds."""

    def __init__(self, batch, precision, copy_rate):
        self.batch, self.precision, self.copy_rate = batch, precision, copy_rate
        self.parts = {}

    def kernel(self, part, values, operations=0.0, launches=1):
        """`values`: floats read and written together."""
        time = max(values * FLOAT / self.copy_rate, operations / LIBRARY_RATE[self.precision])
        time = max(time, launches * KERNEL_US * 1e-6)
        self.parts[part] = self.parts.get(part, 0.0) + time

    def convolution(self, inputs, outputs, side, size, ways):
        """`ways`: forward, and of the two ways back those that are wanted."""
        positions = self.batch * side * side
        weights = inputs * outputs * size * size
        operations = 2.0 * positions * weights
        for _ in range(ways):
            # The weight is put in the library's order before, or its gradient into ours behind.
            self.kernel("convolutions", positions * (inputs + outputs) + weights, operations)
            self.kernel("weights' order", 2 * weights)

    def group_norm(self, channels, side, back=True):
        values = self.batch * side * side * channels
        self.kernel("group norms", 2 * values)
        if back:
            self.kernel("group norms", 3 * values, launches=2)

    def host(self):
        for inputs, outputs, side in zip(WIDTHS, WIDTHS[1:], SIDES):
            values = self.batch * side * side * outputs
            self.convolution(inputs, outputs, side, 3, 2 if inputs == 3 else 3)
            self.kernel("batch norms", values, launches=2)  # statistics
            self.kernel("batch norms", 1.25 * values)  # with relu and pool
            self.kernel("batch norms", 3.5 * values, launches=3)  # and back
        last = self.batch * 16 * WIDTHS[-1]
        for _ in range(2):
            self.kernel("head", last)
        for _ in range(6):  # products, their ways back, the loss and its own
            self.kernel("head", self.batch * (WIDTHS[-1] + 10))
        parameters = sum(9 * a * b + 2 * b for a, b in zip(WIDTHS, WIDTHS[1:])) + 1290
        self.kernel("clipping", 3 * parameters, launches=3)
        self.kernel("optimiser", 5 * parameters)

    def heavy_seed(self, stage):
        values = self.batch * SEED_SIDE * SEED_SIDE * SEED_WIDTH
        self.convolution(SEED_WIDTH, SEED_WIDTH, SEED_SIDE, 3, 2)
        self.convolution(SEED_WIDTH, SEED_WIDTH, SEED_SIDE, 3, 3)
        self.group_norm(SEED_WIDTH, SEED_SIDE)
        self.group_norm(SEED_WIDTH, SEED_SIDE)
        self.kernel("blend and scale", 3 * values)
        self.kernel("blend and scale", 3 * values)
        self.kernel("blend and scale", 4 * values, launches=2)
        self.kernel("blend and scale", 4 * values, launches=2)
        parameters = 18 * SEED_WIDTH**2
        self.kernel("clipping", 3 * parameters, launches=3)
        self.kernel("optimiser", 5 * parameters)
        # The pool behind the blend is no part of a batch norm any more.
        self.kernel("pool", 1.25 * values)
        self.kernel("pool", 2.25 * values)
        if stage == "training":  # the rest of the network once more, frozen
            outputs = WIDTHS[-1]
            self.convolution(SEED_WIDTH, outputs, SIDES[-1], 3, 2)
            rest = self.batch * SIDES[-1] ** 2 * outputs
            self.kernel("batch norms", 1.25 * rest)
            self.kernel("batch norms", 3.5 * rest, launches=2)
            self.kernel("pool", 1.25 * values)
            self.kernel("pool", 2.25 * values)
            for _ in range(8):
                self.kernel("head", self.batch * 138)

    def milliseconds(self):
        return 1e3 * sum(self.parts.values())

    def largest(self):
        part = max(self.parts, key=self.parts.get)
        return f"{part}, {1e5 * self.parts[part] / self.milliseconds():.0f} %"


def predict(name, copy_rate):
    """Of a name as gpu_train_step prints it; None for a seed that is not described here."""
    what, batch, precision, optimiser = name.split("/")
    seed, _, stage = what.partition("+")[2].partition(":")
    if seed not in ("", "conv_heavy") or optimiser != "sgd":
        return None
    step = Step(int(batch.partition(":")[2]), precision, copy_rate)
    step.host()
    if seed:
        step.heavy_seed(stage)
    return step


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        measured = json.load(file)
    copy_rate = measured["kernel_rates"][0]["gb_per_s"] * 1e9
    print(f"{measured['card']}: a copy moves {copy_rate / 1e9:.0f} GB/s\n")
    print("| step | predicted ms | measured ms | ratio | most of the prediction |")
    print("|---|---|---|---|---|")
    for row in measured["steps"]:
        step = predict(row["name"], copy_rate)
        if step is None:
            continue
        ratio = row["ms"] / step.milliseconds()
        print(
            f"| {row['name']} | {step.milliseconds():.3f} | {row['ms']:.3f} | {ratio:.2f} |"
            f" {step.largest()} |"
        )


if __name__ == "__main__":
    main()
