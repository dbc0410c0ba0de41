"""Records every CNN blueprint, the gate network and the blend operators: forward, gradients."""

import torch

from . import modules
from .case import gradients, load, record

# (channels, height, width, batch)
SHAPES = (
    (1, 3, 5, 1),
    (4, 1, 1, 3),
    (4, 3, 5, 3),
    (4, 8, 8, 1),
    (13, 1, 1, 1),
    (13, 3, 5, 3),
    (48, 3, 5, 1),
    (64, 3, 5, 1),
)


def shape_name(channels, height, width, batch):
    return f"c{channels}_{height}x{width}_b{batch}"


def shape_options(channels, height, width, batch):
    return {"channels": channels, "height": height, "width": width, "batch": batch}


def record_module(path, module_type, shape, options):
    channels, height, width, batch = shape
    example = module_type(channels)
    normalises = any(isinstance(part, torch.nn.GroupNorm) for part in example.modules())

    def make_inputs(randoms):
        values = randoms.parameters(example)
        values["input"] = randoms.normal(batch, channels, height, width)
        output_shape = (batch,) if module_type is modules.GateNetwork else values["input"].shape
        values["grad_output"] = randoms.normal(*output_shape)
        return values

    def evaluate(values, kinks):
        module = module_type(channels).to(values["input"].dtype)
        load(module, values)
        x = values["input"].clone().requires_grad_()
        y = module(x, kinks)
        y.backward(values["grad_output"])
        return {"output": y, "grad_input": x.grad, **gradients(module)}

    record(
        path,
        {**options, **shape_options(*shape)},
        make_inputs,
        evaluate,
        "normalisation divides by a small standard deviation (a group of few values)",
        amplified=normalises and channels == modules.groups(channels) and height * width == 1,
    )


def record_blueprints():
    for name, module_type in modules.BLUEPRINTS.items():
        for shape in SHAPES:
            channels = shape[0]
            counted = sum(p.numel() for p in module_type(channels).parameters())
            assert counted == module_type.parameter_count(channels), (name, channels)
            record_module(
                f"blueprint/{name}_{shape_name(*shape)}",
                module_type,
                shape,
                {"blueprint": name, "groups": modules.groups(channels), "parameters": counted},
            )


def record_gate_network():
    for shape in ((1, 3, 5, 1), (4, 1, 1, 3), (13, 3, 5, 3), (64, 3, 5, 3)):
        record_module(
            f"gate_network/{shape_name(*shape)}", modules.GateNetwork, shape, {"network": "gate"}
        )


def record_blends():
    shape = (13, 3, 5, 3)
    channels, height, width, batch = shape
    for algorithm in ("add", "multiply", "gate"):
        for alphas in ("scalar", "per_sample"):

            def make_inputs(randoms):
                map_shape = (batch, channels, height, width)
                values = {
                    name: randoms.normal(*map_shape) for name in ("host", "seed", "grad_output")
                }
                count = 1 if alphas == "scalar" else batch
                values["alpha"] = randoms.uniform(count, low=0.1, high=0.9)
                if algorithm == "multiply":
                    values["fed"] = randoms.normal(*map_shape)
                if algorithm == "gate":
                    values["gate"] = randoms.uniform(batch, low=0.1, high=0.9)
                return values

            def evaluate(values, kinks):
                leaves = {
                    name: values[name].clone().requires_grad_()
                    for name in ("host", "seed", "fed", "gate")
                    if name in values
                }
                y = modules.blend(
                    algorithm,
                    leaves["host"],
                    leaves["seed"],
                    leaves.get("fed"),
                    values["alpha"],
                    leaves.get("gate"),
                )
                y.backward(values["grad_output"])
                return {"output": y, **{"grad_" + n: leaf.grad for n, leaf in leaves.items()}}

            record(
                f"blend/{algorithm}_{alphas}",
                {"algorithm": algorithm, "alphas": alphas, **shape_options(*shape)},
                make_inputs,
                evaluate,
            )
