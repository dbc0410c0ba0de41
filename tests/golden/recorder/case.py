"""One recorded case: inputs exact in float32, results in float64, tolerances that are measured.

The results are computed once in float64 and stored so. As the inputs are exact in float32, the
same file judges both precisions: a float32 implementation is compared with what exact arithmetic
would give. PyTorch's own float32 error is measured per tensor; where it is near the default
tolerance the file states a wider one, and why.
"""

import math
import os
import zlib

import torch

from . import safetensors

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

DEFAULT_TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
# PyTorch's own float32 error may use this share of the default tolerance before it is widened.
COMFORTABLE_SHARE = 0.2
# Gradients smaller than this share of the upstream one cancel by algebra (GroupNorm takes out the
# scale of what precedes it, or all of it in a group of one value): compared on the upstream scale.
CANCELLED = 1e-3
# What rounding in float32 may amount to where a normalised group holds a single value.
AMPLIFIED_ERROR = 316 * 2.0**-23
# No value that decides a branch (ReLU's sign, the pool's winner) lies nearer to it than this.
KINK_MARGIN = 2e-5
# At least this share of every ReLU's outputs is alive, so that no recorded gradient is idle.
ALIVE_SHARE = 0.25
# Weights with more elements than this have values exact in bfloat16 and are stored as such.
LARGE_INPUT = 4000
# Results with more elements than this are thinned to at most that many by a stride.
LARGE_RESULT = 2000
THINNED_RESULT = 1000
PARAMETER_PREFIXES = ("param.", "grad.", "buffer.", "after", "clipped.", "state.")


class Kinks:
    """Watches how near the values come to a point where the gradient jumps."""

    def __init__(self):
        self.margin = math.inf
        self.alive = 1.0

    @property
    def harmless(self):
        return self.margin > KINK_MARGIN and self.alive >= ALIVE_SHARE

    def relu(self, x):
        self.alive = min(self.alive, (x.detach() > 0).double().mean().item())
        self.margin = min(self.margin, x.detach().abs().min().item())
        return torch.relu(x)

    def max_pool(self, x):
        """2x2, stride 2, an odd last row or column is dropped; x comes out of a ReLU or is raw."""
        batch, channels, height, width = x.shape
        windows = x.detach()[:, :, : height // 2 * 2, : width // 2 * 2]
        windows = windows.unfold(2, 2, 2).unfold(3, 2, 2).reshape(-1, 4)
        best, second = windows.topk(2, dim=1).values.unbind(1)
        # Four zeros after a ReLU are a tie without consequence: no gradient passes the ReLU.
        gaps = (best - second)[(best != 0) | (second != 0)]
        if gaps.numel() > 0:
            self.margin = min(self.margin, gaps.min().item())
        return torch.nn.functional.max_pool2d(x, 2)


class Randoms:
    """Seeded random tensors whose values are exact in float32 (large weights: in bfloat16)."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape, scale=1.0, mean=0.0):
        values = torch.randn(*shape, generator=self.generator, dtype=torch.float64) * scale + mean
        exact = torch.bfloat16 if values.numel() > LARGE_INPUT else torch.float32
        return values.to(exact).to(torch.float64)

    def uniform(self, *shape, low, high):
        values = torch.rand(*shape, generator=self.generator, dtype=torch.float64)
        return (values * (high - low) + low).to(torch.float32).to(torch.float64)

    def labels(self, batch, classes):
        return torch.randint(classes, (batch,), generator=self.generator)

    def parameters(self, module, prefix="param."):
        """Values for every parameter of a module, none of them at its trivial start."""
        return {
            prefix + name: self.parameter(name, tensor.shape)
            for name, tensor in module.named_parameters()
        }

    def buffers(self, module, prefix="buffer."):
        """Running statistics as if some training had gone before."""
        values = {}
        for name, tensor in module.named_buffers():
            if name.endswith("running_mean"):
                values[prefix + name] = self.normal(*tensor.shape, scale=0.5)
            elif name.endswith("running_var"):
                values[prefix + name] = self.uniform(*tensor.shape, low=0.5, high=2.0)
        return values

    def parameter(self, name, shape):
        if name.endswith("norm.weight") or name.endswith(("norm1.weight", "norm2.weight")):
            return self.uniform(*shape, low=0.6, high=1.4)
        if len(shape) == 1:
            return self.normal(*shape, scale=0.5)
        fan_in = math.prod(shape[1:])
        return self.normal(*shape, scale=math.sqrt(2.0 / fan_in))


def load(module, values, prefix="param."):
    """Copies values of the given prefix into a module's parameters (and 'buffer.' ones)."""
    with torch.no_grad():
        for name, tensor in module.named_parameters():
            tensor.copy_(values[prefix + name])
        for name, tensor in module.named_buffers():
            key = prefix.replace("param.", "buffer.") + name
            if key in values:
                tensor.copy_(values[key])


def gradients(module, prefix="grad."):
    return {prefix + name: tensor.grad for name, tensor in module.named_parameters()}


def channels_last(name, tensor):
    """Feature maps are stored as (batch, height, width, channels), weights as PyTorch has them."""
    if tensor.dim() == 4 and not name.startswith(PARAMETER_PREFIXES):
        return tensor.permute(0, 2, 3, 1)
    return tensor


def cast(values, dtype):
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in values.items()
    }


