#!/usr/bin/env python3
"""The table of docs/growth.md on text from summaries of grow_transformer: text_table.py FILE...

A row for each run, then means with their standard errors. Losses are nats per character on the test
part, gains are the host's loss minus another's, work is all that training multiplied over the host's.
"""
import json
import math
import sys


def mean_with_error(values, digits=4):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return f"{mean:.{digits}f} ± {math.sqrt(variance / len(values)):.{digits}f}"


def shown(value, digits=4):
    return "-" if value is None else f"{value:.{digits}f}"


def known(values):
    return [value for value in values if value is not None]


def main():
    runs = [json.load(open(name, encoding="utf-8")) for name in sys.argv[1:]]
    if not runs:
        sys.exit(__doc__)
    print("| run | host, validation | host | grown | kept | contribution | from the start "
          "| equal work | work: grown, from the start, equal work |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, run in zip(sys.argv[1:], runs):
        kept = run["contributions"]
        contribution = "-"
        if kept:
            contribution = (f"{kept[-1]['contribution']:+.2f} ± "
                            f"{shown(kept[-1]['contribution_error'], 2)}")
        work = [run[key] and run[key] / run["host_multiplications"]
                for key in ("grown_multiplications", "from_start_multiplications",
                            "equal_work_multiplications")]
        print(f"| {name} | {shown(run['host_only_validation_loss'])} | {shown(run['host_only_loss'])} "
              f"| {shown(run['grown_loss'])} | {run['fossilized']} of {run['germinated']} "
              f"| {contribution} | {shown(run['from_start_loss'])} | {shown(run['equal_work_loss'])} "
              f"| {', '.join(shown(value, 2) for value in work)} |")
    for label, part in (("test part", ""), ("validation part", "validation_")):
        print()
        for title, key in (("grown", "grown"), ("from the start, equal steps", "from_start"),
                           ("from the start, equal work", "equal_work")):
            gains = known(run[f"host_only_{part}loss"] - run[f"{key}_{part}loss"]
                          if run[f"{key}_{part}loss"] is not None else None for run in runs)
            if gains:
                print(f"{label}, {title} ({len(gains)} runs): {mean_with_error(gains)} nats below "
                      "the host alone")


if __name__ == "__main__":
    main()
