"""The blueprints on the last dimension in PyTorch, for rows of features and for sequences."""

import torch
from torch import nn

from .case import gradients, load, record

# (width, rows)
ROWS = ((1, 1), (4, 3), (13, 1), (13, 5), (32, 3))


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x, kinks=None):
        return x + torch.tanh(self.scale) * (self.norm(x) - x)

    @staticmethod
    def parameter_count(d):
        return 2 * d + 1


class Lora(nn.Module):
    rank = 8

    def __init__(self, width):
        super().__init__()
        self.down = nn.Linear(width, self.rank, bias=False)
        self.up = nn.Linear(self.rank, width, bias=False)

    def forward(self, x, kinks=None):
        return x + self.up(self.down(x))

    @classmethod
    def parameter_count(cls, d):
        return 2 * d * cls.rank


class Mlp(nn.Module):
    expansion = 4

    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, self.expansion * width)
        self.fc2 = nn.Linear(self.expansion * width, width)

    def forward(self, x, kinks=None):
        return x + self.fc2(nn.functional.gelu(self.fc1(x)))

    @classmethod
    def parameter_count(cls, d):
        k = cls.expansion
        return 2 * k * d * d + k * d + d


class MlpSmall(Mlp):
    expansion = 2


BLUEPRINTS = {"norm": Norm, "lora": Lora, "mlp_small": MlpSmall, "mlp": Mlp}


def record_module(path, module_type, shape, options):
    """One case: a module's output and all gradients, on an input (..., width)."""
    width = shape[-1]
    counted = sum(p.numel() for p in module_type(width).parameters())
    assert counted == module_type.parameter_count(width), (path, width)

    def make_inputs(randoms):
        return {
            **randoms.parameters(module_type(width)),
            "input": randoms.normal(*shape),
            "grad_output": randoms.normal(*shape),
        }

    def evaluate(values, kinks):
        module = module_type(width).to(values["input"].dtype)
        load(module, values)
        x = values["input"].clone().requires_grad_()
        y = module(x, kinks)
        y.backward(values["grad_output"])
        return {"output": y, "grad_input": x.grad, **gradients(module)}

    record(
        path,
        {**options, "width": width, "parameters": counted},
        make_inputs,
        evaluate,
        "normalisation divides by a small standard deviation (a row of few values)",
        amplified=module_type is Norm and width == 1,
    )


def record_rows():
    for name, module_type in BLUEPRINTS.items():
        for width, rows in ROWS:
            record_module(
                f"features/{name}_w{width}_b{rows}",
                module_type,
                (rows, width),
                {"blueprint": name},
            )
