#!/usr/bin/env python3
"""The tables of docs/growth.md from lines that `growth` printed: table.py [--host LABEL] FILE...

One table for each task. Runs are compared with the host's run of the same generator seed. Gains are
in points, with the standard error of their mean; validation is the mean of the last five epochs.
"Equal" are the runs that ended with every parameter and statistic bit for bit those of the host
alone. "Multiplications" are those of training, forward and backward, with lessons and shadows, over
the host's; "time" is the processor's, over the host's. Below each table, what blending did.

Runs judged by ablation have the label of the others with "-ablation" behind it. A run whose only seed
that came to be judged was kept by the shadow, and would have been by ablation after its first epoch of
holding, is the same by either judge, and stands in both rows.
"""
import argparse
import collections
import json
import math

MIN_DEPENDENCE = 1.0  # GateThresholds::min_fossilize_dependence
# Multiplications of a forward pass over one image of 32x32 by the host of base 8, block by block,
# and by conv_heavy in a slot; with where in the network a slot is.
HOST = [27 * 8 * 32 * 32, 72 * 16 * 16 * 16, 144 * 32 * 8 * 8]
SLOTS = {f"r{row}c{block}": (18 * (8 << block) ** 2 * (32 >> block >> row) ** 2, block)
         for row in (0, 1) for block in (0, 1, 2)}


def mean_with_error(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:+.2f}"
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return f"{mean:+.2f} ± {math.sqrt(variance / len(values)):.2f}"


def last_epochs(run, count=5):
    return sum(run["validation"][-count:]) / count


def epochs_of(run, stage):
    """The epochs at whose ends a seed came to `stage`."""
    return [change[0] for change in run["changes"] if change[2] == stage]


def is_kept(run):
    return any(verdict["to"] == "fossilized" for verdict in run["verdicts"])


def is_same_by_ablation(run):
    dependence = {(epoch, slot): value for epoch, slot, value in run["dependence"]}
    kept = {verdict["slot"] for verdict in run["verdicts"] if verdict["to"] == "fossilized"}
    held = [(epoch, slot) for epoch, slot, stage, _ in run["changes"] if stage == "holding"]
    return len(held) <= 1 and all(
        slot in kept and dependence.get((epoch + 1, slot), -math.inf) >= MIN_DEPENDENCE
        for epoch, slot in held)


def with_same_runs(runs):
    """Adds to each "-ablation" the runs that are the same by either judge."""
    for label in [label for label in runs if label + "-ablation" in runs]:
        for seed, run in runs[label].items():
            if is_same_by_ablation(run):
                runs[label + "-ablation"].setdefault(seed, run)
    return runs


def multiplications(run, lesson_every=4):
    """Of one image's way through all epochs, forward and backward."""
    host = sum(HOST)
    stages = {}
    if run["kind"] == "start":
        stages = {slot: "fossilized" for slot in run["slots"]}
    changes = collections.defaultdict(list)
    for epoch, slot, stage, _ in run["changes"]:
        changes[epoch].append((slot, stage))
    total = 0.0
    for epoch in range(1, len(run["validation"]) + 1):
        total += 3 * host
        judged = None
        for slot, stage in stages.items():
            seed, block = SLOTS[slot]
            if stage == "training":
                # The seed forward and both ways back, the frozen rest forward and one way back.
                total += (3 * seed + 2 * sum(HOST[block + 1:])) / lesson_every
            elif stage in ("blending", "holding", "fossilized"):
                total += 3 * seed
            if stage in ("blending", "holding"):
                judged = slot
        if judged and run["judge"] == "shadow":
            kept = [SLOTS[slot][0] for slot, stage in stages.items() if stage == "fossilized"]
            total += 3 * (host + sum(kept))
        for slot, stage in changes[epoch]:
            stages[slot] = stage
    return total


def read(names):
    runs = collections.defaultdict(lambda: collections.defaultdict(dict))
    for name in names:
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("{"):
                    run = json.loads(line)
                    runs[run["data"]][run["label"]][run["seed"]] = run
    return runs


def tell_of_blending(label, group, hosts, seeds):
    """What the network lost and won while its first seed was blended in, and after."""
    shares, worst, swings, kept = [], [], [], []
    for seed in seeds:
        run, host = group[seed], hosts[seed]
        blending = epochs_of(run, "blending")
        if not blending:
            continue
        begin = blending[0]
        end = next((epoch for epoch in epochs_of(run, "holding") if epoch > begin),
                   len(run["validation"]))
        lead = [a - b for a, b in zip(run["validation"], host["validation"])]
        shares.append(sum(lead[begin:end]) / max(1, end - begin))
        worst.append(min(lead[begin:]))
        alone = host["validation"][begin - 1:]
        swings.append(min(b - a for a, b in zip(alone, alone[1:])))
        kept += [v for v in run["verdicts"] if v["to"] == "fossilized"]
    if not shares:
        return
    print(f"\n{label}: {min(shares):+.1f} to {max(shares):+.1f} points from the host in the mean of "
          f"the epochs of blending; the worst epoch from then on {min(worst):+.1f}, where the host "
          f"alone falls by up to {-min(swings):.1f} from one epoch to the next")
    if kept:
        epochs = [verdict["epoch"] for verdict in kept]
        values = [verdict["contribution"] for verdict in kept if "contribution" in verdict]
        print(f"{label}: kept in the epochs {min(epochs)} to {max(epochs)}, with contributions of "
              f"{min(values):+.1f} to {max(values):+.1f}")


def tell_of_task(task, runs, hosts):
    print(f"\n## {task}\n")
    print("| seed | runs | kept | judged | equal | validation | test | multiplications | time |")
    print("|---|---|---|---|---|---|---|---|---|")
    compared = {label: sorted(set(group) & set(hosts)) for label, group in runs.items()}
    for label, seeds in compared.items():
        if not seeds:
            continue
        group = runs[label]
        chosen = [group[seed] for seed in seeds]
        equal = sum(group[seed]["digest"] == hosts[seed]["digest"] for seed in seeds)
        validation = [last_epochs(group[s]) - last_epochs(hosts[s]) for s in seeds]
        test = "not read"
        if all("test" in group[seed] and "test" in hosts[seed] for seed in seeds):
            test = mean_with_error([group[s]["test"] - hosts[s]["test"] for s in seeds])
        of_host = sum(multiplications(hosts[seed]) for seed in seeds)
        work = "-"
        if all(name == "conv_heavy" for run in chosen for name in run["blueprints"]):
            work = f"{sum(map(multiplications, chosen)) / of_host:.2f}"
        time = (sum(run["cpu_seconds"] for run in chosen) /
                sum(hosts[seed]["cpu_seconds"] for seed in seeds))
        print(f"| {label} | {len(seeds)} | {sum(map(is_kept, chosen))} | "
              f"{sum(bool(epochs_of(run, 'holding')) for run in chosen)} | {equal} | "
              f"{mean_with_error(validation)} | {test} | {work} | {time:.2f} |")
    for label, seeds in compared.items():
        tell_of_blending(label, runs[label], hosts, seeds)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--host", default="host", help="label of the host's own runs")
    arguments = parser.parse_args()
    for task, runs in read(arguments.files).items():
        hosts = runs.pop(arguments.host, None)
        if hosts:
            tell_of_task(task, with_same_runs(runs), hosts)


if __name__ == "__main__":
    main()
