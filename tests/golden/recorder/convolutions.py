"""Records convolutions and pools with options: forward and all gradients, sequences and maps."""

import torch
from torch.nn import functional

from .ops import record_op


def pair(value):
    return (value, value) if isinstance(value, int) else value


def options_of(op, **pairs):
    """Pairs of numbers by the names that the tests ask for."""
    options = {"op": op}
    for name, value in pairs.items():
        options[name + "_height"], options[name + "_width"] = pair(value)
    return options


# name, (batch, inputs, height, width), outputs, kernel, stride, padding, dilation, groups, bias
CONVOLUTIONS = (
    ("residual", (2, 6, 7, 8), 8, 3, 2, 1, 1, 1, False),
    ("shortcut", (2, 6, 7, 8), 8, 1, 2, 0, 1, 1, True),
    ("stem", (1, 3, 9, 8), 4, 7, (2, 3), 3, 1, 1, True),
    ("valid_even", (3, 5, 4, 6), 3, (2, 4), 1, 0, 1, 1, True),
    ("same_even", (2, 3, 5, 6), 4, (4, 2), 1, "same", 1, 1, False),
    ("same_dilated", (1, 3, 6, 7), 2, (2, 4), 1, "same", (3, 1), 1, True),
    ("dilated", (2, 4, 9, 8), 3, 3, (1, 2), (2, 1), 2, 1, False),
    ("grouped", (2, 6, 5, 4), 9, 3, 1, 1, 1, 3, True),
    ("depthwise", (2, 5, 7, 6), 5, 3, 2, 1, 1, 5, True),
    ("multiplied", (1, 4, 6, 5), 8, (3, 2), (2, 1), (0, 1), (1, 2), 4, False),
)

# name, (batch, inputs, height, width), outputs, kernel, stride, padding, output padding, dilation,
# groups, bias
TRANSPOSED = (
    ("plain", (2, 3, 2, 3), 4, 3, 1, 0, 0, 1, 1, False),
    ("doubling", (2, 4, 3, 2), 3, 2, 2, 0, 0, 1, 1, True),
    ("padded", (1, 3, 3, 4), 5, 3, (2, 3), (1, 0), (1, 2), 1, 1, True),
    ("dilated", (2, 4, 3, 3), 4, (3, 2), 2, 1, (0, 1), (2, 3), 2, True),
)

# name, (batch, inputs, length), outputs, kernel, stride, padding, dilation, groups, bias
SEQUENCES = (
    ("plain", (2, 3, 7), 4, 3, 1, "same", 1, 1, True),
    ("strided", (3, 4, 9), 6, 4, 3, 2, 1, 2, False),
    ("dilated", (1, 5, 8), 2, 3, 1, 0, 2, 1, True),
)

# name, (batch, channels, height, width), window, stride, padding
POOLS = (
    ("overlapping", (2, 5, 7, 8), 3, 2, 1),
    ("apart", (1, 3, 9, 7), (2, 1), (3, 2), 0),
    ("odd", (2, 4, 5, 6), (4, 3), 1, (2, 1)),
)


def weighted(randoms, inputs, weight, outputs, bias, output_shape):
    values = {"input": inputs, "param.weight": randoms.parameter("weight", weight)}
    if bias:
        values["param.bias"] = randoms.parameter("bias", (outputs,))
    values["grad_output"] = randoms.normal(*output_shape)
    return values


