"""Records optimisers over 20 steps with given gradients, and clipping by global norm."""

import torch

from .case import record

SHAPES = {"bias": (3,), "linear": (4, 2), "conv": (2, 1, 3, 3)}
STEPS = 20

SGD_CASES = {
    "plain": dict(lr=0.1),
    "decay": dict(lr=0.1, weight_decay=0.05),
    "momentum": dict(lr=0.05, momentum=0.9),
    "momentum_decay": dict(lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov_decay": dict(lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True),
}
ADAMW_CASES = {
    "defaults": dict(lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01),
    "strong": dict(lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "no_decay": dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0),
    "matrices": dict(lr=0.02, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.2, decayed="matrices"),
}
STATE_NAMES = {"momentum_buffer": "momentum", "exp_avg": "first", "exp_avg_sq": "second"}


def flat_options(options):
    flat = dict(options)
    if "betas" in flat:
        flat["beta1"], flat["beta2"] = flat.pop("betas")
    if "nesterov" in flat:
        flat["nesterov"] = "true"
    return flat


def groups_of(leaves, options):
    """Groups of parameters, and options for all: with decayed = "matrices" two, the second without
    decay."""
    options = dict(options)
    if options.pop("decayed", "all") == "all":
        return leaves, options
    spared = [leaf for leaf in leaves if leaf.dim() < 2]
    decayed = [leaf for leaf in leaves if leaf.dim() >= 2]
    return [{"params": decayed}, {"params": spared, "weight_decay": 0.0}], options


def record_optimiser(path, optimiser_type, options):
    """'grad.<name>' is (20, ...): the gradient of each step; 'after.<name>' the parameter after
    each; 'state.<moment>.<name>' what the optimiser holds after the last."""

    def make_inputs(randoms):
        values = {"param." + n: randoms.normal(*shape) for n, shape in SHAPES.items()}
        for name, shape in SHAPES.items():
            values["grad." + name] = randoms.normal(STEPS, *shape)
        return values

    def evaluate(values, kinks):
        leaves = {n: values["param." + n].clone().requires_grad_() for n in SHAPES}
        groups, shared = groups_of(list(leaves.values()), options)
        optimiser = optimiser_type(groups, foreach=False, **shared)
        trajectory = {n: [] for n in SHAPES}
        for step in range(STEPS):
            for name, leaf in leaves.items():
                leaf.grad = values["grad." + name][step].clone()
            optimiser.step()
            for name, leaf in leaves.items():
                trajectory[name].append(leaf.detach().clone())
        results = {"after." + n: torch.stack(points) for n, points in trajectory.items()}
        for name, leaf in leaves.items():
            for key, moment in optimiser.state[leaf].items():
                if key in STATE_NAMES and moment is not None:
                    results[f"state.{STATE_NAMES[key]}.{name}"] = moment
        return results

    kind = "sgd" if optimiser_type is torch.optim.SGD else "adamw"
    record(
        path, {"optimiser": kind, "steps": STEPS, **flat_options(options)}, make_inputs, evaluate
    )


def record_clipping():
    for name, max_norm in (("above", 1.0), ("below", 100.0)):

        def make_inputs(randoms):
            return {"grad." + n: randoms.normal(*shape) for n, shape in SHAPES.items()}

        def evaluate(values, kinks):
            leaves = {n: torch.zeros_like(values["grad." + n]) for n in SHAPES}
            for n, leaf in leaves.items():
                leaf.requires_grad_()
                leaf.grad = values["grad." + n].clone()
            norm = torch.nn.utils.clip_grad_norm_(list(leaves.values()), max_norm)
            return {
                "norm": norm.reshape(1),
                **{"clipped." + n: leaf.grad for n, leaf in leaves.items()},
            }

        record(f"optimiser/clip_{name}", {"max_norm": max_norm}, make_inputs, evaluate)


def record_sparse():
    """An embedding whose gradient is sparse, stepped by SGD: 'labels' are the ids of each step,
    'after.weight' is (5, 9, 7); 'ids' and 'rows' are the gradient of the last step."""
    steps = 5

    def make_inputs(randoms):
        return {
            "param.weight": randoms.normal(9, 7),
            "labels": randoms.labels(steps * 6, 9).reshape(steps, 6),
            "grad_output": randoms.normal(steps, 6, 7),
        }

    def evaluate(values, kinks):
        table = torch.nn.Embedding(9, 7, sparse=True, dtype=values["param.weight"].dtype)
        with torch.no_grad():
            table.weight.copy_(values["param.weight"])
        optimiser = torch.optim.SGD(table.parameters(), lr=0.3)
        points = []
        for step in range(steps):
            optimiser.zero_grad()
            table(values["labels"][step]).backward(values["grad_output"][step])
            optimiser.step()
            points.append(table.weight.detach().clone())
        gradient = table.weight.grad.coalesce()
        return {
            "after.weight": torch.stack(points),
            "ids": gradient.indices()[0].to(values["param.weight"].dtype),
            "rows": gradient.values(),
        }

    record("optimiser/sparse_sgd", {"steps": steps, "lr": 0.3}, make_inputs, evaluate)


def record_optimisers():
    for name, options in SGD_CASES.items():
        record_optimiser(f"optimiser/sgd_{name}", torch.optim.SGD, options)
    for name, options in ADAMW_CASES.items():
        record_optimiser(f"optimiser/adamw_{name}", torch.optim.AdamW, options)
    record_sparse()
    record_clipping()
