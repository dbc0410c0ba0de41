"""The hosts besides the CNN in PyTorch: five steps of training, alone and with a blending seed."""

import torch
from torch import nn
from torch.nn import functional

from . import dense, modules
from .case import gradients, load, record
from .training import statistics

STEPS = 5
ROUNDING = "rounding accumulates over the depth of the network and over the steps"


class MlpHost(nn.Module):
    """Hidden layers of one width and a linear head; a slot behind each hidden layer."""

    def __init__(self, inputs, outputs, width, layers, activation):
        super().__init__()
        widths = [inputs] + [width] * layers
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.head = nn.Linear(width, outputs)
        self.activation = activation

    def forward(self, x, kinks, slots={}):
        act = kinks.relu if self.activation == "relu" else getattr(functional, self.activation)
        for index, layer in enumerate(self.layers):
            x = act(layer(x))
            if index in slots:
                x = slots[index](x)
        return self.head(x)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, norm):
        super().__init__()
        self.conv1 = modules.conv(inputs, outputs, 3, stride=stride)
        self.bn1 = norm(outputs)
        self.conv2 = modules.conv(outputs, outputs, 3)
        self.bn2 = norm(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                modules.conv(inputs, outputs, 1, stride=stride), norm(outputs)
            )

    def forward(self, x, kinks):
        branch = self.bn2(self.conv2(kinks.relu(self.bn1(self.conv1(x)))))
        return kinks.relu(branch + (x if self.downsample is None else self.downsample(x)))


class ResNetHost(nn.Module):
    """Stages of basic blocks behind a 3x3 convolution; a slot at the end of each stage."""

    def __init__(self, classes, in_channels, base, stages, blocks, norm):
        super().__init__()
        norm = {"batch": nn.BatchNorm2d, "group": modules.group_norm}[norm]
        self.conv1 = modules.conv(in_channels, base, 3)
        self.bn1 = norm(base)
        self.stages = stages
        inputs = base
        for stage in range(stages):
            outputs = base * 2**stage
            strides = [2 if stage > 0 else 1] + [1] * (blocks - 1)
            layer = nn.Sequential()
            for stride in strides:
                layer.append(BasicBlock(inputs, outputs, stride, norm))
                inputs = outputs
            setattr(self, f"layer{stage + 1}", layer)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x, kinks, slots={}):
        x = kinks.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            for block in getattr(self, f"layer{stage + 1}"):
                x = block(x, kinks)
            if stage in slots:
                x = slots[stage](x)
        return self.fc(x.mean(dim=(2, 3)))


MLP = dict(inputs=5, outputs=3, width=8, layers=3)
RESNET = dict(classes=4, in_channels=3, base=4, stages=3, blocks=1)
CASES = {
    "mlp_relu": dict(host=MlpHost, sizes=dict(MLP, activation="relu")),
    "mlp_gelu": dict(host=MlpHost, sizes=dict(MLP, activation="gelu")),
    "mlp_silu": dict(host=MlpHost, sizes=dict(MLP, activation="silu")),
    "mlp_tanh": dict(host=MlpHost, sizes=dict(MLP, activation="tanh", layers=1)),
    "mlp_with_mlp_small": dict(
        host=MlpHost, sizes=dict(MLP, activation="relu"), seed="mlp_small", alpha=0.4
    ),
    "resnet_batch": dict(host=ResNetHost, sizes=dict(RESNET, norm="batch")),
    "resnet_group": dict(host=ResNetHost, sizes=dict(RESNET, norm="group", blocks=2, stages=2)),
    "resnet_with_conv_light": dict(
        host=ResNetHost, sizes=dict(RESNET, norm="batch"), seed="conv_light", alpha=0.3
    ),
}
SEEDS = {"mlp_small": dense.MlpSmall, "conv_light": modules.ConvLight}
SLOT = 1  # r0c1


def record_host_steps(name, host, sizes, seed=None, alpha=0.0):
    """Five steps of SGD with momentum over host and seed together, another batch each step."""
    sgd = dict(lr=0.05, momentum=0.9)
    rows = host is MlpHost
    batch, classes = 3, sizes["outputs"] if rows else sizes["classes"]
    shape = (sizes["inputs"],) if rows else (sizes["in_channels"], 9, 7)

    def make_modules():
        width = sizes["width"] if rows else sizes["base"] * 2**SLOT
        return [host(**sizes)] + ([SEEDS[seed](width)] if seed else [])

    def make_inputs(randoms):
        values = {}
        for prefix, module in zip(("host.", "seed."), make_modules()):
            values.update(randoms.parameters(module, "param." + prefix))
            values.update(randoms.buffers(module, "buffer." + prefix))
        for step in range(STEPS):
            values[f"input.{step}"] = randoms.normal(batch, *shape)
            values[f"labels.{step}"] = randoms.labels(batch, classes)
        return values

    def evaluate(values, kinks):
        dtype = values["input.0"].dtype
        trained = [module.to(dtype) for module in make_modules()]
        named = list(zip(("host.", "seed."), trained))
        for prefix, module in named:
            load(module, values, "param." + prefix)
        slots = {}
        if seed:
            slots[SLOT] = lambda x: x + alpha * (trained[1](x.detach(), kinks) - x)
        optimiser = torch.optim.SGD([p for _, m in named for p in m.parameters()], **sgd)
        results, losses = {}, []
        for step in range(STEPS):
            optimiser.zero_grad()
            logits = trained[0](values[f"input.{step}"], kinks, slots)
            loss = functional.cross_entropy(logits, values[f"labels.{step}"])
            loss.backward()
            losses.append(loss.detach())
            results[f"output.{step}"] = logits
            if step == 0:
                for prefix, module in named:
                    for key, grad in gradients(module, "grad." + prefix).items():
                        results[key] = grad.clone()
            optimiser.step()
        for prefix, module in named:
            for key, tensor in module.named_parameters():
                results[f"after.{prefix}{key}"] = tensor.detach().clone()
            results.update(statistics(module, "after." + prefix))
        trained[0].eval()
        with torch.no_grad():
            results["output_eval"] = trained[0](values["input.0"], kinks, slots)
        results["losses"] = torch.stack(losses)
        return results

    counted = sum(p.numel() for p in host(**sizes).parameters())
    options = dict(sizes, batch=batch, parameters=counted, seed_blueprint=seed or "", alpha=alpha)
    record(f"steps/{name}", {**options, **sgd}, make_inputs, evaluate, ROUNDING)


def record_hosts():
    for name, options in CASES.items():
        record_host_steps(name, **options)
