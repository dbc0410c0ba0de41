#!/usr/bin/env python3
"""The tables of docs/growth.md from lines that `growth` printed: table.py [--host LABEL] [--beside LABEL] FILE...

One table for each task. Runs are compared with the host's run of the same generator seed. Gains are
in points, with the standard error of their mean; validation is the mean of the last five epochs.
"Equal" are the runs that ended with every parameter and statistic bit for bit those of the host
alone. "Multiplications" are those of training, forward and backward, with lessons and shadows, over
the host's; "time" is the processor's, over the host's. "By ablation" are the runs whose first seed that
came to be held ablation would have kept, by its dependence in the first epoch after that: until then a
run is the same by either judge. Below each table, what blending did.

Runs judged by ablation have the label of the others with "-ablation" behind it. A run whose only seed
that came to be judged was kept by the shadow, and would have been by ablation after its first epoch of
holding, is the same by either judge, and stands in both rows.
"""
import argparse
import collections
import json
import math
import statistics

MIN_DEPENDENCE = 1.0  # GateThresholds::min_fossilize_dependence


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


def held(run):
    """(epoch, slot) for each time that a seed came to be held."""
    return [(epoch, slot) for epoch, slot, stage, _ in run["changes"] if stage == "holding"]


def ablation_keeps(run, epoch, slot):
    """Whether ablation keeps a seed that came to be held at the end of `epoch`."""
    return any(at == epoch + 1 and where == slot and value >= MIN_DEPENDENCE
               for at, where, value in run["dependence"])


def is_first_kept_by_ablation(run):
    return any(ablation_keeps(run, *each) for each in held(run)[:1])


def is_same_by_ablation(run):
    kept = {verdict["slot"] for verdict in run["verdicts"] if verdict["to"] == "fossilized"}
    return len(held(run)) <= 1 and all(
        slot in kept and ablation_keeps(run, epoch, slot) for epoch, slot in held(run))


def with_same_runs(runs):
    """Adds to each "-ablation" the runs that are the same by either judge."""
    for label in [label for label in runs if label + "-ablation" in runs]:
        for seed, run in runs[label].items():
            if is_same_by_ablation(run):
                runs[label + "-ablation"].setdefault(seed, run)
    return runs


def over_host(runs, hosts, without=None):
    """Multiplications over the hosts'; without some of them, those that the runs say apart."""
    left_out = sum(run[without] for run in runs) if without else 0.0
    return ((sum(run["multiplications"] for run in runs) - left_out) /
            sum(host["multiplications"] for host in hosts))


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
    shares, noise, worst, falls, within, kept = [], [], [], [], [], []
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
        meanwhile = host["validation"][begin:end]
        if len(meanwhile) > 1:
            noise.append(statistics.stdev(meanwhile) / math.sqrt(len(meanwhile)))
        worst.append(min(lead[begin:]))
        alone = host["validation"][begin - 1:]
        moves = [b - a for a, b in zip(alone, alone[1:])]
        falls.append(min(moves))
        within.append(-worst[-1] < max(map(abs, moves)))
        kept += [(run, host, v) for v in run["verdicts"] if v["to"] == "fossilized"]
    if not shares:
        return
    print(f"\n{label}: {min(shares):+.1f} to {max(shares):+.1f} points from the host in the mean of "
          f"the epochs of blending, {mean_with_error(shares)} in the mean of the runs, where such a mean "
          f"of the host alone has an error of {sum(noise) / max(1, len(noise)):.1f}; the worst epoch from then on {min(worst):+.1f}, where the host "
          f"alone falls by up to {-min(falls):.1f} from one epoch to the next; in {sum(within)} of "
          f"{len(within)} runs that is less than the largest move of the run's own host")
    if kept:
        epochs = [verdict["epoch"] for _, _, verdict in kept]
        judged = [verdict for _, _, verdict in kept if "contribution" in verdict]
        line = f"{label}: kept in the epochs {min(epochs)} to {max(epochs)}"
        if judged:
            line += ", with contributions of " + " to ".join(
                f"{verdict['contribution']:+.1f} ± {verdict['error'] or 0.0:.1f}"
                for verdict in (min(judged, key=lambda v: v["contribution"]),
                                max(judged, key=lambda v: v["contribution"])))
        gains = [run["test"] - host["test"] for run, host, _ in kept
                 if "test" in run and "test" in host]
        if gains:
            line += f"; on the test part {min(gains):+.1f} to {max(gains):+.1f} over the host"
        print(line)


def tell_of_shadow(label, runs, hosts):
    """What the runs would have cost without one."""
    if not any(run["multiplications_of_shadows"] for run in runs):
        return
    without = over_host(runs, hosts, without="multiplications_of_shadows")
    print(f"{label}: {without:.2f} times the host's multiplications without shadows, with them "
          f"{over_host(runs, hosts) / without:.2f} times that")


