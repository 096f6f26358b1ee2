#!/usr/bin/env python3
"""The work of `ebb predict`, done by a peer: torch, sklearn or onnx.

usage: predict_peer.py prepare FOLDER           trains once, writes the three peers' model files
       predict_peer.py PEER csv FOLDER IN OUT   reads a CSV file, predicts, writes a CSV file
       predict_peer.py PEER memory FOLDER ROWS  prints rowsPerSecond and microsecondsPerRow

The model is 64-128-10 with ReLU on standardized columns, trained by scikit-learn on the digits;
PyTorch and ONNX Runtime get the same numbers.
"""

import json
import os
import pickle
import sys
import time


def prepare(folder: str) -> None:
    import numpy as np
    import onnx
    import pandas
    import torch
    from onnx import TensorProto, helper, numpy_helper
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from tables import DIGITS

    table = pandas.read_csv(DIGITS)
    features = table.drop(columns="digit").to_numpy(np.float32)
    network = MLPClassifier((128,), max_iter=15, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(features, table["digit"])
    with open(os.path.join(folder, "model.pickle"), "wb") as file:
        pickle.dump(model, file)

    scaler = model[0]
    numbers = {"mean": scaler.mean_, "scale": scaler.scale_}
    for index, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_)):
        numbers |= {f"weights{index}": weights, f"bias{index}": bias}
    numbers = {name: value.astype(np.float32) for name, value in numbers.items()}
    tensors = {name: torch.from_numpy(value) for name, value in numbers.items()}
    torch.save(tensors, os.path.join(folder, "model.pt"))

    nodes = [
        helper.make_node("Sub", ["rows", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["standardized"]),
        helper.make_node("Gemm", ["standardized", "weights0", "bias0"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["activation"]),
        helper.make_node("Gemm", ["activation", "weights1", "bias1"], ["output"]),
        helper.make_node("ArgMax", ["output"], ["digit"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, features.shape[1]])],
        [helper.make_tensor_value_info("digit", TensorProto.INT64, [None])],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(
        helper.make_model(graph, opset_imports=opset, ir_version=8),
        os.path.join(folder, "model.onnx"),
    )


def load(peer: str, folder: str):
    """A function from a float32 matrix to an array of classes."""
    if peer == "sklearn":
        with open(os.path.join(folder, "model.pickle"), "rb") as file:
            return pickle.load(file).predict
    if peer == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(
            os.path.join(folder, "model.onnx"), providers=["CPUExecutionProvider"]
        )
        return lambda rows: session.run(None, {"rows": rows})[0]
    import torch

    tensors = torch.load(os.path.join(folder, "model.pt"))
    first = torch.nn.Linear(*tensors["weights0"].shape)
    second = torch.nn.Linear(*tensors["weights1"].shape)
    for layer, index in ((first, 0), (second, 1)):
        layer.weight.data = tensors[f"weights{index}"].T.contiguous()
        layer.bias.data = tensors[f"bias{index}"]
    network = torch.nn.Sequential(first, torch.nn.ReLU(), second)
    mean, scale = tensors["mean"], tensors["scale"]

    def predict(rows):
        with torch.inference_mode():
            return network((torch.from_numpy(rows) - mean) / scale).argmax(1).numpy()

    return predict


def predict_file(peer: str, folder: str, source: str, target: str) -> None:
    import numpy as np
    import pandas

    rows = pandas.read_csv(source, dtype=np.float32).to_numpy()
    predictions = load(peer, folder)(np.ascontiguousarray(rows))
    pandas.DataFrame({"prediction": predictions}).to_csv(target, index=False)


def predict_memory(peer: str, folder: str, count: int) -> None:
    import numpy as np

    predict = load(peer, folder)
    rows = np.random.default_rng(0).random((count, 64), dtype=np.float32) * 16

    def seconds(batch, repetitions: int) -> float:
        predict(batch)
        start = time.perf_counter()
        for _ in range(repetitions):
            predict(batch)
        return (time.perf_counter() - start) / repetitions

    whole, one = seconds(rows, 5), seconds(rows[:1].copy(), 500)
    print(json.dumps({"rowsPerSecond": count / whole, "microsecondsPerRow": one * 1e6}))


def main(arguments: list[str]) -> None:
    match arguments:
        case ["prepare", folder]:
            prepare(folder)
        case ["torch" | "sklearn" | "onnx" as peer, "csv", folder, source, target]:
            predict_file(peer, folder, source, target)
        case ["torch" | "sklearn" | "onnx" as peer, "memory", folder, count]:
            predict_memory(peer, folder, int(count))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
