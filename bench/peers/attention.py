#!/usr/bin/env python3
"""PyTorch's attention over what one layer gave, forward and backward.

The peer of bench/attention: batch, time, 3 * 384 numbers, 6 heads of 64, causal with PyTorch's own
kernel (flash attention on the CPU), or a window of 64 as a boolean mask: flex_attention has no way
back on a CPU. One line of JSON per measurement.
"""

import argparse

import peer

HEADS = 6
WIDTH = 384


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    peer.add_arguments(parser)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--case", default="T256", help="T<time>[_window<keys>][_forward]")
    parser.add_argument(
        "--layout", choices=("views", "contiguous"), default="views", help="of the heads"
    )
    return parser.parse_args()


def make_step(torch, options):
    from torch.nn import functional

    parts = options.case.split("_")
    time = int(parts[0][1:])
    windows = [int(part[6:]) for part in parts if part.startswith("window")]
    mask = None
    if windows:
        distance = torch.arange(time)[:, None] - torch.arange(time)[None, :]
        mask = (distance >= 0) & (distance < windows[0])

    def split(part):
        heads = part.view(options.batch, time, HEADS, WIDTH // HEADS).transpose(1, 2)
        return heads.contiguous() if options.layout == "contiguous" else heads

    def attend(x):
        q, k, v = (split(part) for part in x.chunk(3, -1))
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return y.transpose(1, 2).reshape(options.batch, time, WIDTH)

    run = torch.compile(attend) if options.compile else attend
    x = torch.randn(options.batch, time, 3 * WIDTH, requires_grad="forward" not in parts)
    upstream = torch.randn(options.batch, time, WIDTH)

    def step():
        x.grad = None
        y = run(x)
        if x.requires_grad:
            y.backward(upstream)
        return y

    return step


def main():
    options = arguments()
    name = f"attention/{options.case}/batch:{options.batch}/threads:{options.threads}"
    peer.measure(options, name, make_step)


if __name__ == "__main__":
    main()
