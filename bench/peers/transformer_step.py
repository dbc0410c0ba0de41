#!/usr/bin/env python3
"""PyTorch's training step of a transformer of 6 x 384, alone and with a seed half blended in.

The peer of bench/transformer_step: pre-norm blocks with PyTorch's own attention kernel, a head tied
to the token embedding, cross-entropy, AdamW. One line of JSON per measurement.
"""

import argparse

import peer

WIDTH, HEADS, LAYERS, SEED_HEADS = 384, 6, 6, 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    peer.add_arguments(parser)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--case", default="T256_V256", help="T<time>_V<vocabulary>[+<blueprint>]")
    parser.add_argument("--layout", choices=("views",), default="views", help="of the heads")
    return parser.parse_args()


def make_step(torch, options):
    from torch import nn
    from torch.nn import functional

    sizes, _, blueprint = options.case.partition("+")
    time, vocabulary = (int(part[1:]) for part in sizes.split("_"))

    class Attention(nn.Module):
        def __init__(self, heads):
            super().__init__()
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.proj = nn.Linear(WIDTH, WIDTH)
            self.heads = heads

        def forward(self, x):
            batch, length, _ = x.shape
            q, k, v = (
                part.view(batch, length, self.heads, -1).transpose(1, 2)
                for part in self.qkv(x).chunk(3, -1)
            )
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.proj(y.transpose(1, 2).reshape(batch, length, WIDTH))

    def mlp(expansion):
        return nn.Sequential(
            nn.Linear(WIDTH, expansion * WIDTH), nn.GELU(), nn.Linear(expansion * WIDTH, WIDTH)
        )

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention(HEADS)
            self.norm2, self.mlp = nn.LayerNorm(WIDTH), mlp(4)

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.scale = nn.LayerNorm(WIDTH), nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return torch.tanh(self.scale) * (self.norm(x) - x)

    def lora(rank):
        return nn.Sequential(
            nn.Linear(WIDTH, rank, bias=False), nn.Linear(rank, WIDTH, bias=False)
        )

    branches = {
        "": lambda: None,
        "noop": lambda: None,
        "norm": Norm,
        "lora": lambda: lora(8),
        "lora_large": lambda: lora(32),
        "attention": lambda: Attention(SEED_HEADS),
        "flex_attention": lambda: Attention(SEED_HEADS),
        "mlp_small": lambda: mlp(2),
        "mlp": lambda: mlp(4),
    }

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, WIDTH)
            self.positions = nn.Embedding(time, WIDTH)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm = nn.LayerNorm(WIDTH)
            self.branch = branches[blueprint]()

        def forward(self, ids):
            x = self.tokens(ids) + self.positions.weight
            for index, block in enumerate(self.blocks):
                x = block(x)
                if index == 3 and self.branch is not None:
                    x = torch.lerp(x, x + self.branch(x), 0.5)
            return functional.linear(self.norm(x), self.tokens.weight)

    network = Network()
    ids = torch.randint(vocabulary, (options.batch, time))
    labels = torch.randint(vocabulary, (options.batch * time,))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def loss_of(ids, labels):
        return functional.cross_entropy(network(ids).flatten(0, 1), labels)

    run = torch.compile(loss_of) if options.compile else loss_of

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = run(ids, labels)
        loss.backward()
        optimiser.step()
        return loss

    return step


def main():
    options = arguments()
    name = f"transformer_step/{options.case}/batch:{options.batch}/threads:{options.threads}"
    peer.measure(options, name, make_step)


if __name__ == "__main__":
    main()