def tell_of_others(label, runs, beside):
    """Run for run beside the runs of another label: validation, and the test part where it was read."""
    seeds = sorted(set(runs[label]) & set(runs[beside]))
    if label == beside or not seeds:
        return
    pairs = [(runs[label][seed], runs[beside][seed]) for seed in seeds]
    line = mean_with_error([last_epochs(run) - last_epochs(other) for run, other in pairs])
    line = f"{label}: {line} over {beside} on validation data, run for run ({len(seeds)})"
    if all("test" in run and "test" in other for run, other in pairs):
        line += ", on the test part " + mean_with_error(
            [run["test"] - other["test"] for run, other in pairs])
    print(line)


def tell_of_readiness(label, runs):
    """How long seeds learned behind the host until they were heard, and the runs without any."""
    waits = []
    for run in runs:
        blending, training = epochs_of(run, "blending"), epochs_of(run, "training")
        waits += [blending[0] - training[0]] if blending else []
    if waits:
        print(f"{label}: the first seed to be heard was so {min(waits)} to {max(waits)} epochs after the "
              f"first had begun to learn; no seed was heard in {len(runs) - len(waits)} of {len(runs)} runs")


def judged(run):
    """Of each seed that a shadow judged to the end: its leads over the shadow, epoch by epoch, the
    contribution that is their mean, its error, and whether the seed was kept."""
    verdicts = {(epoch, slot): to == "fossilized" for epoch, slot, to, why in run["changes"]
                if to == "fossilized" or why == "does_not_help"}
    means = {(epoch, slot): (value, error) for epoch, slot, value, error in run["contribution"]}
    for (end, slot), kept in verdicts.items():
        # The epoch's contribution stands before its verdict.
        last = end if (end, slot) in means else end - 1
        first = last
        while (first - 1, slot) in means:
            first -= 1
        series = [means[epoch, slot] for epoch in range(first, last + 1) if (epoch, slot) in means]
        if series:
            values = [value for value, _ in series]
            leads = values[:1] + [(i + 1) * values[i] - i * values[i - 1]
                                  for i in range(1, len(values))]
            yield leads, *series[-1], kept


def tell_of_rules(label, runs):
    """What two other rules would have made of the seeds that were judged when the patience ended: until
    then a run is the same."""
    by_value, by_errors, deviations = 0, 0, []
    for run in runs:
        seeds = list(judged(run))
        at_patience = [seed for seed in seeds if len(seed[0]) >= run.get("patience", 20)]
        early = any(kept and len(leads) < run.get("patience", 20) for leads, _, _, kept in seeds)
        by_value += early or any(value > 0.25 for _, value, _, _ in at_patience)
        by_errors += early or any(value - 2.0 * (error or 0.0) > 0.25
                                  for _, value, error, _ in at_patience)
        deviations += [statistics.pstdev(leads) for leads, _, _, _ in at_patience]
    if deviations:
        print(f"{label}: if the value decided when the patience ends, {by_value} of {len(runs)} runs would "
              f"have kept a seed, and {by_errors} if two errors were asked for then; leads deviate by "
              f"{statistics.mean(deviations):.1f} points from epoch to epoch")


def tell_of_task(task, runs, hosts, beside):
    print(f"\n## {task}\n")
    print("| seed | runs | kept | judged | by ablation | equal | validation | test | multiplications "
          "| time |")
    print("|---|---|---|---|---|---|---|---|---|---|")
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
        of_host = [hosts[seed] for seed in seeds]
        work = f"{over_host(chosen, of_host):.2f}"
        time = (sum(run["cpu_seconds"] for run in chosen) /
                sum(host["cpu_seconds"] for host in of_host))
        print(f"| {label} | {len(seeds)} | {sum(map(is_kept, chosen))} | "
              f"{sum(bool(held(run)) for run in chosen)} | "
              f"{sum(map(is_first_kept_by_ablation, chosen))} | {equal} | "
              f"{mean_with_error(validation)} | {test} | {work} | {time:.2f} |")
    for label, seeds in compared.items():
        tell_of_blending(label, runs[label], hosts, seeds)
        chosen = [runs[label][seed] for seed in seeds]
        tell_of_readiness(label, chosen)
        tell_of_shadow(label, chosen, [hosts[seed] for seed in seeds])
        tell_of_rules(label, chosen)
    print()
    for label in compared if beside in runs else []:
        tell_of_others(label, runs, beside)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--host", default="host", help="label of the host's own runs")
    parser.add_argument("--beside", default="trained",
                        help="label of runs that the others are compared with, run for run")
    arguments = parser.parse_args()
    for task, runs in read(arguments.files).items():
        hosts = runs.pop(arguments.host, None)
        if hosts:
            tell_of_task(task, with_same_runs(runs), hosts, arguments.beside)


if __name__ == "__main__":
    main()
