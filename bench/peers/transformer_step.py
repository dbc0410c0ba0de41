#!/usr/bin/env python3
"""PyTorch's training step of a transformer of 6 x 384, alone and with a seed behind the fourth block.

The peer of bench/transformer_step: pre-norm blocks with PyTorch's own attention kernel, a head tied
to the token embedding, cross-entropy, AdamW. A seed is half blended in, or in training: behind the
host, with a lesson in each step through a frozen rest of the network. One line of JSON per
measurement.
"""

import argparse

import peer

WIDTH, HEADS, LAYERS, SEED_HEADS = 384, 6, 6, 4
SLOT, ALPHA = 4, 0.5  # behind so many blocks; how much of the seed is heard


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    peer.add_arguments(parser)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--case", default="T256_V256", help="T<time>_V<vocabulary>[+<blueprint>[/training]]")
    parser.add_argument("--layout", choices=("views",), default="views", help="of the heads")
    return parser.parse_args()


def make_step(torch, options):
    from torch import nn
    from torch.nn import functional

    sizes, _, seeded = options.case.partition("+")
    blueprint, _, stage = seeded.partition("/")
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
            return torch.lerp(x, self.norm(x), torch.tanh(self.scale))

    class Beside(nn.Module):
        """x + branch(x); the branch's last layer starts at 0."""

        def __init__(self, branch, last):
            super().__init__()
            self.branch = branch
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

        def forward(self, x):
            return x + self.branch(x)

    def lora(rank):
        branch = nn.Sequential(
            nn.Linear(WIDTH, rank, bias=False), nn.Linear(rank, WIDTH, bias=False)
        )
        return Beside(branch, branch[-1])

    def attention():
        branch = Attention(SEED_HEADS)
        return Beside(branch, branch.proj)

    def wide(expansion):
        branch = mlp(expansion)
        return Beside(branch, branch[-1])

    seeds = {
        "": lambda: None,
        "noop": nn.Identity,
        "norm": Norm,
        "lora": lambda: lora(8),
        "lora_large": lambda: lora(32),
        "attention": attention,
        "flex_attention": attention,
        "mlp_small": lambda: wide(2),
        "mlp": lambda: wide(4),
    }

    def frozen(module, x):
        held = {name: value.detach() for name, value in module.named_parameters()}
        return torch.func.functional_call(module, held, (x,))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, WIDTH)
            self.positions = nn.Embedding(time, WIDTH)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm = nn.LayerNorm(WIDTH)
            self.seed = seeds[blueprint]()

        def forward(self, ids):
            """The logits, and the state that the slot sees."""
            x = self.tokens(ids) + self.positions.weight
            for block in self.blocks[:SLOT]:
                x = block(x)
            seen = x
            if self.seed is not None and stage != "training":
                x = torch.lerp(x, self.seed(x), ALPHA)
            for block in self.blocks[SLOT:]:
                x = block(x)
            return functional.linear(self.norm(x), self.tokens.weight), seen

        def lesson(self, seen):
            """The logits with the seed heard, behind which nothing learns."""
            x = torch.lerp(seen, self.seed(seen), ALPHA)
            for block in self.blocks[SLOT:]:
                x = frozen(block, x)
            return functional.linear(frozen(self.norm, x), self.tokens.weight.detach())

    network = Network()
    seed_parameters = [] if network.seed is None else list(network.seed.parameters())
    teaches = stage == "training" and seed_parameters
    ids = torch.randint(vocabulary, (options.batch, time))
    labels = torch.randint(vocabulary, (options.batch * time,))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def loss_of(ids, labels):
        logits, seen = network(ids)
        return functional.cross_entropy(logits.flatten(0, 1), labels), seen.detach()

    def lesson_of(seen, labels):
        return functional.cross_entropy(network.lesson(seen).flatten(0, 1), labels)

    run = torch.compile(loss_of) if options.compile else loss_of
    teach = torch.compile(lesson_of) if options.compile else lesson_of

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss, seen = run(ids, labels)
        loss.backward()
        if teaches:
            teach(seen, labels).backward()
        optimiser.step()
        return loss

    step.parameters = sum(parameter.numel() for parameter in network.parameters())
    return step


def main():
    options = arguments()
    name = f"transformer_step/{options.case}/batch:{options.batch}/threads:{options.threads}"
    peer.measure(options, name, make_step)


if __name__ == "__main__":
    main()