def thinning(tensor):
    """Every how-many-th element of a large result is kept: a stride coprime to all extents, so
    that the sample visits every tap and channel."""
    stride = -(-tensor.numel() // THINNED_RESULT)
    while any(math.gcd(stride, extent) != 1 for extent in tensor.shape):
        stride += 1
    return stride


def compact(tensor):
    """The smallest stored type that holds an input exactly."""
    if not tensor.is_floating_point():
        return tensor
    narrow = tensor.to(torch.bfloat16 if tensor.numel() > LARGE_INPUT else torch.float32)
    assert torch.equal(narrow.to(torch.float64), tensor), "inputs must be exact as stored"
    return narrow


def record(path, options, make_inputs, evaluate, reason=None, amplified=False):
    """Records one case.

    make_inputs(Randoms) -> {name: float64 tensor}; evaluate(inputs, Kinks) -> {name: tensor}, run
    in the dtype of its inputs. Inputs are drawn again until no value is near a kink
    and every ReLU lets something through. amplified: a normalised group holds a single value, so
    that a rounding error comes out 1 / sqrt(eps) = 316 times as large.
    """
    first_seed = zlib.crc32(path.encode())
    for attempt in range(500):
        inputs = make_inputs(Randoms(first_seed + attempt))
        kinks = Kinks()
        results = evaluate(cast(inputs, torch.float64), kinks)
        if kinks.harmless:
            break
    else:
        raise RuntimeError(f"{path}: every draw is near a kink or kills a ReLU")
    single = evaluate(cast(inputs, torch.float32), Kinks())

    metadata = {
        "case": path,
        "torch": torch.__version__.split("+")[0],
        "seed": str(first_seed + attempt),
        "tolerance.float32": repr(DEFAULT_TOLERANCE["float32"]),
        "tolerance.float64": repr(DEFAULT_TOLERANCE["float64"]),
    }
    metadata.update({name: str(value) for name, value in options.items()})

    tensors = {}
    for name, tensor in inputs.items():
        tensors[name] = compact(channels_last(name, tensor))
    upstream = inputs["grad_output"].abs().max().item() if "grad_output" in inputs else 0.0
    for name, tensor in results.items():
        tensor = tensor.detach()
        difference = (single[name].detach().to(torch.float64) - tensor).abs().max().item()
        scale = tensor.abs().max().item()
        if name.startswith("grad") and scale < CANCELLED * upstream:
            scale = upstream
            metadata["scale." + name] = repr(scale)
            metadata["reason.scale." + name] = (
                "cancels by algebra: errors are taken relative to the largest upstream gradient"
            )
        error = max(difference / scale, AMPLIFIED_ERROR if amplified else 0.0)
        allowed = max(float(metadata["tolerance.float32"]), DEFAULT_TOLERANCE["float32"])
        if error > COMFORTABLE_SHARE * allowed:
            metadata["tolerance.float32." + name] = f"{error / COMFORTABLE_SHARE:.1e}"
            metadata["reason.tolerance.float32." + name] = (
                "a group of one value: rounding is amplified by 1 / sqrt(eps)"
                if amplified
                else f"PyTorch's own float32 result is off by {error:.1e}"
                + (f": {reason}" if reason else "")
            )
        stored = channels_last(name, tensor).contiguous()
        if stored.numel() > LARGE_RESULT:
            stride = thinning(stored)
            metadata["stride." + name] = str(stride)
            stored = stored.reshape(-1)[::stride]
        tensors[name] = stored
    safetensors.write(os.path.join(ROOT, path + ".safetensors"), tensors, metadata)
