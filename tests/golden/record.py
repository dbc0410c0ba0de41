#!/usr/bin/env python3
"""Records PyTorch's numbers for the tests: run it where PyTorch is, commit what it writes.

usage: record.py            writes every case next to this file (see README.md)
"""

import glob
import os
import sys
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

import torch  # noqa: E402

from recorder import (  # noqa: E402
    attention,
    blueprints,
    case,
    convolutions,
    dense,
    hosts,
    ops,
    optimisers,
    precision,
    pretrained,
    schedules,
    tensors,
    training,
    transformers,
)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for stale in glob.glob(os.path.join(case.ROOT, "*", "*.safetensors")):
        os.remove(stale)
    ops.record_ops()
    attention.record_attention()
    convolutions.record_convolutions()
    tensors.record_tensors()
    optimisers.record_optimisers()
    schedules.record_schedules()
    blueprints.record_blueprints()
    blueprints.record_gate_network()
    blueprints.record_blends()
    training.record_all_training()
    dense.record_rows()
    hosts.record_hosts()
    transformers.record_transformers()
    precision.record_precision()
    pretrained.record_pretrained()
    files = glob.glob(os.path.join(case.ROOT, "*", "*.safetensors"))
    total = sum(os.path.getsize(file) for file in files)
    print(f"{len(files)} cases, {total / 1e6:.2f} MB, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
