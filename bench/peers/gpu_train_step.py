#!/usr/bin/env python3
"""PyTorch's training steps on a GPU, the peers of bench/gpu/train_step: one line of JSON for each.

The reference host (base 32, three blocks, 32x32, ten classes), alone or with a seed in r0c1 (64
channels at 16x16), in training (behind the host: a lesson through a frozen rest of the network) or
blending (alpha 0.5, isolated). A step is forward, cross-entropy, backward, clipping and optimiser.
Modes: eager; compile and reduce-overhead (torch.compile of forward, lesson and loss); graph (the
whole eager step captured once and replayed, which is what a user can do by hand).
"""

import argparse
import gc
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (3, 32, 64, 128)
SEEDED = 64


def conv(inputs, outputs, size=3, groups=1):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False, groups=groups)


def norm(channels):
    return nn.GroupNorm(4, channels)


class Scaled(nn.Module):
    """x + scale * branch(x)."""

    def __init__(self, branch, channels, start):
        super().__init__()
        self.branch = branch
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), start))

    def forward(self, x):
        return torch.addcmul(x, self.scale, self.branch(x))


class Normed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels)
        self.amount = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return torch.lerp(x, self.norm(x), torch.tanh(self.amount))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Linear(channels, channels // 4, bias=False)
        self.expand = nn.Linear(channels // 4, channels)

    def forward(self, x):
        weight = torch.sigmoid(self.expand(functional.relu(self.reduce(x.mean(dim=(2, 3))))))
        return x * weight[:, :, None, None]


class Bottleneck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inner = max(8, channels // 4)
        self.body = nn.Sequential(
            conv(channels, inner, 1),
            nn.ReLU(inplace=True),
            conv(inner, inner),
            nn.ReLU(inplace=True),
            conv(inner, channels, 1),
            norm(channels),
        )

    def forward(self, x):
        return x + self.body(x)


def make_seed(name, channels):
    relu = nn.ReLU(inplace=True)
    if name == "noop":
        return nn.Identity()
    if name == "norm":
        return Normed(channels)
    if name == "attention":
        return Attention(channels)
    if name == "bottleneck":
        return Bottleneck(channels)
    bodies = {
        "depthwise": (
            conv(channels, channels, 3, channels),
            conv(channels, channels, 1),
            norm(channels),
            relu,
        ),
        "conv_small": (conv(channels, channels, 1), norm(channels), relu),
        "conv_light": (conv(channels, channels), norm(channels), relu),
        "conv_heavy": (
            conv(channels, channels),
            norm(channels),
            nn.ReLU(inplace=True),
            conv(channels, channels),
            norm(channels),
            relu,
        ),
    }
    return Scaled(nn.Sequential(*bodies[name]), channels, 1e-3 if name == "conv_small" else 0.1)


class Network(nn.Module):
    def __init__(self, seed, stage):
        super().__init__()
        self.convs = nn.ModuleList(conv(a, b) for a, b in zip(WIDTHS, WIDTHS[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in WIDTHS[1:])
        self.classifier = nn.Linear(WIDTHS[-1], 10)
        self.seed = make_seed(seed, SEEDED) if seed else None
        self.stage = stage
        self.alpha = 0.5

    def forward(self, images):
        """The logits, and what a lesson begins with (None where there is none)."""
        x, fed = images, None
        for index, (convolve, normalise) in enumerate(zip(self.convs, self.norms)):
            x = functional.relu(normalise(convolve(x)), inplace=True)
            if index == 1 and self.seed is not None:
                if self.stage == "blending":
                    x = torch.lerp(x, self.seed(x.detach()), self.alpha)
                else:
                    fed = x.detach()
            x = functional.max_pool2d(x, 2)
        return self.classifier(x.mean(dim=(2, 3))), fed

    def lesson(self, fed):
        """The logits with the seed at its target amplitude before a frozen rest of the network."""
        x = functional.max_pool2d(torch.lerp(fed, self.seed(fed), self.alpha), 2)
        last, normalise = self.convs[2], self.norms[2]
        x = functional.conv2d(x, last.weight.detach(), padding=1)
        x = functional.batch_norm(
            x,
            normalise.running_mean,
            normalise.running_var,
            normalise.weight.detach(),
            normalise.bias.detach(),
            training=False,
            eps=normalise.eps,
        )
        x = functional.max_pool2d(functional.relu(x, inplace=True), 2)
        return functional.linear(
            x.mean(dim=(2, 3)), self.classifier.weight.detach(), self.classifier.bias.detach()
        )

    def losses(self, images, labels):
        logits, fed = self.forward(images)
        loss = functional.cross_entropy(logits, labels)
        if fed is None or not any(True for _ in self.seed.parameters()):
            return loss, None
        return loss, functional.cross_entropy(self.lesson(fed), labels)


def parse(name):
    """"host+conv_heavy:training/batch:32/tf32/sgd" in its parts."""
    what, batch, precision, optimiser = name.split("/")
    seed, _, stage = what.partition("+")[2].partition(":")
    return seed, stage, int(batch.partition(":")[2]), precision, optimiser


def make_step(name, mode):
    seed, stage, batch, precision, optimiser = parse(name)
    allowed = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    network = Network(seed, stage).cuda().to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, 32, 32, device="cuda").to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,), device="cuda")
    parameters = list(network.parameters())
    if optimiser == "adamw":
        stepper = torch.optim.AdamW(parameters, lr=1e-3, fused=True, capturable=mode == "graph")
    else:
        stepper = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, fused=True)
    losses = network.losses
    if mode == "compile":
        losses = torch.compile(losses, dynamic=False)
    elif mode == "reduce-overhead":
        losses = torch.compile(losses, dynamic=False, mode="reduce-overhead")

    def step():
        if mode == "reduce-overhead":
            torch.compiler.cudagraph_mark_step_begin()
        loss, lesson = losses(images, labels)
        (loss if lesson is None else loss + lesson).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        stepper.step()
        stepper.zero_grad(set_to_none=True)

    if mode != "graph":
        return step
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(4):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def measure(name, mode, seconds):
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    held_before = torch.cuda.memory_allocated()  # by cases that the interpreter still holds
    step = make_step(name, mode)
    for _ in range(5):
        step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(10):
        step()
    torch.cuda.synchronize()
    rounds = 7
    each = max(5, int(10 * seconds / rounds / (time.perf_counter() - start)))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(each):
            step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3 / each)
    return {
        "name": name,
        "mode": mode,
        "ms": statistics.median(times),
        "least_ms": min(times),
        "peak_mib": (torch.cuda.max_memory_allocated() - held_before) / 2**20,
        "torch": torch.__version__,
        "card": torch.cuda.get_device_name(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="+", help="as gpu_train_step prints them")
    parser.add_argument("--mode", nargs="+", default=["eager", "graph"])
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    failures = 0
    for name in options.names:
        for mode in options.mode:
            try:
                torch.compiler.reset()
                print(json.dumps(measure(name, mode, options.seconds)), flush=True)
            except Exception as error:  # one mode that does not run keeps no other from running
                failures += 1
                print(f"{name} {mode}: {str(error).splitlines()[:1]}", file=sys.stderr, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
