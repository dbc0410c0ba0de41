#!/usr/bin/env python3
"""The tables of docs/growth.md from lines that `growth` printed: table.py [--host LABEL] FILE...

Runs are compared with the host's run of the same generator seed. Gains are in points, with the
standard error of their mean. "Ablation keeps" are the runs in which a seed's dependence was above
the bound of 1 point after its first epoch of holding: until then a run judged by ablation is the
same one. Below the table, what blending did to the network.
"""
import argparse
import collections
import json
import math

MIN_DEPENDENCE = 1.0  # GateThresholds::min_fossilize_dependence


def signed(values):
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


def ablation_keeps(run):
    dependence = {epoch: value for epoch, _, value in run["dependence"]}
    return any(dependence.get(epoch + 1, -math.inf) >= MIN_DEPENDENCE
               for epoch in epochs_of(run, "holding"))


def read(names):
    runs = collections.defaultdict(dict)
    for name in names:
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("{"):
                    run = json.loads(line)
                    runs[run["label"]][run["seed"]] = run
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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--host", default="host", help="label of the host's own runs")
    arguments = parser.parse_args()
    runs = read(arguments.files)
    hosts = runs.pop(arguments.host)
    print("| seed | runs | kept | came to be judged | ablation keeps | equal | validation | test |")
    print("|---|---|---|---|---|---|---|---|")
    compared = {label: sorted(set(group) & set(hosts)) for label, group in runs.items()}
    for label, seeds in compared.items():
        if not seeds:
            continue
        group = runs[label]
        chosen = [group[seed] for seed in seeds]
        equal = sum(group[seed]["digest"] == hosts[seed]["digest"] for seed in seeds)
        validation = [last_epochs(group[s]) - last_epochs(hosts[s]) for s in seeds]
        test = [group[seed]["test"] - hosts[seed]["test"] for seed in seeds]
        print(f"| {label} | {len(seeds)} | {sum(map(is_kept, chosen))} | "
              f"{sum(bool(epochs_of(run, 'holding')) for run in chosen)} | "
              f"{sum(map(ablation_keeps, chosen))} | {equal} | {signed(validation)} | "
              f"{signed(test)} |")
    for label, seeds in compared.items():
        tell_of_blending(label, runs[label], hosts, seeds)


if __name__ == "__main__":
    main()
