#!/usr/bin/env python3
"""Files of numbers that NumPy writes, and gradients that PyTorch computes, for `ebb check --against`.

    python3 Tests/References/make_foreign.py
        writes foreign.json beside this script: NPY and NPZ files in base64, with what is in them.
    python3 Tests/References/make_foreign.py MODEL.ebb DATA.csv OUT [--dtype float64] [--names torch]
        computes the gradients of the mean loss of a model of dense layers over all rows of a data file
        with PyTorch, and writes them to OUT (.npz, .npy for one vector, .safetensors).

Needs numpy; the second form torch and safetensors too.
"""
import argparse
import base64
import csv
import io
import json
import pathlib
import struct

import numpy as np


def entry(name, data, arrays):
    return {
        "name": name,
        "base64": base64.b64encode(data).decode(),
        "arrays": [
            {"name": key, "extents": list(a.shape), "elements": [repr(float(x)) for x in a.ravel()]}
            for key, a in arrays
        ],
    }


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version, allow_pickle=True)
    return out.getvalue()


def npz(arrays, compressed=False):
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **arrays)
    return out.getvalue()


def write_files():
    base = np.array([[0.5, -1.25, 3.0], [7.0, 1e-3, -0.0]])
    cube = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    good = []
    for kind in ["<f2", "<f4", "<f8", ">f4", ">f8", ">f2"]:
        array = base.astype(kind)
        good.append(entry(kind, npy(array), [("", array)]))
    for kind in ["i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4", "<u8", "?"]:
        array = (base + 2).astype(kind)
        good.append(entry(kind, npy(array), [("", array)]))
    for version in [(1, 0), (2, 0), (3, 0)]:
        good.append(entry(f"version {version[0]}", npy(base, version), [("", base)]))
    good.append(entry("fortran", npy(np.asfortranarray(base)), [("", base)]))
    good.append(entry("fortran cube", npy(np.asfortranarray(cube.astype(">f4"))), [("", cube)]))
    good.append(entry("scalar", npy(np.array(2.5)), [("", np.array(2.5))]))
    good.append(entry("empty", npy(np.zeros((0, 3))), [("", np.zeros((0, 3)))]))
    special = np.array([np.inf, -np.inf, 65504.0, 6e-8], dtype=np.float16)
    good.append(entry("half", npy(special), [("", special)]))
    arrays = {"hidden1.weight": base, "hidden1.bias": base[0].astype("f4"), "a/b": cube}
    good.append(entry("npz", npz(arrays), list(arrays.items())))
    good.append(entry("npz compressed", npz(arrays, True), list(arrays.items())))
    bad = [
        entry("objects", npy(np.array([1, "a"], dtype=object)), []),
        entry("structured", npy(np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])), []),
        entry("complex", npy(np.zeros(2, dtype="c8")), []),
        entry("text", npy(np.array(["a", "b"])), []),
    ]
    bomb = npz({"zeros": np.zeros(400_000)}, True)
    text = json.dumps({"good": good, "bad": bad, "bomb": base64.b64encode(bomb).decode()})
    path = pathlib.Path(__file__).with_name("foreign.json")
    path.write_text(text + "\n")
    print(f"{path}: {len(good)} files to read, {len(bad)} to refuse, {len(text)} bytes")


def read_model(path):
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["ebb"])


def write_gradients(options):
    import torch
    from safetensors.torch import load_file, save_file

    dtype = getattr(torch, options.dtype)
    description = read_model(options.model)
    tensors = {k: v.to(dtype).requires_grad_() for k, v in load_file(options.model).items()}
    schema = description["schema"]
    rows = list(csv.DictReader(open(options.data)))
    columns = []
    for feature in schema["features"]:
        if feature["kind"] == "constant":
            columns.append(np.zeros(len(rows), np.float32))
            continue
        assert feature["kind"] == "number", feature
        values = np.array([float(row[feature["name"]]) for row in rows])
        columns.append(((values - feature["mean"]) / feature["scale"]).astype(np.float32))
    h = torch.tensor(np.stack(columns, axis=1)).to(dtype)
    functions = {
        "identity": lambda x: x, "relu": torch.relu, "tanh": torch.tanh,
        "sigmoid": torch.sigmoid, "gelu": torch.nn.functional.gelu,
        "softplus": torch.nn.functional.softplus, "silu": torch.nn.functional.silu,
        "elu": torch.nn.functional.elu, "leaky-relu": torch.nn.functional.leaky_relu,
    }
    order = []
    for layer in description["network"]:
        if layer["kind"] == "dropout":
            continue
        assert layer["kind"] == "dense", layer
        name = layer["name"]
        order += [f"{name}.weight", f"{name}.bias"]
        a = h @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]
        h = functions[layer["settings"]["activation"]](a)
    target = schema["target"]
    if description["loss"] == "softmax-cross-entropy":
        labels = torch.tensor([target["classes"].index(row[target["name"]]) for row in rows])
        loss = torch.nn.functional.cross_entropy(h, labels)
    else:
        raise SystemExit(f"the loss {description['loss']} is not written down here")
    loss.backward()
    print("loss", loss.item())
    found = {name: tensors[name].grad for name in order}
    if options.names == "torch":
        found = {
            f"{2 * (i // 2)}.{name.split('.')[-1]}": found[name] for i, name in enumerate(order)
        }
    if options.names == "keras":
        found = {
            f"dense_{i // 2}/" + ("kernel" if g.ndim == 2 else "bias"): g.T if g.ndim == 2 else g
            for i, g in enumerate(found.values())
        }
    if options.out.endswith(".safetensors"):
        save_file({k: v.contiguous() for k, v in found.items()}, options.out)
    elif options.out.endswith(".npy"):
        np.save(options.out, np.concatenate([v.numpy().ravel() for v in found.values()]))
    else:
        np.savez_compressed(options.out, **{k: v.numpy() for k, v in found.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("data", nargs="?")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--names", default="ebb", choices=["ebb", "torch", "keras"])
    given = parser.parse_args()
    write_gradients(given) if given.out else write_files()
