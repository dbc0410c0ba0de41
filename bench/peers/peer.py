"""What the peers of the benchmarks share: how PyTorch is tuned, and how a step is measured."""

import gc
import json
import os
import statistics
import sys
import time

# Read by glibc and by OpenMP when the process starts: set them, then start over once.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",  # keep big buffers instead of unmapping them
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # transparent huge pages for the heap
    "OMP_PROC_BIND": "close",
    "OMP_PLACES": "cores",
}


def restart_tuned(threads):
    wanted = {**ENVIRONMENT, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.argv])


def add_arguments(parser):
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    parser.add_argument("--steps", type=int, default=10, help="timed steps per measurement")
    parser.add_argument("--warmup", type=int, default=3, help="untimed steps before them")
    parser.add_argument("--repeat", type=int, default=1, help="measurements (one line each)")
    parser.add_argument("--memory", action="store_true", help="also what a step holds at most")
    parser.add_argument("--untuned", action="store_true", help="leave allocator and pinning alone")


def peak_mib(torch, step):
    """What tensors hold at most during a step: those that are there before it, gradients apart, and
    what it allocates on top of them."""
    from torch.profiler import ProfilerActivity, profile

    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in gc.get_objects()
        if isinstance(tensor, torch.Tensor)
    }
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    held = most = sum(storages.values())
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":  # gradients that the step drops first are not among them
            held += event.nbytes()
            most = max(most, held)
    return most / 2**20


def measure(options, name, make_step):
    """Prints a line of JSON per measurement of make_step(torch, options)()."""
    if not options.untuned:
        restart_tuned(options.threads)
    import warnings

    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.autograd.set_multithreading_enabled(False)
    if options.threads == 1 and not options.untuned:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    step = make_step(torch, options)
    for _ in range(max(1, options.warmup)):
        step()
    for _ in range(options.repeat):
        times, cpu_times = [], []
        for _ in range(options.steps):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            step()
            times.append((time.perf_counter() - begin) * 1e3)
            cpu_times.append((time.process_time() - cpu_begin) * 1e3)
        result = {
            "name": name,
            "min_ms": min(times),
            "median_ms": statistics.median(times),
            "cpu_min_ms": min(cpu_times),
            "cpu_median_ms": statistics.median(cpu_times),
            "steps": options.steps,
            "torch": torch.__version__,
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
            "layout": options.layout,
            "mode": "compile" if options.compile else "eager",
            "flush_denormals": True,
            "pinned": not options.untuned,
            "environment": {} if options.untuned else ENVIRONMENT,
        }
        if hasattr(step, "parameters"):
            result["parameters"] = step.parameters
        if options.memory:
            result["peak_mib"] = peak_mib(torch, step)
        print(json.dumps(result), flush=True)
