import Ebb
import EbbGraph

extension OperationTable {
  mutating func addProducts() {
    for name in [
      "matmul", "matmul in batches", "matmul, broadcast", "matmul by a vector",
      "matmul of a vector", "dot",
    ] {
      two(name) { matmul($0, $1) }
    }
    two("outer product") { $0.reshaped(to: [$0.shape[0], 1]) * $1 }
    two("product with a transpose") { matmul($0, $1.transposed()) }
    two("quadratic form") { matmul(matmul($0, $1), $0) }
    three("chain of products") { matmul(matmul($0, $1), $2) }
    three("linear") { matmul($0, $1.transposed()) + $2 }
    three("bilinear") { x, y, w in
      // y_ok = x_ni w_oij y_nj: one product for each output.
      let (rows, width) = (x.shape[0], y.shape[1])
      let outputs = (0..<w.shape[0]).map { output in
        let matrix = w.sliced(axis: 0, from: output, to: output + 1)
        let between = matmul(x, matrix.reshaped(to: [x.shape[1], width]))
        return sum(between * y, axes: [1]).reshaped(to: [rows, 1])
      }
      return concatenate(outputs, axis: 1)
    }
    one("square of a matrix") { matmul($0, $0) }
    two("trace of a product") { sum($0 * $1.transposed()) }
  }

  mutating func addMovements() {
    one("reshape") { ($0 * $0).reshaped(to: [$0.shape.count / 2, 2]) }
    one("transpose") { exp($0).transposed() }
    one("axes in another order") { sin($0).transposed([2, 0, 1]) }
    one("expand") { ($0 * $0).expanded(to: [3, $0.shape[0], 4]) }
    two("concatenate over 0") { concatenate([$0 * $0, $1], axis: 0) }
    three("concatenate over 1") { concatenate([$0, $1, $0 * $2], axis: 1) }
    two("stack") { a, b in
      var extents = a.shape.extents
      extents.insert(1, at: 1)
      let parts = [a, a * b].map { $0.reshaped(to: Shape(extents)) }
      return concatenate(parts, axis: 1)
    }
    one("slice") { ($0 * $0).sliced(axis: 1, from: 1, to: 3) }
    one("slice of both axes") { x in
      exp(x).sliced(axis: 0, from: 1, to: x.shape[0]).sliced(axis: -1, from: 0, to: 2)
    }
    one("pad") { ($0 * $0).padded(before: [0, 1], after: [1, 2]) }
    one("roll") { Self.rolled($0) * $0 }
    one("differences of neighbours") { x in
      let last = x.shape[1]
      let change = x.sliced(axis: 1, from: 1, to: last) - x.sliced(axis: 1, from: 0, to: last - 1)
      return change * change
    }
    two("sliding windows") { x, kernel in
      let (length, width) = (x.shape[0], kernel.shape[0])
      let windows = (0...(length - width)).map { start in
        sum(x.sliced(axis: 0, from: start, to: start + width) * kernel).reshaped(to: [1])
      }
      return concatenate(windows, axis: 0)
    }
    one("one axis summed by parts") { x in
      let parts = x.reshaped(to: [x.shape[0], x.shape[1] / 2, 2])
      let sums = sum(parts, axes: [-1])
      return sums * sums
    }
    indexed("gather rows") { gatherRows($0 * $0, at: $1) }
    indexed("scatter and add rows") { Self.scattered($0 * $0, at: $1, rows: 4) }
    indexed("one-hot") { oneHot($1, classes: $0.shape[-1]) * exp($0) }
    indexed("element by label") { sum(oneHot($1, classes: $0.shape[-1]) * ($0 * $0), axes: [1]) }
    indexed("mean by segment") { x, at in
      let counts = sum(oneHot(at, classes: 3), axes: [0])
      return Self.scattered(x, at: at, rows: 3) / counts.reshaped(to: [3, 1])
    }
  }

  /// The last element of each row put first.
  static func rolled(_ x: Tensor) -> Tensor {
    let last = x.shape[-1]
    return concatenate(
      [x.sliced(axis: -1, from: last - 1, to: last), x.sliced(axis: -1, from: 0, to: last - 1)],
      axis: -1)
  }

