public import EbbGradients

/// One number in the chain rule's product along a path.
public struct PathFactor: Hashable, Sendable {
  /// What kind of factor it is.
  public enum Kind: String, Hashable, Sendable {
    /// What the weight is multiplied by: h_{k−1,j}; a bias has none.
    case input
    /// An activation's slope g'(a).
    case slope
    /// A weight that the path goes through.
    case weight
    /// ∂ŷ/∂a of the output function.
    case outputFunction
    /// The loss by the output or by the prediction where the path ends.
    case loss
  }

  /// What kind of factor it is.
  public let kind: Kind
  /// What it is: `hidden2.weight[4,7]`, `relu'(hidden1.preactivation[7])`, `∂L/∂output.activation[2]`.
  public let name: String
  /// The number: one for each row of the batch, or a single one if it is the same for all rows.
  public let values: [Double]

  /// The number on a row.
  public func value(row: Int) -> Double { values.count == 1 ? values[0] : values[row] }
}

/// One way from a weight to the loss, and what it adds to the weight's gradient.
public struct WeightPath: Hashable, Sendable {
  /// The unit of each layer that the path goes through, from the weight's own layer up; the last is
  /// the output, or the prediction where paths go through predictions.
  public let units: [Int]
  /// The factors from the weight to the loss.
  public let factors: [PathFactor]
  /// The product of the factors on each row, times the row's share in the batch's loss.
  public let rowContributions: [Double]
  /// What the path adds to the gradient: the sum over the rows.
  public let contribution: Double
}

/// The gradient of one weight as the sum over its paths to the loss.
public struct PathSum: Sendable {
  /// The weight or bias.
  public let element: ElementName
  /// The gradient: the sum over all paths.
  public let total: Double
  /// How many paths there are: the product of the widths of all layers above; exact up to 2^53.
  public let pathCount: Double
  /// Paths: all, with the last unit running fastest, or the largest, the largest first.
  public let paths: [WeightPath]
  /// The sum over the paths that are not listed.
  public let rest: Double
  /// How many multiplications were done along the paths.
  public let multiplications: Int
}

extension PathSum: CustomStringConvertible {
  /// One line for each path with its number and factors, then the sum.
  public var description: String {
    var lines = ["∂L/∂\(element) = \(total), the sum over \(pathCount.asCount) paths"]
    for (index, path) in paths.enumerated() {
      let product = path.factors.map { factor in
        factor.values.count == 1 ? "\(factor.name) \(factor.values[0])" : factor.name
      }
      lines.append(
        "\(index + 1). \(product.joined(separator: " · ")) = \(path.contribution)")
    }
    if Double(paths.count) < pathCount { lines.append("all others: \(rest)") }
    return lines.joined(separator: "\n")
  }
}

extension Double {
  /// A whole number without a point where it is exact.
  var asCount: String {
    magnitude < 0x1p53 ? String(Int(self)) : description
  }
}
