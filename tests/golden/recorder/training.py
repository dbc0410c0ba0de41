"""Records the CNN host, and whole training steps of the host with a seed in slot r0c1."""

import torch
from torch.nn import functional

from .case import gradients, load, record
from .modules import BLUEPRINTS, CnnHost, blend

HOSTS = {
    "reference": dict(base=8, blocks=3, classes=10, pools=3, size=(32, 32), batch=2),
    "odd": dict(base=5, blocks=3, classes=7, pools=1, size=(9, 7), batch=3),
}
CONV_HEAVY = dict(blueprint="conv_heavy", stage="blending", algorithm="add", alpha=0.3, base=8)
CONV_SMALL = dict(blueprint="conv_small", stage="blending", algorithm="multiply", alpha=0.6, base=4)
CONV_LIGHT = dict(blueprint="conv_light", stage="training", algorithm="add", alpha=0.0, base=4)
SEEDED = {
    "conv_heavy_blending_isolated": dict(CONV_HEAVY, isolated=True, steps=3),
    "conv_heavy_blending_coupled": dict(CONV_HEAVY, isolated=False, steps=3),
    "conv_light_training": dict(CONV_LIGHT, isolated=True, steps=1),
    "conv_small_multiply": dict(CONV_SMALL, isolated=True, steps=1),
    "conv_small_multiply_coupled": dict(CONV_SMALL, isolated=False, steps=1),
}
SEED_SLOT_BLOCK = 1  # r0c1: row 0 is before the pool, column 1 is the second block
ROUNDING = "rounding accumulates over the depth of the network"


def statistics(module, prefix):
    return {
        prefix + name: tensor.clone()
        for name, tensor in module.named_buffers()
        if tensor.is_floating_point()
    }


def record_host(name, base, blocks, classes, pools, size, batch):
    def make_host():
        return CnnHost(base, blocks, classes, pools)

    def make_inputs(randoms):
        host = make_host()
        return {
            **randoms.parameters(host),
            **randoms.buffers(host),
            "input": randoms.normal(batch, 3, *size),
            "labels": randoms.labels(batch, classes),
        }

    def evaluate(values, kinks):
        host = make_host().to(values["input"].dtype)
        load(host, values)
        host.eval()
        with torch.no_grad():
            evaluated = host(values["input"], kinks)
        host.train()
        x = values["input"].clone().requires_grad_()
        logits = host(x, kinks)
        loss = functional.cross_entropy(logits, values["labels"])
        loss.backward()
        return {
            "output": logits,
            "output_eval": evaluated,
            "loss": loss.reshape(1),
            "grad_input": x.grad,
            **gradients(host),
            **statistics(host, "after."),
        }

    options = dict(base=base, blocks=blocks, classes=classes, pools=pools, batch=batch)
    options.update(height=size[0], width=size[1], parameters=sum(
        p.numel() for p in make_host().parameters()))
    record(f"host/{name}", options, make_inputs, evaluate, ROUNDING)


def record_training(name, blueprint, stage, algorithm, alpha, base, isolated, steps):
    """steps of SGD with momentum over host and seed together, another batch each step."""
    classes, size, batch = 10, (16, 16), 2
    channels = base * 2**SEED_SLOT_BLOCK
    sgd = dict(lr=0.05, momentum=0.9)

    def make_modules():
        return CnnHost(base, 3, classes), BLUEPRINTS[blueprint](channels)

    def make_inputs(randoms):
        host, seed = make_modules()
        values = {
            **randoms.parameters(host, "param.host."),
            **randoms.buffers(host, "buffer.host."),
            **randoms.parameters(seed, "param.seed."),
        }
        for step in range(steps):
            values[f"input.{step}"] = randoms.normal(batch, 3, *size)
            values[f"labels.{step}"] = randoms.labels(batch, classes)
        return values

    def evaluate(values, kinks):
        host, seed = (module.to(values["input.0"].dtype) for module in make_modules())
        load(host, values, "param.host.")
        load(seed, values, "param.seed.")
        amplitude = torch.tensor([alpha], dtype=values["input.0"].dtype)

        def slot(features):
            fed = features.detach() if isolated else features
            grown = seed(fed, kinks)
            if stage == "training":  # straight-through: the host's value, the seed's gradient
                return features + (grown - grown.detach())
            if isolated and algorithm != "multiply":  # beside the seed the whole gradient, not a share
                return blend(algorithm, fed, grown, fed, amplitude) + (features - fed)
            return blend(algorithm, features, grown, fed, amplitude)

        optimiser = torch.optim.SGD([*host.parameters(), *seed.parameters()], **sgd)
        results, losses = {}, []
        for step in range(steps):
            optimiser.zero_grad()
            logits = host(values[f"input.{step}"], kinks, {SEED_SLOT_BLOCK: slot})
            loss = functional.cross_entropy(logits, values[f"labels.{step}"])
            loss.backward()
            losses.append(loss.detach())
            if step == 0:
                results["output.0"] = logits
                for prefix, module in (("host.", host), ("seed.", seed)):
                    for key, grad in gradients(module, "grad." + prefix).items():
                        results[key] = grad.clone()
            optimiser.step()
            if step in (0, steps - 1):
                for prefix, module in (("host.", host), ("seed.", seed)):
                    for key, tensor in module.named_parameters():
                        results[f"after{step + 1}.{prefix}{key}"] = tensor.detach().clone()
                    results.update(statistics(module, f"after{step + 1}.{prefix}"))
        results["losses"] = torch.stack(losses)
        return results

    options = dict(base=base, blocks=3, classes=classes, batch=batch, steps=steps)
    options.update(height=size[0], width=size[1], slot="r0c1", blueprint=blueprint, stage=stage)
    options.update(algorithm=algorithm, alpha=alpha, isolated=str(isolated).lower(), **sgd)
    record(f"training/{name}", options, make_inputs, evaluate, ROUNDING)


def record_all_training():
    for name, options in HOSTS.items():
        record_host(name, **options)
    for name, options in SEEDED.items():
        record_training(name, **options)
