"""The networks of the specification in PyTorch: CNN blueprints, gate network, CNN host."""

import torch
from torch import nn


def groups(channels):
    """GroupNorm's groups: the first of 32..1 that divides with 16 channels a group, else the
    first that divides."""
    candidates = (32, 16, 8, 4, 2, 1)
    for count in candidates:
        if channels % count == 0 and channels // count >= 16:
            return count
    return next(count for count in candidates if channels % count == 0)


def conv(inputs, outputs, size, **options):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False, **options)


def group_norm(channels):
    return nn.GroupNorm(groups(channels), channels, eps=1e-5)


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = group_norm(channels)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x, kinks):
        return x + torch.tanh(self.scale) * (self.norm(x) - x)

    @staticmethod
    def parameter_count(c):
        return 2 * c + 1


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        reduced = max(1, channels // 4)
        self.reduce = nn.Linear(channels, reduced, bias=False)
        self.expand = nn.Linear(reduced, channels)

    def forward(self, x, kinks):
        squeezed = x.mean(dim=(2, 3))
        weight = torch.sigmoid(self.expand(kinks.relu(self.reduce(squeezed))))
        return x * weight[:, :, None, None]

    @staticmethod
    def parameter_count(c):
        return 2 * c * max(1, c // 4) + c


class Depthwise(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.depthwise = conv(channels, channels, 3, groups=channels)
        self.pointwise = conv(channels, channels, 1)
        self.norm = group_norm(channels)

    def forward(self, x, kinks):
        return x + kinks.relu(self.norm(self.pointwise(self.depthwise(x))))

    @staticmethod
    def parameter_count(c):
        return 9 * c + c * c + 2 * c


class Bottleneck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        width = max(8, channels // 4)
        self.down = conv(channels, width, 1)
        self.conv = conv(width, width, 3)
        self.up = conv(width, channels, 1)
        self.norm = group_norm(channels)

    def forward(self, x, kinks):
        inner = kinks.relu(self.conv(kinks.relu(self.down(x))))
        return x + self.norm(self.up(inner))

    @staticmethod
    def parameter_count(c):
        width = max(8, c // 4)
        return 2 * c * width + 9 * width * width + 2 * c


class ConvSmall(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = conv(channels, channels, 1)
        self.norm = group_norm(channels)
        self.scale = nn.Parameter(torch.full((channels,), 1e-3))

    def forward(self, x, kinks):
        return x + self.scale[:, None, None] * kinks.relu(self.norm(self.conv(x)))

    @staticmethod
    def parameter_count(c):
        return c * c + 3 * c


class ConvLight(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = conv(channels, channels, 3)
        self.norm = group_norm(channels)

    def forward(self, x, kinks):
        return x + kinks.relu(self.norm(self.conv(x)))

    @staticmethod
    def parameter_count(c):
        return 9 * c * c + 2 * c


class ConvHeavy(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = conv(channels, channels, 3)
        self.norm1 = group_norm(channels)
        self.conv2 = conv(channels, channels, 3)
        self.norm2 = group_norm(channels)

    def forward(self, x, kinks):
        inner = kinks.relu(self.norm1(self.conv1(x)))
        return x + kinks.relu(self.norm2(self.conv2(inner)))

    @staticmethod
    def parameter_count(c):
        return 18 * c * c + 4 * c


BLUEPRINTS = {
    "norm": Norm,
    "attention": Attention,
    "depthwise": Depthwise,
    "bottleneck": Bottleneck,
    "conv_small": ConvSmall,
    "conv_light": ConvLight,
    "conv_heavy": ConvHeavy,
}


class GateNetwork(nn.Module):
    """Mean-pool, linear to max(8, c/4), ReLU, linear to 1, sigmoid: one amplitude a sample."""

    def __init__(self, channels):
        super().__init__()
        hidden = max(8, channels // 4)
        self.reduce = nn.Linear(channels, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, x, kinks):
        pooled = x.mean(dim=(2, 3))
        return torch.sigmoid(self.score(kinks.relu(self.reduce(pooled)))).squeeze(1)


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = conv(inputs, outputs, 3)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x, kinks):
        return kinks.relu(self.norm(self.conv(x)))


class CnnHost(nn.Module):
    """Blocks of conv3x3, BatchNorm, ReLU and (the first `pools` of them) a 2x2 max-pool."""

    def __init__(self, base=32, blocks=3, classes=10, pools=None, input_channels=3):
        super().__init__()
        widths = [input_channels] + [base * 2**i for i in range(blocks)]
        self.blocks = nn.ModuleList(Block(a, b) for a, b in zip(widths, widths[1:]))
        self.pools = blocks if pools is None else pools
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x, kinks, slots={}):
        """slots: block index -> function applied to the block's map before its pool (row 0)."""
        for index, block in enumerate(self.blocks):
            x = block(x, kinks)
            if index in slots:
                x = slots[index](x)
            if index < self.pools:
                x = kinks.max_pool(x)
        return self.classifier(x.mean(dim=(2, 3)))


def blend(algorithm, host, seed, fed, alpha, gate=None):
    """The blend operators; alpha is a scalar tensor or one value a sample."""
    alpha = alpha.clamp(0, 1).reshape(-1, 1, 1, 1)
    if algorithm == "add":
        return host + alpha * (seed - host)
    if algorithm == "multiply":
        return host * (1 + alpha * torch.tanh(seed - fed))
    if algorithm == "gate":
        return host + alpha * gate.clamp(0, 1).reshape(-1, 1, 1, 1) * (seed - host)
    raise ValueError(algorithm)
