#!/usr/bin/env python3
"""The host of grow_transformer on tiny Shakespeare in PyTorch, or one of its checkpoints judged there.

text_in_pytorch.py DIR [--seed N] [--decay matrices|all] [--steps N] [--host CHECKPOINT]

DIR holds input.txt. Prints the loss on the validation and the test part as grow_transformer cuts them,
and nanoGPT's estimate, of which it draws twenty: the mean of 20 batches of 12 windows drawn from both.
"""
import argparse
import math
import os

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, LAYERS, HEADS, TIME, BATCH = 128, 4, 4, 64, 12


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, time, _ = x.shape
        q, k, v = (part.view(batch, time, HEADS, WIDTH // HEADS).transpose(1, 2)
                   for part in self.qkv(x).split(WIDTH, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(batch, time, WIDTH))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = Mlp()

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Host(nn.Module):
    """With the names of hosts::Transformer, and GPT-2's first values."""

    def __init__(self, vocabulary):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(TIME, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, 0, 0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        for block in self.blocks:
            for last in (block.attention.proj, block.mlp.fc2):
                nn.init.normal_(last.weight, 0, 0.02 / math.sqrt(2 * LAYERS))

    def forward(self, x):
        h = self.tokens(x) + self.positions.weight[:x.shape[1]]
        for block in self.blocks:
            h = block(h)
        return F.linear(self.norm(h), self.tokens.weight)


def loss_of(host, x, y):
    return F.cross_entropy(host(x).flatten(0, 1), y.flatten())


def drawn(part):
    at = torch.randint(len(part) - TIME, (BATCH,))
    return (torch.stack([part[i:i + TIME] for i in at]),
            torch.stack([part[i + 1:i + TIME + 1] for i in at]))


def train(host, part, steps, decay):
    spared = [p for p in host.parameters() if decay == "matrices" and p.dim() < 2]
    decayed = [p for p in host.parameters() if not (decay == "matrices" and p.dim() < 2)]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1},
                                   {"params": spared, "weight_decay": 0.0}], betas=(0.9, 0.99))
    rising = max(1, steps // 20)
    for step in range(steps):
        fallen = (step - rising) / max(1, steps - rising)
        for group in optimiser.param_groups:
            group["lr"] = (1e-3 * (step + 1) / (rising + 1) if step < rising
                           else 1e-4 + 9e-4 * 0.5 * (1 + math.cos(math.pi * fallen)))
        loss = loss_of(host, *drawn(part))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(host.parameters(), 1.0)
        optimiser.step()


@torch.no_grad()
def judge(host, validation, test):
    for name, part in (("validation", validation), ("test", test)):
        windows = (len(part) - 1) // TIME
        x = part[:windows * TIME].view(windows, TIME)
        y = part[1:windows * TIME + 1].view(windows, TIME)
        total = sum(loss_of(host, x[i:i + 128], y[i:i + 128]).item() * len(x[i:i + 128])
                    for i in range(0, windows, 128))
        print(f"{name} {total / windows:.4f}")
    both = torch.cat([validation, test])
    means = torch.tensor([sum(loss_of(host, *drawn(both)).item() for _ in range(20)) / 20
                          for _ in range(20)])
    print(f"estimates {means.mean():.4f} with a deviation of {means.std():.4f}, "
          f"from {means.min():.4f} to {means.max():.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decay", choices=("matrices", "all"), default="matrices")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--host", help="a checkpoint of grow_transformer, instead of training")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    with open(os.path.join(asked.folder, "input.txt"), encoding="utf-8") as file:
        text = file.read()
    ids = {character: i for i, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([ids[character] for character in text])
    first = len(tokens) - len(tokens) // 10
    second = first + (len(tokens) - first) // 2
    host = Host(len(ids))
    if asked.host:
        from safetensors.torch import load_file
        values = {name.removeprefix("host/"): value
                  for name, value in load_file(asked.host).items() if name.startswith("host/")}
        host.load_state_dict(values)
    else:
        train(host, tokens[:first], asked.steps, asked.decay)
    judge(host, tokens[first:second], tokens[second:])


if __name__ == "__main__":
    main()
