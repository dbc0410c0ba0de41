"""Records the single operations: forward and all gradients at plain and odd shapes."""

import torch
from torch.nn import functional

from .case import record
from .modules import groups


def record_op(path, options, make_inputs, forward, reason=None, amplified=False):
    """forward(values, kinks) -> output or (output, extra results).

    Gradients are recorded of 'input' and of every 'param.*'.
    """

    def evaluate(values, kinks):
        leaves = {
            name: tensor.clone().requires_grad_()
            for name, tensor in values.items()
            if name == "input" or name.startswith("param.")
        }
        others = {name: tensor for name, tensor in values.items() if name not in leaves}
        outcome = forward({**others, **leaves}, kinks)
        output, extra = outcome if isinstance(outcome, tuple) else (outcome, {})
        upstream = values.get("grad_output")
        output.backward(torch.ones_like(output) if upstream is None else upstream)
        results = {"output": output, "grad_input": leaves.pop("input").grad, **extra}
        for name, leaf in leaves.items():
            results[name.replace("param.", "grad.", 1)] = leaf.grad
        return results

    record(path, options, make_inputs, evaluate, reason, amplified)


def record_convolutions():
    # (kernel, inputs, outputs, height, width, batch)
    cases = (
        (3, 1, 1, 1, 1, 1),
        (3, 3, 13, 3, 5, 3),
        (3, 13, 4, 8, 8, 1),
        (3, 5, 48, 5, 3, 1),
        (3, 33, 17, 2, 7, 2),
        (1, 1, 1, 1, 1, 1),
        (1, 13, 4, 3, 5, 3),
        (1, 48, 64, 1, 3, 1),
    )
    for kernel, inputs, outputs, height, width, batch in cases:
        record_op(
            f"op/conv{kernel}x{kernel}_{inputs}to{outputs}_{height}x{width}_b{batch}",
            {"op": "conv2d", "kernel": kernel},
            lambda randoms: {
                "input": randoms.normal(batch, inputs, height, width),
                "param.weight": randoms.parameter("weight", (outputs, inputs, kernel, kernel)),
                "grad_output": randoms.normal(batch, outputs, height, width),
            },
            lambda v, kinks: functional.conv2d(
                v["input"], v["param.weight"], padding=kernel // 2
            ),
        )
    for channels, height, width, batch in ((1, 1, 1, 1), (13, 3, 5, 3), (70, 4, 3, 1)):
        record_op(
            f"op/depthwise3x3_c{channels}_{height}x{width}_b{batch}",
            {"op": "depthwise", "kernel": 3},
            lambda randoms: {
                "input": randoms.normal(batch, channels, height, width),
                "param.weight": randoms.parameter("weight", (channels, 1, 3, 3)),
                "grad_output": randoms.normal(batch, channels, height, width),
            },
            lambda v, kinks: functional.conv2d(
                v["input"], v["param.weight"], padding=1, groups=channels
            ),
        )


def record_norms():
    shapes = ((1, 3, 5, 1), (4, 1, 1, 3), (13, 3, 5, 3), (48, 4, 3, 2))
    for channels, height, width, batch in shapes:
        record_op(
            f"op/group_norm_c{channels}_{height}x{width}_b{batch}",
            {"op": "group_norm", "groups": groups(channels), "eps": 1e-5},
            lambda randoms: {
                "input": randoms.normal(batch, channels, height, width, mean=0.5),
                "param.weight": randoms.parameter("norm.weight", (channels,)),
                "param.bias": randoms.parameter("norm.bias", (channels,)),
                "grad_output": randoms.normal(batch, channels, height, width),
            },
            lambda v, kinks: functional.group_norm(
                v["input"], groups(channels), v["param.weight"], v["param.bias"], 1e-5
            ),
            "normalisation divides by a small standard deviation (a group of few values)",
            amplified=channels == groups(channels) and height * width == 1,
        )
    for mode in ("train", "eval"):
        for channels, height, width, batch in ((1, 1, 1, 3), (13, 3, 5, 3), (48, 4, 3, 1)):

            def forward(v, kinks):
                mean = v["buffer.running_mean"].clone()
                var = v["buffer.running_var"].clone()
                output = functional.batch_norm(
                    v["input"],
                    mean,
                    var,
                    v["param.weight"],
                    v["param.bias"],
                    training=mode == "train",
                    momentum=0.1,
                    eps=1e-5,
                )
                return output, {"after.running_mean": mean, "after.running_var": var}

            record_op(
                f"op/batch_norm_{mode}_c{channels}_{height}x{width}_b{batch}",
                {"op": "batch_norm", "mode": mode, "momentum": 0.1, "eps": 1e-5},
                lambda randoms: {
                    "input": randoms.normal(batch, channels, height, width, mean=0.5),
                    "param.weight": randoms.parameter("norm.weight", (channels,)),
                    "param.bias": randoms.parameter("norm.bias", (channels,)),
                    "buffer.running_mean": randoms.normal(channels, scale=0.5),
                    "buffer.running_var": randoms.uniform(channels, low=0.5, high=2.0),
                    "grad_output": randoms.normal(batch, channels, height, width),
                },
                forward,
            )


