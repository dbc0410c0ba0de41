#!/usr/bin/env python3
"""PyTorch's training step of the library's hosts, the CNN also with a blending conv_heavy seed.

The peer of bench/train_step. host: base 32, 3 blocks, 10 classes, 32x32 images; the seed in slot
r0c1 (64 channels at 16x16), alpha 0.5, add, isolated. resnet: 20 layers for 32x32 images (base 16,
three stages of three blocks, projections). mlp: 64 inputs, three hidden layers of 256, ReLU. A step
is forward, cross-entropy, backward and SGD with momentum 0.9. One line of JSON per measurement,
with everything that was tuned.
"""

import argparse

import peer


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    peer.add_arguments(parser)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--case", choices=("host", "host+conv_heavy", "resnet", "mlp"), default="host")
    parser.add_argument(
        "--layout", choices=("channels_last", "contiguous"), default="channels_last"
    )
    return parser.parse_args()


def make_step(torch, options):
    from torch import nn
    from torch.nn import functional

    def conv(inputs, outputs, stride=1):
        return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)

    class Seed(nn.Module):
        def __init__(self, channels, groups):
            super().__init__()
            self.body = nn.Sequential(
                conv(channels, channels),
                nn.GroupNorm(groups, channels),
                nn.ReLU(inplace=True),
                conv(channels, channels),
                nn.GroupNorm(groups, channels),
                nn.ReLU(inplace=True),
            )

        def forward(self, x):
            return x + self.body(x)

    class Network(nn.Module):
        def __init__(self, with_seed, base=32, blocks=3, classes=10, alpha=0.5):
            super().__init__()
            widths = [3] + [base * 2**i for i in range(blocks)]
            self.blocks = nn.ModuleList(
                nn.Sequential(conv(a, b), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
                for a, b in zip(widths, widths[1:])
            )
            self.seed = Seed(widths[2], 4) if with_seed else None
            self.alpha = alpha
            self.classifier = nn.Linear(widths[-1], classes)

        def forward(self, x):
            for index, block in enumerate(self.blocks):
                x = block(x)
                if index == 1 and self.seed is not None:
                    x = torch.lerp(x, self.seed(x.detach()), self.alpha)
                x = functional.max_pool2d(x, 2)
            return self.classifier(x.mean(dim=(2, 3)))

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = conv(inputs, outputs, stride)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = conv(outputs, outputs)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.downsample = nn.Identity()
            if inputs != outputs:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x):
            branch = functional.relu(self.bn1(self.conv1(x)), inplace=True)
            branch = self.bn2(self.conv2(branch))
            branch += self.downsample(x)
            return functional.relu(branch, inplace=True)

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(dim=(2, 3))

    def resnet(base=16, stages=3, blocks=3, classes=10):
        layers = [conv(3, base), nn.BatchNorm2d(base), nn.ReLU(inplace=True)]
        inputs = base
        for stage in range(stages):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Block(inputs, base * 2**stage, stride))
                inputs = base * 2**stage
        return nn.Sequential(*layers, Mean(), nn.Linear(inputs, classes))

    def mlp(inputs=64, width=256, layers=3, classes=10):
        widths = [inputs] + [width] * layers
        hidden = [
            part
            for a, b in zip(widths, widths[1:])
            for part in (nn.Linear(a, b), nn.ReLU(inplace=True))
        ]
        return nn.Sequential(*hidden, nn.Linear(width, classes))

    if options.case == "mlp":
        network, images = mlp(), torch.randn(options.batch, 64)
    else:
        network = resnet() if options.case == "resnet" else Network("conv_heavy" in options.case)
        images = torch.randn(options.batch, 3, 32, 32)
    labels = torch.randint(10, (options.batch,))
    if options.layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
        if images.dim() == 4:
            images = images.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, foreach=True)
    run = torch.compile(network) if options.compile else network

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(run(images), labels)
        loss.backward()
        optimiser.step()
        return loss

    return step


def main():
    options = arguments()
    name = f"train_step/{options.case}/batch:{options.batch}/threads:{options.threads}"
    peer.measure(options, name, make_step)


if __name__ == "__main__":
    main()
