public import EbbGraph

/// The losses of several rows as one number: their sum and how many rows count, kept apart so that
/// parts of a batch can be added up and divided once.
///
/// L = Σ_i w_{y_i} ℓ_i / n over the rows i that are not ignored, n of them; w is 1 without class
/// weights. With smoothing, ℓ_i is the smoothed loss of the row as a whole. (PyTorch divides by the
/// weights' sum instead, and weighs the smoothed part class by class.)
///
/// Gradient accumulation follows: the gradients of the `total` of k parts of a batch, of equal size
/// or not, added up and divided by the sum of their `count`, are the gradients of the batch's `mean`.
public struct JoinedLoss {
  /// Σ_i w_{y_i} ℓ_i; a single number.
  public let total: Tensor
  /// n, the number of rows that are not ignored; a single number, through which no gradient passes.
  public let count: Tensor

  /// total / n; 0, with gradients 0, if every row is ignored.
  public var mean: Tensor { total / maximum(count, 1) }
}

extension Loss {
  /// The label that says of a row that its class is unknown: its loss and gradient are 0, and it is
  /// not counted. For functions of one's own; a ``Dataset`` refuses it, like every label out of range.
  public static let ignoredLabel: Int32 = -1

  /// The losses of all rows, joined.
  ///
  /// **Shapes**: as ``perRow(outputs:targets:)``; labels lie in 0 ..< classes or are
  /// ``ignoredLabel``.
  ///
  /// - Parameter classWeights: a factor for the rows of each class; nil: 1. They need labels.
  public func joined(
    outputs: Tensor, targets: Tensor, classWeights: [Double]? = nil
  ) -> JoinedLoss {
    let builder = outputs.builder
    let rows = perRow(outputs: outputs, targets: targets)
    guard targetType == .index else {
      if classWeights != nil {
        let fault = builder.fail(spelling, "class weights need labels as targets", .scalar)
        return JoinedLoss(total: fault, count: fault)
      }
      return JoinedLoss(total: sum(rows), count: builder.constant(Double(rows.shape.count)))
    }
    let classes = outputs.shape.rank == 2 ? max(outputs.shape[1], 1) : 1
    if let classWeights, classWeights.count != classes {
      let fault = builder.fail(
        spelling, "\(classes) classes need as many weights, got \(classWeights.count)", .scalar)
      return JoinedLoss(total: fault, count: fault)
    }
    // A row of zeros for an ignored label: what its logits receive is a multiple of 0.
    let chosen = oneHot(targets, classes: classes)
    let counted = sum(chosen, axes: [-1])
    var weights = counted
    if let classWeights {
      weights = sum(chosen * builder.constant(array: NDArray(classWeights)), axes: [-1])
    }
    return JoinedLoss(total: sum(weights * rows), count: sum(counted))
  }
}
