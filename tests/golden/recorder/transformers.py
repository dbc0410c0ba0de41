"""Records transformer blueprints, the transformer host, and steps of host and seed with AdamW."""

import math

import torch
from torch import nn
from torch.nn import functional

from .case import gradients, load, record

# (width, time, batch); heads is 4 where that divides the width, else 1
SHAPES = ((4, 1, 1), (8, 5, 3), (13, 7, 2), (12, 70, 1))
ROUNDING = "rounding accumulates over the depth of the network"


class SelfAttention(nn.Module):
    """mask(query, key) -> bool; causal where none is given."""

    def __init__(self, width, heads, window=None, alibi=False):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.heads, self.window, self.alibi = heads, window, alibi

    def forward(self, x):
        batch, time, width = x.shape
        parts = self.qkv(x).reshape(batch, time, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        query = torch.arange(time)[:, None]
        key = torch.arange(time)[None, :]
        seen = key <= query
        if self.window is not None:
            seen = seen & (query - key < self.window)
        scores = q @ k.transpose(2, 3) / math.sqrt(width // self.heads)
        if self.alibi:
            slopes = 2.0 ** (-8.0 * torch.arange(1, self.heads + 1, dtype=torch.float64) / self.heads)
            scores = scores - (slopes[:, None, None] * (query - key)).to(scores.dtype)
        weights = torch.softmax(scores.masked_fill(~seen, float("-inf")), dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, time, width))


class Norm(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + torch.tanh(self.scale) * (self.norm(x) - x)


class Lora(nn.Module):
    rank = 8

    def __init__(self, width, heads):
        super().__init__()
        self.down = nn.Linear(width, self.rank, bias=False)
        self.up = nn.Linear(self.rank, width, bias=False)

    def forward(self, x):
        return x + self.up(self.down(x))


class LoraLarge(Lora):
    rank = 32


class Attention(SelfAttention):
    def forward(self, x):
        return x + super().forward(x)


class FlexAttention(Attention):
    """With a window of three positions and ALiBi's slopes."""

    def __init__(self, width, heads):
        super().__init__(width, heads, window=3, alibi=True)


class Mlp(nn.Module):
    expansion = 4

    def __init__(self, width, heads):
        super().__init__()
        self.fc1 = nn.Linear(width, self.expansion * width)
        self.fc2 = nn.Linear(self.expansion * width, width)

    def forward(self, x):
        return x + self.fc2(functional.gelu(self.fc1(x)))


class MlpSmall(Mlp):
    expansion = 2


class Noop(nn.Identity):
    def __init__(self, width, heads):
        super().__init__()


BLUEPRINTS = {
    "norm": Norm,
    "lora": Lora,
    "lora_large": LoraLarge,
    "attention": Attention,
    "flex_attention": FlexAttention,
    "mlp_small": MlpSmall,
    "mlp": Mlp,
}


def record_blueprint(name, module_type, width, time, batch):
    heads = 4 if width % 4 == 0 else 1

    def make_inputs(randoms):
        values = randoms.parameters(module_type(width, heads))
        values["input"] = randoms.normal(batch, time, width)
        values["grad_output"] = randoms.normal(batch, time, width)
        return values

    def evaluate(values, kinks):
        module = module_type(width, heads).to(values["input"].dtype)
        load(module, values)
        x = values["input"].clone().requires_grad_()
        y = module(x)
        y.backward(values["grad_output"])
        return {"output": y, "grad_input": x.grad, **gradients(module)}

    counted = sum(p.numel() for p in module_type(width, heads).parameters())
    options = dict(blueprint=name, width=width, time=time, batch=batch, heads=heads)
    record(
        f"transformer_blueprint/{name}_d{width}_t{time}_b{batch}",
        dict(options, parameters=counted),
        make_inputs,
        evaluate,
    )


class HostMlp(nn.Module):
    def __init__(self, width, gelu):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.approximate = "tanh" if gelu == "tanh" else "none"

    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(x), approximate=self.approximate))


