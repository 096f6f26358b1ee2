"""The five networks that Ebb and its peers train, and what one step of each must cost."""

from dataclasses import dataclass

ROWS = 12_800
FLOAT = 4


@dataclass(frozen=True)
class Workload:
    """One network of ReLU layers with softmax cross-entropy, its batch and its optimizer.

    `required` and `hoped` are the ratios to the best peer that Ebb aims at.
    """

    layers: str
    batch: int
    optimizer: str
    required: float = 0.0
    hoped: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.layers}, {self.batch}, {'SGD' if self.optimizer == 'sgd' else 'Adam'}"

    @property
    def widths(self) -> list[int]:
        return [int(width) for width in self.layers.split("-")]

    @property
    def parameters(self) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self.pairs)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self.widths, self.widths[1:]))

    @property
    def forward_operations(self) -> int:
        """Multiplications and additions of the forward products."""
        return 2 * self.batch * sum(inputs * outputs for inputs, outputs in self.pairs)

    @property
    def backward_operations(self) -> int:
        """Those of the backward products: the gradient with respect to the data is not needed."""
        first_inputs, first_outputs = self.pairs[0]
        return 2 * self.forward_operations - 2 * self.batch * first_inputs * first_outputs

    @property
    def operations(self) -> int:
        return self.forward_operations + self.backward_operations

    @property
    def optimizer_bytes(self) -> int:
        """What any optimizer reads and writes in a step: parameters, and Adam's two moments."""
        values = 1 if self.optimizer == "sgd" else 3
        return 2 * values * self.parameters * FLOAT

    @property
    def memory_allowed(self) -> int:
        """Bytes: parameters, gradients, the optimizer's slots, activations, data and 30 MB.

        The activations are one batch of inputs, and of every layer's values and gradients.
        """
        slots = 0 if self.optimizer == "sgd" else 2
        state = self.parameters * (1 + 1 + slots)
        activations = self.batch * (self.widths[0] + 2 * sum(self.widths[1:]))
        data = ROWS * (self.widths[0] + 1)
        return FLOAT * (state + activations + data) + 30_000_000

    def limit_seconds(self, operations_per_second: float, bytes_per_second: float) -> float:
        """The least time of a step: its products at the best rate, then the optimizer's bytes."""
        return self.operations / operations_per_second + self.optimizer_bytes / bytes_per_second


WORKLOADS = [
    Workload("784-128-10", 32, "sgd", 2.0, 2.5),
    Workload("64-32-10", 32, "sgd", 3.0, 4.0),
    Workload("784-128-10", 128, "adam", 1.6, 2.0),
    Workload("784-512-512-10", 128, "sgd", 1.4, 1.6),
    Workload("784-2048-2048-10", 512, "adam", 1.25, 1.25),
]


@dataclass(frozen=True)
class Product:
    """A matrix product C[m, n] = A[m, k] B[k, n], with A or B stored transposed."""

    m: int
    n: int
    k: int
    a_transposed: bool = False
    b_transposed: bool = False

    @property
    def form(self) -> str:
        if self.a_transposed:
            return "weight gradient"
        return "input gradient" if self.b_transposed else "forward"

    @property
    def operations(self) -> int:
        return 2 * self.m * self.n * self.k

    @property
    def size(self) -> str:
        return f"{self.m}×{self.n}×{self.k}"


LARGE = Product(2048, 2048, 2048)


def products(layers: str, batch: int) -> list[Product]:
    """The products of a training step, as `ebb bench --kernels` lists them."""
    pairs = Workload(layers, batch, "sgd").pairs
    forward = [Product(batch, outputs, inputs) for inputs, outputs in pairs]
    backward = [Product(batch, inputs, outputs, b_transposed=True) for inputs, outputs in pairs[1:]]
    weights = [Product(inputs, outputs, batch, a_transposed=True) for inputs, outputs in pairs]
    return forward + backward + weights
