"""Records what is built from tensors: rearranging, products, softmax, activations, losses."""

import torch
from torch.nn import functional

from .ops import record_op

# Closer than the defaults: these are single functions, or short sums.
CLOSE = {"tolerance.float32": 2e-6, "tolerance.float64": 1e-12}


def record_tensor(name, options, make_inputs, forward):
    record_op(f"tensor/{name}", {**CLOSE, **options}, make_inputs, forward)


def record_activations():
    # (name, PyTorch's function, option, its value)
    cases = (
        ("relu", functional.relu, None, None),
        ("sigmoid", torch.sigmoid, None, None),
        ("tanh", torch.tanh, None, None),
        ("gelu", functional.gelu, None, None),
        ("gelu_tanh", lambda x: functional.gelu(x, approximate="tanh"), None, None),
        ("silu", functional.silu, None, None),
        ("leaky_relu", functional.leaky_relu, "negative_slope", 0.2),
        ("elu", functional.elu, "alpha", 1.3),
        ("softplus", functional.softplus, "beta", 2.0),
    )
    for name, function, option, value in cases:
        arguments = {} if option is None else {option: value}

        def make_inputs(randoms):
            x = randoms.normal(5, 67, scale=2.5)
            x[0, 0], x[1, 0], x[2, 0] = 0.0, 2.0**-13, -(2.0**-13)
            return {"input": x, "grad_output": randoms.normal(5, 67)}

        record_tensor(
            name,
            {"op": name, **arguments},
            make_inputs,
            lambda v, kinks: function(v["input"], **arguments),
        )


def record_softmax():
    for op, function in (("softmax", functional.softmax), ("log_softmax", functional.log_softmax)):
        for axis, shape, scale in ((-1, (5, 33), 1.0), (1, (3, 7, 5), 3.0), (0, (4,), 30.0)):
            record_tensor(
                f"{op}_axis{axis}",
                {"op": op, "axis": axis},
                lambda randoms: {
                    "input": randoms.normal(*shape, scale=scale),
                    "grad_output": randoms.normal(*shape),
                },
                lambda v, kinks: function(v["input"], dim=axis),
            )


def record_layer_norm():
    for shape in ((2, 3, 13), (5, 48), (7,)):
        record_tensor(
            f"layer_norm_c{shape[-1]}",
            {"op": "layer_norm", "eps": 1e-5, "tolerance.float32": 1e-5},
            lambda randoms: {
                "input": randoms.normal(*shape, mean=0.5),
                "param.weight": randoms.parameter("norm.weight", shape[-1:]),
                "param.bias": randoms.parameter("norm.bias", shape[-1:]),
                "grad_output": randoms.normal(*shape),
            },
            lambda v, kinks: functional.layer_norm(
                v["input"], shape[-1:], v["param.weight"], v["param.bias"], 1e-5
            ),
        )


def record_matmul():
    # (name, shape of a, of b, whether a and b are stored the other way round)
    cases = (
        ("matrices", (4, 5), (5, 6), False, False),
        ("both_transposed", (5, 4), (6, 5), True, True),
        ("batch", (3, 4, 5), (3, 5, 6), False, False),
        ("batch_b_transposed", (3, 4, 5), (3, 6, 5), False, True),
        ("batch_a_transposed", (3, 5, 4), (3, 5, 6), True, False),
        ("shared_right", (3, 4, 5), (5, 6), False, False),
        ("shared_right_a_transposed", (3, 5, 4), (5, 6), True, False),
        ("shared_left", (4, 5), (3, 5, 6), False, False),
        ("stretched_both", (2, 1, 2, 4, 5), (3, 1, 5, 6), False, False),
        ("row", (5,), (3, 5, 6), False, False),
        ("column", (3, 4, 5), (5,), False, False),
    )
    for name, shape_a, shape_b, transpose_a, transpose_b in cases:

        def product(a, b):
            a = a.transpose(-1, -2) if transpose_a else a
            b = b.transpose(-1, -2) if transpose_b else b
            return torch.matmul(a, b)

        result = product(torch.zeros(shape_a), torch.zeros(shape_b)).shape
        record_tensor(
            f"matmul_{name}",
            {"op": "matmul", "transpose_a": int(transpose_a), "transpose_b": int(transpose_b)},
            lambda randoms: {
                "input": randoms.normal(*shape_a),
                "param.b": randoms.normal(*shape_b),
                "grad_output": randoms.normal(*result),
            },
            lambda v, kinks: product(v["input"], v["param.b"]),
        )


