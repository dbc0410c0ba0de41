#!/usr/bin/env python3
"""Tables of docs/growth.md from lines that `growth` printed: table.py FILE... [--host LABEL].

Runs are compared with the host's run of the same seed and task. Errors are standard errors of the
mean over seeds.
"""
import argparse
import collections
import json
import math


def mean_and_error(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, float("nan")
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def signed(values):
    mean, error = mean_and_error(values)
    return f"{mean:+.2f} ± {error:.2f}"


def last_epochs(run, count=5):
    return sum(run["validation"][-count:]) / count


def span_of(run, first, last):
    """Epochs from the change to stage `first` to that to one of `last`; None without."""
    begin = next((c[0] for c in run["changes"] if c[2] == first), None)
    if begin is None:
        return None
    end = next((c[0] for c in run["changes"] if c[2] in last and c[0] > begin), None)
    return begin, end if end is not None else len(run["validation"])


def host_swing(run, begin):
    """The deepest fall of the host alone from one epoch to the next, from epoch `begin` on."""
    values = run["validation"][begin - 1:]
    return min(b - a for a, b in zip(values, values[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--host", default="host", help="label of the host's own runs")
    arguments = parser.parse_args()
    runs = collections.defaultdict(dict)
    for name in arguments.files:
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("{"):
                    run = json.loads(line)
                    runs[run["label"]][run["seed"]] = run
    hosts = runs.pop(arguments.host)
    print("| runs | kept | equal to the host | gain on validation | gain on the test file | "
          "while blending | worst epoch, and the host's own worst step | parameters | time |")
    print("|---|---|---|---|---|---|---|---|---|")
    for label, group in runs.items():
        seeds = sorted(set(group) & set(hosts))
        if not seeds:
            continue
        kept = sum(any(v["to"] == "fossilized" for v in group[s]["verdicts"]) for s in seeds)
        equal = sum(group[s]["digest"] == hosts[s]["digest"] for s in seeds)
        validation = [last_epochs(group[s]) - last_epochs(hosts[s]) for s in seeds]
        test = [group[s]["test"] - hosts[s]["test"] for s in seeds]
        blending, worst, swing = [], [], []
        for seed in seeds:
            run, host = group[seed], hosts[seed]
            span = span_of(run, "blending", ("holding", "pruned", "fossilized"))
            if span is None:
                continue
            begin, end = span
            lead = [a - b for a, b in zip(run["validation"], host["validation"])]
            blending.append(sum(lead[begin:end]) / max(1, end - begin))
            worst.append(min(lead[begin:]))
            swing.append(host_swing(host, begin))
        shown = f"{min(blending):+.1f} to {max(blending):+.1f}" if blending else ""
        deepest = f"{min(worst):+.1f}, {min(swing):+.1f}" if worst else ""
        seconds = sum(group[s]["seconds"] for s in seeds) / sum(hosts[s]["seconds"] for s in seeds)
        print(f"| {label} ({len(seeds)}) | {kept} | {equal} | {signed(validation)} | "
              f"{signed(test)} | {shown} | {deepest} | "
              f"{max(group[s]['parameters'] for s in seeds)} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