  private static func scattered(_ x: Tensor, at indices: Tensor, rows: Int) -> Tensor {
    x.builder.add(.indexing(.scatterAddRows(rows: rows)), [x, indices])
  }

  mutating func addLosses() {
    for loss: Loss in [
      .squaredError, .absoluteError, .huber(), .huber(delta: 0.25), .binaryCrossEntropy,
    ] {
      let name = loss == .huber() ? "huber" : loss.spelling.replacing(":", with: " ")
      two("loss \(name)") { loss.perRow(outputs: $0, targets: $1) }
    }
    two("mean squared error") {
      mean(Loss.squaredError.perRow(outputs: $0, targets: $1)) / $0.width
    }
    two("mean huber loss") { mean(Loss.huber().perRow(outputs: $0, targets: $1)) / $0.width }
    two("log-cosh loss") { a, y in
      // log cosh r = |r| + log(1 + e^-2|r|) - log 2, which does not overflow.
      let r = abs(a - y)
      return mean(r + log1p(exp(-2 * r)) - 0.6931471805599453)
    }
    two("poisson loss") { mean(exp($0) - $1 * $0) }
    three("gaussian loss") { a, y, variance in
      let r = a - y
      return mean(0.5 * (log(variance) + r * r / variance))
    }
    two("soft margin loss") { mean(softplus(-(sign($1) * $0))) }
    two("hinge loss") { mean(relu(1 - $0 * sign($1))) }
    two("squared hinge loss") { a, y in
      let margin = relu(1 - a * sign(y))
      return mean(margin * margin)
    }
    two("divergence of distributions") { a, b in
      sum(softmax(b) * (logSoftmax(b) - logSoftmax(a)), axes: [1])
    }
    two("cross-entropy of distributions") {
      softmaxCrossEntropy(logits: $0, probabilities: softmax($1))
    }
    two("cosine similarity") { a, b in
      sum(a * b, axes: [1]) / sqrt(sum(a * a, axes: [1]) * sum(b * b, axes: [1]))
    }
    three("triplet loss") { a, p, n in
      let (near, far) = (a - p, a - n)
      return relu(sum(near * near, axes: [1]) - sum(far * far, axes: [1]) + 0.5)
    }
    addCrossEntropies()
  }

  private mutating func addCrossEntropies() {
    let smoothed = Loss.smoothedCrossEntropy(smoothing: 0.1)
    indexed("loss softmax-cross-entropy") {
      Loss.softmaxCrossEntropy.perRow(outputs: $0, targets: $1)
    }
    indexed("loss softmax-cross-entropy 0.1") { smoothed.perRow(outputs: $0, targets: $1) }
    indexed("mean cross-entropy") { Loss.softmaxCrossEntropy.joined(outputs: $0, targets: $1).mean }
    indexed("cross-entropy with class weights") { a, y in
      let weights = a.builder.constant(array: NDArray(Self.classWeights(a)))
      let chosen = sum(oneHot(y, classes: a.shape[1]) * weights, axes: [1])
      return chosen * Loss.softmaxCrossEntropy.perRow(outputs: a, targets: y)
    }
    indexed("focal loss") { a, y in
      let chosen = sum(oneHot(y, classes: a.shape[1]) * logSoftmax(a), axes: [1])
      let rest = 1 - exp(chosen)
      return -(rest * rest * chosen)
    }
    indexed("cross-entropy with ignored labels") {
      Loss.softmaxCrossEntropy.joined(outputs: $0, targets: $1).mean
    }
    indexed("smoothed cross-entropy with ignored labels") {
      Loss.smoothedCrossEntropy(smoothing: 0.2).joined(outputs: $0, targets: $1).mean
    }
    indexed("sum of cross-entropy with class weights and ignored labels") { a, y in
      Loss.softmaxCrossEntropy.joined(
        outputs: a, targets: y, classWeights: Self.classWeights(a)
      ).total
    }
  }

  private static func classWeights(_ logits: Tensor) -> [Double] {
    (0..<logits.shape[1]).map { 0.5 + 0.25 * Double($0) }
  }
}

extension Tensor {
  /// The extent of the last axis.
  fileprivate var width: Double { Double(shape[-1]) }
}