def record_rearranging():
    shape = (3, 5, 7)
    # (name, PyTorch's function, the shape that it gives)
    cases = (
        ("slice", lambda x: x[:, 1:4], (3, 3, 7)),
        ("permute", lambda x: x.permute(2, 0, 1), (7, 3, 5)),
        ("transpose", lambda x: x.transpose(-1, 0), (7, 5, 3)),
        ("sum", lambda x: x.sum(dim=(0, 2)), (5,)),
        ("sum_keep", lambda x: x.sum(dim=1, keepdim=True), (3, 1, 7)),
        ("mean", lambda x: x.mean(dim=(0, 1)), (7,)),
    )
    for name, function, result in cases:
        record_tensor(
            name,
            {"op": name},
            lambda randoms: {
                "input": randoms.normal(*shape),
                "grad_output": randoms.normal(*result),
            },
            lambda v, kinks: function(v["input"]),
        )
    record_tensor(
        "expand",
        {"op": "expand"},
        lambda randoms: {
            "input": randoms.normal(5, 1),
            "grad_output": randoms.normal(3, 5, 7),
        },
        lambda v, kinks: v["input"].expand(3, 5, 7),
    )
    record_tensor(
        "concatenate",
        {"op": "concatenate"},
        lambda randoms: {
            "input": randoms.normal(3, 2, 5),
            "param.b": randoms.normal(3, 4, 5),
            "grad_output": randoms.normal(3, 8, 5),
        },
        lambda v, kinks: torch.cat((v["input"], v["param.b"], v["input"]), dim=1),
    )


def record_embedding():
    # Rows that are named once, often and never.
    record_tensor(
        "embedding",
        {"op": "embedding"},
        lambda randoms: {
            "input": randoms.normal(7, 13),
            "labels": randoms.labels(11, 6),
            "grad_output": randoms.normal(11, 13),
        },
        lambda v, kinks: functional.embedding(v["labels"], v["input"]),
    )


def record_losses():
    # (name, op, option, its value, PyTorch's function)
    def divergence(x, target, log_target):
        return functional.kl_div(x, target, reduction="batchmean", log_target=bool(log_target))

    def binary(x, target, positive_weight):
        weight = torch.tensor(positive_weight, dtype=x.dtype)
        return functional.binary_cross_entropy_with_logits(x, target, pos_weight=weight)

    cases = (
        ("mean_squared_error", None, 0, lambda x, t, _: functional.mse_loss(x, t)),
        ("l1_loss", None, 0, lambda x, t, _: functional.l1_loss(x, t)),
        ("huber_loss", "delta", 0.7, lambda x, t, d: functional.huber_loss(x, t, delta=d)),
        ("binary_cross_entropy_with_logits", "positive_weight", 1.0, binary),
        ("binary_cross_entropy_with_logits", "positive_weight", 3.0, binary),
        ("kl_divergence", "log_target", 0, divergence),
        ("kl_divergence", "log_target", 1, divergence),
    )
    for op, option, value, function in cases:

        def make_inputs(randoms):
            x = randoms.normal(5, 7)
            target = randoms.normal(5, 7)
            if op.startswith("binary"):
                target = randoms.uniform(5, 7, low=0.0, high=1.0)
                target[0, :4] = torch.tensor([0.0, 1.0, 0.0, 1.0])
                x[0, :5] = torch.tensor([0.0, 0.0, 30.0, -30.0, 12.0])
            if op.startswith("kl"):
                exact = torch.float32
                x = functional.log_softmax(x, -1).to(exact).to(torch.float64)
                target = functional.softmax(target, -1)
                target = target.log() if value else target
                target = target.to(exact).to(torch.float64)
            return {"input": x, "param.target": target}

        record_tensor(
            op + (f"_{option}{value:g}" if option else ""),
            {"op": op, **({option: value} if option else {})},
            make_inputs,
            lambda v, kinks: function(v["input"], v["param.target"], value).reshape(1),
        )


def record_tensors():
    record_activations()
    record_softmax()
    record_layer_norm()
    record_matmul()
    record_rearranging()
    record_embedding()
    record_losses()
