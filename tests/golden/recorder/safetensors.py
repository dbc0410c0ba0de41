"""Writes one safetensors file with the standard library and torch alone (no package)."""

import json
import os
import struct

import torch

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
}


def raw_bytes(tensor):
    """The tensor's elements, row-major and little-endian."""
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())


def write(path, tensors, metadata):
    """Writes tensors (name -> tensor) and metadata (name -> str), both in sorted order."""
    header = {"__metadata__": {name: metadata[name] for name in sorted(metadata)}}
    blobs = []
    offset = 0
    for name in sorted(tensors):
        blob = raw_bytes(tensors[name])
        header[name] = {
            "dtype": DTYPES[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for blob in blobs:
            file.write(blob)
