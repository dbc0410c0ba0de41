"""Saving and loading of safetensors files: Kasmina against the Python package, in turn.

usage: checkpoint.py PROGRAM FOLDER [--mebibytes 1024] [--tensors 64] [--rounds 7] [--rows ROW ...]
                     [--pause SECONDS]
PROGRAM is build/release/bench/checkpoint_bench; FOLDER lies on the disk to be measured. Both save
from memory that is there and load into memory that is there, as a model's parameters are; fsync of
file and folder on both sides, or on neither; a plain write and fsync of the same bytes, the disk's
own rate, in turn with the save. Who begins changes from round to round, and before each turn all is
brought to the disk and it has a pause, for what a disk still does for one falls to the next.
Seconds of the best round, and in brackets of the median one. The first ratio is that of the best
rounds, which other work on the machine disturbs least; then the median of the rounds' own ratios,
and in brackets their quartiles; of the plain write, Kasmina's save to it.
"""

import argparse
import os
import statistics
import subprocess
import time

import torch
from safetensors.torch import load_file, save_file

ROWS = ["save", "save without fsync", "load", "load from disk"]


def synchronise(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


class Python:
    def __init__(self, folder, mebibytes, tensors):
        each = mebibytes * 2**20 // 4 // tensors
        self.folder = folder
        self.path = os.path.join(folder, "python.safetensors")
        self.state = {
            f"block.{i}.weight": torch.full((each,), float(i)) for i in range(tensors)
        }

    def measure(self, row):
        if row == "load from disk":
            handle = os.open(self.path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
        cpu = time.process_time()
        wall = time.perf_counter()
        if row.startswith("save"):
            save_file(self.state, self.path)
            if row == "save":
                synchronise(self.path)
                synchronise(self.folder)
        else:
            loaded = load_file(self.path)
            for name, values in self.state.items():
                values.copy_(loaded[name])
        return time.perf_counter() - wall, time.process_time() - cpu


def ratios(ours, others):
    each = [one / other for one, other in zip(ours, others)]
    low, middle, high = statistics.quantiles(each, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--tensors", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    python = Python(options.folder, options.mebibytes, options.tensors)

    sizes = [str(options.mebibytes), str(options.tensors)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    program = subprocess.Popen([options.program, options.folder, *sizes], **pipes)

    def kasmina(row):
        print(row, file=program.stdin, flush=True)
        wall, cpu = map(float, program.stdout.readline().split())
        return wall, cpu

    kasmina("save"), python.measure("save")

    def cell(seconds):
        return f"{min(seconds):.3f} ({statistics.median(seconds):.3f})"

    print(f"{options.mebibytes} MiB in {options.tensors} tensors, {options.rounds} rounds in turn")
    print(
        f"{'':20}{'kasmina':>16}{'python package':>16}{'best':>7}{'rounds':>21}{'CPU ratio':>11}"
    )
    for row in options.rows:
        measures = {"ours": lambda: kasmina(row), "theirs": lambda: python.measure(row)}
        if row == "save":
            measures["plain"] = lambda: kasmina("plain write")
        names = list(measures)
        for name in names:
            measures[name]()  # to warm up
        rounds = {name: [] for name in names}
        for i in range(options.rounds):
            for name in names[i % len(names) :] + names[: i % len(names)]:
                os.sync()
                time.sleep(options.pause)
                rounds[name].append(measures[name]())
        wall, cpu = zip(*rounds["ours"])
        their_wall, their_cpu = zip(*rounds["theirs"])
        spread = ratios(wall, their_wall)
        print(
            f"{row:20}{cell(wall):>16}{cell(their_wall):>16}{min(wall) / min(their_wall):7.2f}"
            f"{spread:>21}{min(cpu) / min(their_cpu):11.2f}",
            flush=True,
        )
        if "plain" in rounds:
            plain = [seconds for seconds, _ in rounds["plain"]]
            print(
                f"{'plain write, fsync':20}{cell(plain):>16}{'':16}{min(wall) / min(plain):7.2f}"
                f"{ratios(wall, plain):>21}",
                flush=True,
            )
    program.stdin.close()
    program.wait()
    for name in ("kasmina.safetensors", "python.safetensors", "plain"):
        path = os.path.join(options.folder, name)
        if os.path.exists(path):
            os.remove(path)


if __name__ == "__main__":
    main()
