import Ebb
import EbbGraph
import TestSupport

/// Derivative rules with one fault, and where a check has to find it.
struct PlantedFault: Sendable, CustomStringConvertible {
  let description: String
  /// The parameters whose gradients are wrong, at least.
  let tensors: [String]
  /// The only wrong element, if it is one.
  var element: String?
  let rules: @Sendable (Op) -> DerivativeRule

  /// Changes what the operands of some operations receive.
  init(
    _ description: String, in tensors: [String], element: String? = nil,
    where matches: @escaping @Sendable (Op) -> Bool,
    change:
      @escaping @Sendable (_ dx: Tensor, _ at: Application, _ dy: Tensor, _ slot: Int) -> Tensor
  ) {
    (self.description, self.tensors, self.element) = (description, tensors, element)
    rules = { op in
      guard matches(op) else { return op.rule }
      return .custom(
        vjp: { at, dy, slot in
          op.rule.contribution(at: at, dy: dy, slot: slot).map { change($0, at, dy, slot) }
        },
        jvp: { at, dx in op.rule.tangent(of: op, at: at, dx: dx) })
    }
  }

  /// A network of three dense layers with unequal widths and a square one, and its shapes.
  static let network = Network {
    Dense(12, activation: .tanh, biases: .uniform(low: -0.5, high: 0.5))
    Dense(12, activation: .relu, biases: .uniform(low: -0.5, high: 0.5))
    Dense(4, biases: .uniform(low: -0.5, high: 0.5))
  }

  private static func isWeight(_ x: Tensor, _ shape: Shape, _ slot: Int) -> Bool {
    slot == 1 && x.shape == shape
  }

  /// Faults in that network's gradients on `rows` rows of 9 features.
  static func all(rows: Int) -> [PlantedFault] {
    let isProduct: @Sendable (Op) -> Bool = { $0 == .matmul }
    let isLoss: @Sendable (Op) -> Bool = { $0 == .rowwise(.softmaxCrossEntropy) }
    let below = ["hidden1.weight", "hidden1.bias"]
    let all = [
      "hidden1.weight", "hidden1.bias", "hidden2.weight", "hidden2.bias", "output.weight",
      "output.bias",
    ]
    return [
      PlantedFault("sign of tanh's slope", in: below, where: { $0 == .unary(.tanh) }) {
        dx, _, _, _ in -dx
      },
      PlantedFault("tanh's slope forgotten", in: below, where: { $0 == .unary(.tanh) }) {
        _, _, dy, _ in dy
      },
      PlantedFault(
        "relu's slope forgotten", in: below + ["hidden2.weight", "hidden2.bias"],
        where: { $0 == .unary(.relu) }
      ) { _, _, dy, _ in dy },
      PlantedFault("factor 2 on the output's weights", in: ["output.weight"], where: isProduct) {
        dx, at, _, slot in isWeight(at.x[1], [12, 4], slot) ? 2 * dx : dx
      },
      PlantedFault("a factor 1.00001", in: ["hidden2.weight"], where: isProduct) {
        dx, at, _, slot in isWeight(at.x[1], [12, 12], slot) ? 1.00001 * dx : dx
      },
      PlantedFault("transposed", in: ["hidden2.weight"], where: isProduct) {
        dx, at, _, slot in isWeight(at.x[1], [12, 12], slot) ? dx.transposed() : dx
      },
      // In memory [inputs, outputs]: input 5 to neuron 2.
      PlantedFault(
        "one element off by 1e-4", in: ["hidden1.weight"], element: "hidden1.weight[2,5]",
        where: isProduct
      ) { dx, at, _, slot in
        guard isWeight(at.x[1], [9, 12], slot) else { return dx }
        return dx + 1e-4 * mask(dx, 5 * 12 + 2)
      },
      PlantedFault(
        "one element's sign", in: ["output.weight"], element: "output.weight[3,1]",
        where: isProduct
      ) { dx, at, _, slot in
        guard isWeight(at.x[1], [12, 4], slot) else { return dx }
        return dx * (1 - 2 * mask(dx, 1 * 4 + 3))
      },
      PlantedFault(
        "one element dropped", in: ["hidden2.weight"], element: "hidden2.weight[7,4]",
        where: isProduct
      ) { dx, at, _, slot in
        guard isWeight(at.x[1], [12, 12], slot) else { return dx }
        return dx + 0.01 * mask(dx, 4 * 12 + 7)
      },
      PlantedFault("1/B forgotten", in: all, where: isLoss) { dx, _, _, slot in
        slot == 0 ? Double(rows) * dx : dx
      },
      PlantedFault("one row forgotten", in: all, where: isLoss) { dx, _, _, slot in
        guard slot == 0 else { return dx }
        let kept = NDArray(
          (0..<dx.shape.count).map { $0 < dx.shape[1] ? 0.0 : 1.0 }, shape: dx.shape)
        return dx * dx.builder.constant(array: kept)
      },
      PlantedFault(
        "the bias' gradient averaged twice", in: ["output.bias"],
        where: { if case .movement = $0 { true } else { false } }
      ) { dx, at, _, _ in
        at.x[0].shape.count == 4 && at.y.shape == [rows, 4] ? dx / Double(rows) : dx
      },
      PlantedFault(
        "no gradient for the first layer's inputs side", in: below, where: isProduct
      ) { dx, at, _, slot in
        slot == 0 && at.x[1].shape == [12, 12] ? 0 * dx : dx
      },
    ]
  }

  /// 1 at one place, 0 elsewhere.
  private static func mask(_ like: Tensor, _ place: Int) -> Tensor {
    like.builder.constant(
      array: NDArray(
        (0..<like.shape.count).map { $0 == place ? 1.0 : 0 }, shape: like.shape))
  }
}
