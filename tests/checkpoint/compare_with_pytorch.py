"""Reads checkpoints with the safetensors package and PyTorch, and computes their logits anew.

Usage: compare_with_pytorch.py FOLDER PROGRAM. PROGRAM (kasmina_write_checkpoints) has written a
checkpoint of every stage and the logits of each into FOLDER; then PyTorch writes weights, and
PROGRAM loads them.
"""

import json
import pathlib
import subprocess
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))
from recorder import modules  # noqa: E402

TOLERANCE = 1e-5


class Kinks:
    """What the golden networks ask for where a gradient would have a kink."""

    relu = staticmethod(torch.relu)

    @staticmethod
    def max_pool(x):
        return torch.nn.functional.max_pool2d(x, 2)


def strict_load(module, tensors, prefix):
    """Fills a module with the tensors below a prefix; all of both, but PyTorch's own counters."""
    state = {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected, (prefix, unexpected)
    assert all(name.endswith("num_batches_tracked") for name in missing), (prefix, missing)
    return module.eval()


class LayerScaled(torch.nn.Module):
    """A blueprint with its option `layer_scale`: the branch beside the input times a scale."""

    def __init__(self, seed, channels):
        super().__init__()
        self.seed = seed
        self.scale = torch.nn.Parameter(torch.zeros(channels))

    def forward(self, x, kinks):
        return x + self.scale[:, None, None] * (self.seed(x, kinks) - x)

    def load_state_dict(self, state, strict=True):
        state = dict(state)
        self.scale.data = state.pop("scale")
        return self.seed.load_state_dict(state, strict=strict)


def has_layer_scale(slot):
    return any(option["name"] == "layer_scale" and option["value"]["flag"]
               for option in slot["seed"]["blueprint_options"])


def seed_of(slot, tensors):
    """The function of a slot that is heard; none for one that is not."""
    if slot["stage"] not in ("blending", "holding", "fossilized"):
        return None
    prefix = f"slots/{slot['name']}/"
    width = slot["width"]
    module = modules.BLUEPRINTS[slot["record"]["blueprint"]](width)
    if has_layer_scale(slot):
        module = LayerScaled(module, width)
    strict_load(module, tensors, prefix + "seed/")
    algorithm = slot["seed"]["blend"]["algorithm"]
    gate_network = None
    if algorithm == "gate":
        gate_network = strict_load(modules.GateNetwork(width), tensors, prefix + "gate/")
    alpha = torch.tensor(slot["alpha"]["alpha"])

    def run(x):
        gate = gate_network(x, Kinks) if gate_network is not None else None
        return modules.blend(algorithm, x, module(x, Kinks), x, alpha, gate)

    return run


def host_of(tensors, prefix):
    host = modules.CnnHost(base=4, blocks=3, classes=3)
    return strict_load(host, tensors, prefix)


def logits_of(path):
    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}
    table = json.loads(metadata["kasmina"])
    assert table["schema"] == 2 and table["parts"] == ["model", "learner"], table
    slots = json.loads(metadata["kasmina/model"])["slots"]
    # Slots before the pools: their blocks by number. The others hold nothing that is heard.
    heard = {}
    for slot in slots:
        run = seed_of(slot, tensors)
        if run is not None:
            assert slot["name"].startswith("r0c"), slot["name"]
            heard[int(slot["name"][3:])] = run
    return host_of(tensors, "host/"), heard, [slot["stage"] for slot in slots]


def largest_difference(host, heard, given):
    images = given["input"].permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = host(images, Kinks, heard)
    return (logits - given["logits"]).abs().max().item()


def main():
    folder, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    subprocess.run([program, folder], check=True)
    stages = set()
    worst = 0.0
    checkpoints = sorted(folder.glob("stage_*.safetensors"))
    assert len(checkpoints) == 14, checkpoints
    for path in checkpoints:
        host, heard, found = logits_of(path)
        stages.update(found)
        given = load_file(folder / path.name.replace("stage_", "logits_"))
        difference = largest_difference(host, heard, given)
        assert difference <= TOLERANCE, (path.name, difference)
        worst = max(worst, difference)
    expected = {"dormant", "germinated", "training", "blending", "holding", "fossilized",
                "embargoed", "resetting"}
    assert expected <= stages, expected - stages
    print(f"{len(checkpoints)} checkpoints, {len(stages)} stages: logits differ by at most {worst:.1e}")

    torch.manual_seed(3)
    host = modules.CnnHost(base=4, blocks=3, classes=3)
    optimiser = torch.optim.SGD(host.parameters(), lr=0.1)
    for _ in range(5):
        images = torch.randn(8, 3, 8, 8)
        loss = torch.nn.functional.cross_entropy(host(images, Kinks), torch.arange(8) % 3)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    host.eval()
    for kind in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        state = {name: value.to(kind) if value.is_floating_point() else value
                 for name, value in host.state_dict().items()}
        save_file(state, folder / "pytorch.safetensors", metadata={"format": "pt"})
        subprocess.run([program, folder, "--load"], check=True, stdout=subprocess.DEVNULL)
        same = modules.CnnHost(base=4, blocks=3, classes=3)
        same.load_state_dict({name: value.float() if value.is_floating_point() else value
                              for name, value in state.items()})
        given = load_file(folder / "logits_of_pytorch.safetensors")
        difference = largest_difference(same.eval(), {}, given)
        assert difference <= TOLERANCE, (kind, difference)
        print(f"PyTorch's weights as {kind}: logits differ by at most {difference:.1e}")


main()
