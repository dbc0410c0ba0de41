"""Reads a folder's event file with TensorBoard's own package and compares it with events.jsonl.

Usage: compare_with_tensorboard.py FOLDER. What to expect is worked out from the JSON Lines as
docs/telemetry.md says.
"""

import json
import pathlib
import struct
import sys
from collections import defaultdict

from tensorboard.backend.event_processing import event_accumulator


def single(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def expected(lines):
    """(step, value) of every scalar tag, and steps of every text tag."""
    scalars, texts = defaultdict(list), defaultdict(list)
    ages = {}
    for event in map(json.loads, lines):
        prefix = event["slot"] + "/"
        if event["environment"] is not None:
            prefix = f"environment_{event['environment']}/{prefix}"
        earlier, current = ages.get(prefix, (0, 0))
        if event["epochs_total"] < current:
            earlier += current
        ages[prefix] = earlier, event["epochs_total"]
        step = sum(ages[prefix])
        values = {name: event[name] for name in (
            "alpha", "epochs_in_stage", "improvement", "blending_delta", "readiness",
            "readiness_error", "dependence", "contribution", "contribution_error",
            "gradient_ratio", "vanishing", "exploding", "seed_parameters")}
        if event["event"] == "gate_evaluated":
            values[event["gate"] + "/passed"] = event["passed"]
            values[event["gate"] + "/score"] = event["score"]
        for name, value in values.items():
            if value is not None:
                scalars[prefix + name].append((step, single(float(value))))
        message = event["message"] if event["event"] == "gate_evaluated" else None
        texts[prefix + "events"].append((step, message))
    return scalars, texts


def main(folder):
    with open(folder / "events.jsonl", encoding="utf-8") as file:
        scalars, texts = expected(file)
    accumulator = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0})
    accumulator.Reload()
    assert accumulator.file_version == 2.0, accumulator.file_version
    tags = accumulator.Tags()
    assert sorted(tags["scalars"]) == sorted(scalars), (tags["scalars"], sorted(scalars))
    assert sorted(tags["tensors"]) == sorted(texts), (tags["tensors"], sorted(texts))
    for tag, points in scalars.items():
        read = [(point.step, point.value) for point in accumulator.Scalars(tag)]
        assert read == points, (tag, read, points)
    for tag, entries in texts.items():
        read = accumulator.Tensors(tag)
        assert [entry.step for entry in read] == [step for step, _ in entries], tag
        plugin = accumulator.SummaryMetadata(tag).plugin_data.plugin_name
        assert plugin == "text", (tag, plugin)
        for entry, (_, message) in zip(read, entries):
            text = entry.tensor_proto.string_val[0].decode("utf-8")
            assert text if message is None else text == message, (tag, text, message)
    points = sum(map(len, scalars.values()))
    assert points, "nothing to compare"
    print(f"TensorBoard reads what was written: {len(scalars)} curves with {points} points, "
          f"{sum(map(len, texts.values()))} texts")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