class Block(nn.Module):
    def __init__(self, width, heads, gelu):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)
        self.mlp = HostMlp(width, gelu)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class TransformerHost(nn.Module):
    """The head is the token embedding once more."""

    def __init__(self, vocabulary, width, heads, layers, segments, block, gelu="exact"):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(block, width)
        self.blocks = nn.ModuleList(Block(width, heads, gelu) for _ in range(layers))
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.each = layers // segments

    def forward(self, ids, slots={}):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for index, block in enumerate(self.blocks):
            x = block(x)
            if (index + 1) % self.each == 0 and index // self.each in slots:
                x = slots[index // self.each](x)
        return self.norm(x) @ self.tokens.weight.T


HOSTS = {
    "odd": dict(vocabulary=13, width=10, heads=5, layers=2, segments=2, block=9, gelu="exact"),
    "tanh": dict(vocabulary=7, width=6, heads=2, layers=1, segments=1, block=5, gelu="tanh"),
}
GROWN = dict(vocabulary=11, width=8, heads=2, layers=2, segments=2, block=6)
SMALL = dict(vocabulary=7, width=4, heads=1, layers=3, segments=3, block=5)


def tokens(randoms, vocabulary, *shape):
    return torch.randint(vocabulary, shape, generator=randoms.generator)


def record_host(name, **sizes):
    batch, time = 3, sizes["block"] - 2

    def make_inputs(randoms):
        return {
            **randoms.parameters(TransformerHost(**sizes)),
            "input": tokens(randoms, sizes["vocabulary"], batch, time),
            "labels": tokens(randoms, sizes["vocabulary"], batch * time),
        }

    def evaluate(values, kinks):
        host = TransformerHost(**sizes).to(values["param.norm.weight"].dtype)
        load(host, values)
        logits = host(values["input"])
        loss = functional.cross_entropy(logits.flatten(0, 1), values["labels"])
        loss.backward()
        return {"output": logits, "loss": loss.reshape(1), **gradients(host)}

    counted = sum(p.numel() for p in TransformerHost(**sizes).parameters())
    options = dict(sizes, batch=batch, time=time, parameters=counted)
    record(f"transformer_host/{name}", options, make_inputs, evaluate, ROUNDING)


def record_steps(blueprint, algorithm, sizes=SMALL, batch=3, float32=None):
    """Ten steps of AdamW over host and blending seed in r0c0, which is not isolated."""
    steps, time, alpha = 10, 5, 0.3
    width, vocabulary = sizes["width"], sizes["vocabulary"]
    seed_type = {**BLUEPRINTS, "noop": Noop}[blueprint]
    # A large epsilon: where it is small, a first step is the sign of the gradient, and rounding
    # decides that of one which is 0.
    adamw = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-3, weight_decay=0.01)

    def make_modules():
        return TransformerHost(**sizes), seed_type(width, 4)

    def make_inputs(randoms):
        host, seed = make_modules()
        values = {
            **randoms.parameters(host, "param.host."),
            **randoms.parameters(seed, "param.seed."),
        }
        for step in range(steps):
            values[f"input.{step}"] = tokens(randoms, vocabulary, batch, time)
            values[f"labels.{step}"] = tokens(randoms, vocabulary, batch * time)
        return values

    def evaluate(values, kinks):
        dtype = values["param.host.norm.weight"].dtype
        host, seed = (module.to(dtype) for module in make_modules())
        load(host, values, "param.host.")
        load(seed, values, "param.seed.")

        def slot(features):
            grown = seed(features)
            if algorithm == "multiply":
                return features * (1 + alpha * torch.tanh(grown - features))
            return features + alpha * (grown - features)

        optimiser = torch.optim.AdamW([*host.parameters(), *seed.parameters()], **adamw)
        results, losses = {}, []
        for step in range(steps):
            optimiser.zero_grad()
            logits = host(values[f"input.{step}"], {0: slot})
            loss = functional.cross_entropy(logits.flatten(0, 1), values[f"labels.{step}"])
            loss.backward()
            losses.append(loss.detach())
            if step == 0:
                results["output.0"] = logits
                for prefix, module in (("host.", host), ("seed.", seed)):
                    for key, grad in gradients(module, "grad." + prefix).items():
                        results[key] = grad.clone()
            optimiser.step()
        for prefix, module in (("host.", host), ("seed.", seed)):
            for key, tensor in module.named_parameters():
                results[f"after{steps}.{prefix}{key}"] = tensor.detach().clone()
        results["losses"] = torch.stack(losses)
        return results

    options = dict(sizes, batch=batch, time=time, steps=steps, slot="r0c0", blueprint=blueprint)
    options.update(algorithm=algorithm, alpha=alpha, lr=adamw["lr"], eps=adamw["eps"])
    options.update(weight_decay=adamw["weight_decay"])
    if float32:
        options["tolerance.float32"] = float32
        options["reason.tolerance.float32"] = "of this draw PyTorch's own float32 loses more than of others"
    record(f"transformer_training/{blueprint}_{algorithm}", options, make_inputs, evaluate, ROUNDING)


def record_transformers():
    for name, module_type in BLUEPRINTS.items():
        for shape in SHAPES:
            record_blueprint(name, module_type, *shape)
    for name, sizes in HOSTS.items():
        record_host(name, **sizes)
    record_steps("attention", "add", GROWN, batch=2)
    record_steps("mlp", "multiply", GROWN, batch=2)
    for blueprint in ("noop", "norm", "lora_large"):
        record_steps(blueprint, "add")
    record_steps("flex_attention", "add", float32=4e-5)
    for blueprint in ("lora", "attention", "mlp_small"):
        record_steps(blueprint, "multiply")
