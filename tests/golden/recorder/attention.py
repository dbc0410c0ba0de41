"""Records attention: forward and gradients under masks and functions of the score."""

import math

import torch
from torch.nn import functional

from .ops import record_op


def heads_of(tensor, heads):
    """(batch, time, width) as (batch, heads, time, size)."""
    batch, time, width = tensor.shape
    return tensor.view(batch, time, heads, width // heads).transpose(1, 2)


def kept(mask, queries, keys, number, documents):
    """(queries, keys) or (batch, 1, queries, keys); the last query stands at the last key."""
    query = torch.arange(queries)[:, None] + keys - queries
    key = torch.arange(keys)[None, :]
    causal = key <= query
    if mask == "none":
        return torch.ones_like(causal)
    if mask == "causal":
        return causal
    if mask == "sliding":
        return causal & (query - key < number)
    if mask == "prefix":
        return causal | (key < number)
    assert mask == "document"
    return (causal & (documents[:, :, None] == documents[:, None, :]))[:, None]


def attend(q, k, v, mask, score, heads, number):
    """scaled_dot_product_attention, or the same in its parts where the score is bent."""
    q, k, v = (heads_of(tensor, heads) for tensor in (q, k, v))
    bias = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, -math.inf)
    if score == "alibi":
        slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1, dtype=torch.float64) / heads)
        distance = torch.arange(q.shape[2])[:, None] - torch.arange(k.shape[2])[None, :]
        distance = distance + k.shape[2] - q.shape[2]
        bias = bias - (slopes[:, None, None] * distance).to(q.dtype)
    if score == "soft_cap":
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        y = torch.softmax(number * torch.tanh(scores / number) + bias, dim=-1) @ v
    else:
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    return y.transpose(1, 2).flatten(2)


def record_attention():
    # (mask, number of the mask, score, number of the score, batch, queries, keys, width, heads)
    cases = (
        ("causal", 0, "none", 0.0, 1, 1, 1, 1, 1),
        ("causal", 0, "none", 0.0, 2, 7, 7, 26, 2),
        ("causal", 0, "none", 0.0, 1, 70, 70, 24, 3),
        ("causal", 0, "none", 0.0, 2, 3, 9, 10, 2),
        ("none", 0, "none", 0.0, 2, 5, 11, 9, 3),
        ("sliding", 3, "none", 0.0, 1, 13, 13, 8, 2),
        ("prefix", 4, "none", 0.0, 2, 9, 9, 8, 4),
        ("document", 0, "none", 0.0, 2, 12, 12, 6, 2),
        ("causal", 0, "alibi", 0.0, 1, 11, 11, 20, 4),
        ("sliding", 20, "alibi", 0.0, 1, 67, 67, 9, 3),
        ("causal", 0, "soft_cap", 1.5, 2, 8, 8, 12, 2),
    )
    for mask, number, score, cap, batch, queries, keys, width, heads in cases:
        alone = queries == keys

        def make_inputs(randoms):
            values = {"grad_output": randoms.normal(batch, queries, width)}
            if alone:
                values["input"] = randoms.normal(batch, queries, 3 * width)
            else:
                values["input"] = randoms.normal(batch, queries, width)
                values["param.k"] = randoms.normal(batch, keys, width)
                values["param.v"] = randoms.normal(batch, keys, width)
            if mask == "document":
                values["documents"] = randoms.labels(batch * keys, 3).view(batch, keys).sort().values
            return values

        def forward(v, kinks):
            q, k, value = v["input"].chunk(3, -1) if alone else (v["input"], v["param.k"], v["param.v"])
            keep = kept(mask, queries, keys, number, v.get("documents"))
            return attend(q, k, value, keep, score, heads, cap)

        record_op(
            f"attention/{mask}_{score}_b{batch}_q{queries}_k{keys}_w{width}_h{heads}",
            {"mask": mask, "number": number, "score": score, "cap": cap, "heads": heads},
            make_inputs,
            forward,
        )
