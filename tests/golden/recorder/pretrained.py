"""Trains a small CNN on broad stripes, as examples/fine_tune.cpp goes on with it."""

import os

import torch

from . import safetensors
from .case import ROOT
from .modules import CnnHost


class NoKinks:
    def relu(self, x):
        return torch.relu(x)

    def max_pool(self, x):
        return torch.nn.functional.max_pool2d(x, 2)


def stripes(generator, count, width):
    """Images of 8 x 8: stripes of `width` pixels that lie (class 0) or stand (class 1)."""
    labels = torch.arange(count) % 2
    phase = torch.randint(2 * width, (count, 1), generator=generator)
    along = (torch.arange(8).reshape(1, 8) + phase).div(width, rounding_mode="floor") % 2
    stripe = 1.0 - 2.0 * along.float()
    lying = stripe.reshape(count, 1, 8, 1).expand(count, 1, 8, 8)
    images = torch.where(labels.reshape(count, 1, 1, 1) == 1, lying.transpose(2, 3), lying)
    return images + 0.5 * torch.randn(count, 1, 8, 8, generator=generator), labels


def record_pretrained():
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    host = CnnHost(base=4, blocks=2, classes=2, pools=1, input_channels=1)
    optimiser = torch.optim.SGD(host.parameters(), lr=0.05, momentum=0.9)
    for _ in range(200):
        images, labels = stripes(generator, 32, 3)
        loss = torch.nn.functional.cross_entropy(host(images, NoKinks()), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    host.eval()
    for width in (3, 1):
        images, labels = stripes(generator, 1000, width)
        right = (host(images, NoKinks()).argmax(1) == labels).float().mean()
        print(f"stripes of {width}: {100 * right:.1f} %")
    metadata = {"format": "pt", "torch": torch.__version__.split("+")[0]}
    path = os.path.join(ROOT, "pretrained", "broad_stripes.safetensors")
    safetensors.write(path, dict(host.state_dict()), metadata)