def record_pools():
    for channels, height, width, batch in ((1, 2, 2, 1), (4, 8, 8, 1), (13, 5, 7, 2)):
        record_op(
            f"op/max_pool_c{channels}_{height}x{width}_b{batch}",
            {"op": "max_pool", "kernel": 2, "stride": 2},
            lambda randoms: {
                "input": randoms.normal(batch, channels, height, width),
                "grad_output": randoms.normal(batch, channels, height // 2, width // 2),
            },
            lambda v, kinks: kinks.max_pool(v["input"]),
        )
    for channels, height, width, batch in ((1, 1, 1, 1), (13, 3, 5, 3)):
        record_op(
            f"op/global_mean_pool_c{channels}_{height}x{width}_b{batch}",
            {"op": "global_mean_pool"},
            lambda randoms: {
                "input": randoms.normal(batch, channels, height, width),
                "grad_output": randoms.normal(batch, channels),
            },
            lambda v, kinks: v["input"].mean(dim=(2, 3)),
        )


def record_linear(op, function):
    for inputs, outputs, batch in ((1, 1, 1), (13, 10, 3), (48, 7, 2)):
        record_op(
            f"op/{op}_{inputs}to{outputs}_b{batch}",
            {"op": op},
            lambda randoms: {
                "input": randoms.normal(batch, inputs),
                "param.weight": randoms.parameter("weight", (outputs, inputs)),
                "param.bias": randoms.parameter("bias", (outputs,)),
                "grad_output": randoms.normal(batch, outputs),
            },
            lambda v, kinks: function(
                functional.linear(v["input"], v["param.weight"], v["param.bias"])
            ),
        )


def record_cross_entropy():
    # (name, batch, classes, label smoothing, ignored label, scale of the logits)
    cases = (
        ("plain", 5, 10, 0.0, -100, 1.0),
        ("smoothed", 5, 10, 0.1, -100, 1.0),
        ("ignoring", 6, 4, 0.0, 2, 1.0),
        ("smoothed_ignoring", 6, 4, 0.2, 2, 1.0),
        ("large_logits", 4, 3, 0.0, -100, 60.0),
        ("single_sample", 1, 2, 0.0, -100, 1.0),
    )
    for name, batch, classes, smoothing, ignored, scale in cases:

        def make_inputs(randoms):
            labels = randoms.labels(batch, classes)
            if ignored >= 0:  # at least one label is ignored and one is not
                labels[0], labels[1] = ignored, (ignored + 1) % classes
            return {"input": randoms.normal(batch, classes, scale=scale), "labels": labels}

        record_op(
            f"op/cross_entropy_{name}",
            {"op": "cross_entropy", "label_smoothing": smoothing, "ignore_index": ignored},
            make_inputs,
            lambda v, kinks: functional.cross_entropy(
                v["input"], v["labels"], label_smoothing=smoothing, ignore_index=ignored
            ).reshape(1),
        )


def record_ops():
    record_convolutions()
    record_norms()
    record_pools()
    record_linear("linear", lambda y: y)
    record_linear("linear_gelu", functional.gelu)
    record_cross_entropy()
