import EbbEngine
import EbbGraph
import Testing

/// Graphs made at random: whatever is traced, the executor gives the interpreter's bits.
@Suite struct RandomGraphTests {
  @Test("Random graphs with fan-out, broadcasting and gradients", arguments: 1...60)
  func randomGraph(seed: Int) throws {
    var draw = Draw(seed: UInt64(seed))
    let graph = try trace { builder in
      var values = [
        builder.input("a", shape: [5, 6]), builder.input("b", shape: [6]),
        builder.input("c", shape: [5, 1]), builder.input("d", shape: []),
        builder.parameter("w", shape: [6, 6]), builder.parameter("v", shape: [5, 6]),
      ]
      let leaves = values
      for _ in 0..<(6 + draw.below(24)) {
        let x = values[draw.below(values.count)]
        let y = values[draw.below(values.count)]
        if let made = Self.grow(x, y, &draw) { values.append(made) }
      }
      let last = values.suffix(3).map { sum(tanh($0)) }
      let loss = last.dropFirst().reduce(last[0], +)
      let gradients = backpropagate(from: loss, to: leaves).gradients
      for (index, gradient) in gradients.enumerated() {
        if let gradient { builder.output("gradient \(index)", gradient) }
      }
      for (index, leaf) in leaves.enumerated() where index >= 4 && draw.below(2) == 0 {
        if let gradient = gradients[index] {
          builder.update(leaf, to: leaf - 0.1 * gradient)
        } else {
          // A swap of old values must not read what was just written.
          builder.update(leaf, to: leaf + values[values.count - 1].reduced(to: leaf.shape))
        }
      }
      builder.output("middle", values[values.count / 2])
      return ["loss": loss]
    }
    try expectAgreement(graph, GivenValues(graph, seed: UInt64(seed)), "seed \(seed)")
  }

  /// One more value from two others; nil where their shapes do not allow the drawn operation.
  static func grow(_ x: Tensor, _ y: Tensor, _ draw: inout Draw) -> Tensor? {
    switch draw.below(16) {
    case 0: return x.fits(y) ? x + y : nil
    case 1: return x.fits(y) ? x * y : nil
    case 2: return x.fits(y) ? x - y : nil
    case 3: return x.fits(y) ? maximum(x, y) : nil
    case 4: return tanh(x)
    case 5: return relu(x)
    case 6: return exp(-abs(x))
    case 7: return x.shape.rank > 0 ? softmax(x) : sigmoid(x)
    case 8:
      return x.shape.rank > 0 ? sum(x, axes: [draw.below(x.shape.rank)], keepingAxes: true) : nil
    case 9: return x.shape.rank == 2 ? x.transposed() : nil
    case 10: return x.shape == [5, 6] && y.shape == [6, 6] ? matmul(x, y) : nil
    case 11: return x.shape == [5, 6] && y.shape == [5, 6] ? matmul(x.transposed(), y) : nil
    case 12: return x.shape.rank == 2 ? x.sliced(axis: 1, from: 0, to: (x.shape[1] + 1) / 2) : nil
    case 13: return x.shape == y.shape && x.shape.rank > 0 ? concatenate([x, y], axis: 0) : nil
    case 14: return x.fits(y) ? select(x .> 0.1, y, 0.5) : nil
    default: return x.shape.rank > 0 ? x.reshaped(to: [x.shape.count]) : x * 2
    }
  }

  @Test("Parameters that exchange their values do so")
  func exchange() throws {
    let graph = try trace { builder in
      let (p, q) = (builder.parameter("p", shape: [3]), builder.parameter("q", shape: [3]))
      builder.update(p, to: q)
      builder.update(q, to: p)
      return ["sum": p + q, "old p": p]
    }
    try expectAgreement(graph, GivenValues(graph))
  }

  @Test("Products of repeated matrices, and of none")
  func repeatedMatrices() throws {
    for count in [0, 1, 3] {
      let graph = try trace { builder in
        let x = builder.input("x", shape: [1, 2, 3]).expanded(to: [count, 2, 3])
        let y = builder.input("y", shape: [1, 3, 2]).expanded(to: [count, 3, 2])
        let z = builder.input("z", shape: [count, 3, 2])
        return ["both": matmul(x, y), "one": matmul(x, z) + 1, "other": matmul(z, x)]
      }
      try expectAgreement(graph, GivenValues(graph), "\(count) matrices")
    }
  }

  @Test("An update whose old value nobody reads goes to its own parameter")
  func writeOnly() throws {
    let graph = try trace { builder in
      let a = builder.parameter("a", shape: [2])
      builder.update(builder.parameter("c", shape: [2]), to: a * 2.0)
      return ["a": a]
    }
    try expectAgreement(graph, GivenValues(graph))
  }

  @Test("A cross-entropy gradient may stand before its loss, and its factor have any shape")
  func crossEntropy() throws {
    let graph = try trace { builder in
      let z = builder.input("z", shape: [5, 4])
      let labels = builder.input("labels", shape: [5], type: .index)
      let difference = softmax(z) - oneHot(labels, classes: 4)
      let early = difference * 0.25
      let rows = difference * builder.input("rows", shape: [5, 1])
      let full = difference * builder.input("full", shape: [5, 4])
      let loss = softmaxCrossEntropy(logits: z, labels: labels)
      return ["early": early, "rows": rows, "full": full, "loss": loss, "late": difference * 0.5]
    }
    try expectAgreement(graph, GivenValues(graph))
  }

  @Test("A parameter that is read after its update was computed keeps its old value until the end")
  func readLate() throws {
    let graph = try trace { builder in
      let p = builder.parameter("p", shape: [4, 4])
      let x = builder.input("x", shape: [4, 4])
      let updated = p - 0.5 * x
      builder.update(p, to: updated)
      let late = matmul(updated, p)
      return ["late": late, "turned": matmul(x, p.transposed())]
    }
    try expectAgreement(graph, GivenValues(graph))
  }
}

extension Tensor {
  fileprivate func fits(_ other: Tensor) -> Bool {
    shape == other.shape || other.shape == .scalar
      || (shape == [5, 6] && (other.shape == [6] || other.shape == [5, 1]))
  }

  fileprivate func reduced(to shape: Shape) -> Tensor { sum(self).expanded(to: shape) }
}

/// Whole numbers drawn one after another.
struct Draw {
  let seed: UInt64
  private var position: UInt32 = 0

  init(seed: UInt64) { self.seed = seed }

  /// A whole number from 0 up to but not including the limit.
  mutating func below(_ limit: Int) -> Int {
    position += 1
    return Int(Philox.words(seed: seed, stream: 3, step: 0, block: position)[0]) % limit
  }
}