def record_conv2d():
    for name, shape, outputs, kernel, stride, padding, dilation, groups, bias in CONVOLUTIONS:
        weight = (outputs, shape[1] // groups, *pair(kernel))
        settings = {
            "stride": pair(stride),
            "padding": padding if padding == "same" else pair(padding),
            "dilation": pair(dilation),
            "groups": groups,
        }
        output = functional.conv2d(torch.zeros(shape), torch.zeros(weight), **settings).shape
        options = options_of(
            "conv2d", stride=stride, padding=0 if padding == "same" else padding, dilation=dilation
        )
        record_op(
            f"conv/conv2d_{name}",
            {**options, "same": int(padding == "same"), "groups": groups},
            lambda randoms: weighted(
                randoms, randoms.normal(*shape), weight, outputs, bias, output
            ),
            lambda v, kinks: functional.conv2d(
                v["input"], v["param.weight"], v.get("param.bias"), **settings
            ),
        )


def record_conv_transpose2d():
    for name, shape, outputs, kernel, stride, padding, more, dilation, groups, bias in TRANSPOSED:
        weight = (shape[1], outputs // groups, *pair(kernel))
        settings = {
            "stride": pair(stride),
            "padding": pair(padding),
            "output_padding": pair(more),
            "dilation": pair(dilation),
            "groups": groups,
        }
        output = functional.conv_transpose2d(
            torch.zeros(shape), torch.zeros(weight), **settings
        ).shape
        options = options_of(
            "conv_transpose2d",
            stride=stride,
            padding=padding,
            output_padding=more,
            dilation=dilation,
        )
        record_op(
            f"conv/conv_transpose2d_{name}",
            {**options, "groups": groups},
            lambda randoms: weighted(
                randoms, randoms.normal(*shape), weight, outputs, bias, output
            ),
            lambda v, kinks: functional.conv_transpose2d(
                v["input"], v["param.weight"], v.get("param.bias"), **settings
            ),
        )


def record_conv1d():
    """Sequences are stored as (batch, length, channels)."""
    for name, shape, outputs, kernel, stride, padding, dilation, groups, bias in SEQUENCES:
        weight = (outputs, shape[1] // groups, kernel)
        settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        output = functional.conv1d(torch.zeros(shape), torch.zeros(weight), **settings).shape
        record_op(
            f"conv/conv1d_{name}",
            {
                "op": "conv1d",
                "stride": stride,
                "padding": 0 if padding == "same" else padding,
                "same": int(padding == "same"),
                "dilation": dilation,
                "groups": groups,
            },
            lambda randoms: weighted(
                randoms,
                randoms.normal(shape[0], shape[2], shape[1]),
                weight,
                outputs,
                bias,
                (output[0], output[2], output[1]),
            ),
            lambda v, kinks: functional.conv1d(
                v["input"].transpose(1, 2), v["param.weight"], v.get("param.bias"), **settings
            ).transpose(1, 2),
        )


def record_pools():
    """A maximum is the same in both precisions: inputs are exact in float32."""
    for name, shape, window, stride, padding in POOLS:
        settings = {
            "kernel_size": pair(window),
            "stride": pair(stride),
            "padding": pair(padding),
        }
        output = functional.max_pool2d(torch.zeros(shape), **settings).shape
        forwards = {
            "max_pool": functional.max_pool2d,
            "average_pool": functional.avg_pool2d,
            "average_pool_of_map": lambda x, **rest: functional.avg_pool2d(
                x, count_include_pad=False, **rest
            ),
        }
        for op, forward in forwards.items():
            record_op(
                f"conv/{op}_{name}",
                options_of(op, window=window, stride=stride, padding=padding),
                lambda randoms: {
                    "input": randoms.normal(*shape),
                    "grad_output": randoms.normal(*output),
                },
                lambda v, kinks: forward(v["input"], **settings),
            )
    record_op(
        "conv/max_positions",
        {"op": "max_positions"},
        lambda randoms: {"input": randoms.normal(3, 5, 4, 6), "grad_output": randoms.normal(3, 5)},
        lambda v, kinks: functional.adaptive_max_pool2d(v["input"], 1).flatten(1),
    )
    record_op(
        "conv/upsample_nearest",
        options_of("upsample_nearest", factor=(2, 3)),
        lambda randoms: {
            "input": randoms.normal(2, 3, 4, 5),
            "grad_output": randoms.normal(2, 3, 8, 15),
        },
        lambda v, kinks: functional.interpolate(v["input"], scale_factor=(2, 3), mode="nearest"),
    )


def record_convolutions():
    record_conv2d()
    record_conv_transpose2d()
    record_conv1d()
    record_pools()
