"""Records learning rates of PyTorch's schedulers, relative to the rate they are given."""

import warnings

import torch
from torch.optim import lr_scheduler

from .case import record

COUNT = 40

CASES = {
    "step": lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.3),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=30, eta_min=0.05),
    "linear": lambda o: lr_scheduler.LinearLR(o, start_factor=0.1, end_factor=0.9, total_iters=12),
    "warm_up_cosine": lambda o: lr_scheduler.SequentialLR(
        o,
        [
            lr_scheduler.LinearLR(o, start_factor=0.25, total_iters=6),
            lr_scheduler.CosineAnnealingLR(o, T_max=34),
        ],
        milestones=[6],
    ),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=COUNT),
    "one_cycle_linear": lambda o: lr_scheduler.OneCycleLR(
        o,
        max_lr=1.0,
        total_steps=COUNT,
        pct_start=0.4,
        anneal_strategy="linear",
        div_factor=10.0,
        final_div_factor=100.0,
    ),
    "one_cycle_three_phase": lambda o: lr_scheduler.OneCycleLR(
        o, max_lr=1.0, total_steps=COUNT, pct_start=0.35, three_phase=True
    ),
}


def record_schedules():
    warnings.filterwarnings("ignore", module="torch.optim.lr_scheduler")
    for name, make in CASES.items():

        def evaluate(values, kinks, make=make):
            leaf = values["param"].clone().requires_grad_()
            optimiser = torch.optim.SGD([leaf], lr=1.0)
            schedule = make(optimiser)
            rates = []
            for _ in range(COUNT):
                rates.append(optimiser.param_groups[0]["lr"])
                leaf.grad = torch.zeros_like(leaf)
                optimiser.step()
                schedule.step()
            return {"rates": torch.tensor(rates, dtype=torch.float64)}

        record(f"schedule/{name}", {}, lambda randoms: {"param": randoms.normal(1)}, evaluate)
