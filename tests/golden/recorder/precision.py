"""Records how far PyTorch's float32 gradients of whole networks are from its float64 ones.

Nothing but errors is stored: weights, images and labels are a formula that tests/eigen/precision.cpp
has too. Of several draws the median counts, for now and then a ReLU or a pool takes another branch
in float32. Feature maps are contiguous, where PyTorch sums most carefully.
"""

import math
import os

import torch
from torch.nn import functional

from . import safetensors
from .case import ROOT, Kinks
from .modules import CnnHost

CASES = {
    "rgb": dict(in_channels=3, base=16, blocks=3, size=32, batch=8),
    "grey": dict(in_channels=1, base=16, blocks=3, size=28, batch=16),
    "narrow": dict(in_channels=1, base=2, blocks=2, size=32, batch=16),
}
CLASSES = 10
DRAWS = 25
WORD = 0xFFFFFFFF


def product(values, factor):
    """values * factor, modulo 2^32: of integers that would overflow 64 bits."""
    return ((values & 0xFFFF) * factor + ((((values >> 16) * factor) & 0xFFFF) << 16)) & WORD


def mixed(salt, count):
    """The last steps of MurmurHash3, of salt * 0x9e3779b9 + i."""
    h = (torch.arange(count, dtype=torch.int64) + salt * 0x9E3779B9) & WORD
    h = product(h ^ (h >> 16), 0x85EBCA6B)
    h = product(h ^ (h >> 13), 0xC2B2AE35)
    return h ^ (h >> 16)


def unit(salt, *shape):
    """Numbers in [0, 1) with 24 bits, exact in float32."""
    return (mixed(salt, math.prod(shape)) >> 8).double().reshape(shape) / 2.0**24


def fill(host, salt):
    """Uniform weights within the power of two at or above 1 / sqrt(fan in); norms the identity."""
    fan = 1
    with torch.no_grad():
        for name, tensor in host.named_parameters():
            salt += 1
            if name.endswith("norm.weight"):
                tensor.fill_(1)
            elif name.endswith("norm.bias"):
                tensor.zero_()
            else:
                fan = fan if tensor.dim() == 1 else math.prod(tensor.shape[1:])
                scale = 2.0 ** (math.floor(-0.5 * math.log2(fan)) + 1)
                tensor.copy_((unit(salt, *tensor.shape) - 0.5) * scale)


def gradients(draw, dtype, in_channels, base, blocks, size, batch):
    salt = 1000 * draw
    host = CnnHost(base, blocks, CLASSES, input_channels=in_channels)
    fill(host, salt + 1)
    images = unit(salt + 1, batch, size, size, in_channels).permute(0, 3, 1, 2).contiguous()
    labels = mixed(salt, batch) % CLASSES
    host = host.to(dtype)
    functional.cross_entropy(host(images.to(dtype), Kinks()), labels).backward()
    return {name: tensor.grad.double() for name, tensor in host.named_parameters()}


def record_precision():
    for name, options in CASES.items():
        errors = {}
        for draw in range(DRAWS):
            exact = gradients(draw, torch.float64, **options)
            for key, single in gradients(draw, torch.float32, **options).items():
                error = (single - exact[key]).norm() / exact[key].norm()
                errors.setdefault(key, []).append(error.item())
        tensors = {
            f"error.{key}": torch.tensor(values, dtype=torch.float64).median().reshape(1)
            for key, values in errors.items()
        }
        metadata = {key: str(value) for key, value in {**options, "classes": CLASSES}.items()}
        metadata.update(case=f"precision/{name}", draws=str(DRAWS))
        metadata["torch"] = torch.__version__.split("+")[0]
        safetensors.write(os.path.join(ROOT, f"precision/{name}.safetensors"), tensors, metadata)
