import Ebb
import Testing

extension NISTRegression {
  /// What a model predicts from its parameters b and the predictors.
  typealias Model = @Sendable (_ b: Tensor, _ x: [Tensor]) -> Tensor

  /// The 27 nonlinear models, as NIST writes them, with b[0] for b1.
  static let models: [String: Model] = [
    "Bennett5": { b, x in b[0] * power(b[1] + x[0], -reciprocal(b[2])) },
    "BoxBOD": { b, x in b[0] * (1 - exp(-b[1] * x[0])) },
    "Chwirut1": chwirut, "Chwirut2": chwirut,
    "DanWood": { b, x in b[0] * power(x[0], b[1]) },
    "ENSO": { b, x in
      let turn = 2 * Double.pi * x[0]
      let year = b[1] * cos(turn / 12) + b[2] * sin(turn / 12)
      let second = b[4] * cos(turn / b[3]) + b[5] * sin(turn / b[3])
      let third = b[7] * cos(turn / b[6]) + b[8] * sin(turn / b[6])
      return b[0] + year + second + third
    },
    "Eckerle4": { b, x in
      let distance = (x[0] - b[2]) / b[1]
      return b[0] / b[1] * exp(-0.5 * distance * distance)
    },
    "Gauss1": gauss, "Gauss2": gauss, "Gauss3": gauss,
    "Hahn1": cubicRatio, "Thurber": cubicRatio,
    "Kirby2": { b, x in
      polynomial([b[0], b[1], b[2]], x[0]) / (1 + x[0] * polynomial([b[3], b[4]], x[0]))
    },
    "Lanczos1": lanczos, "Lanczos2": lanczos, "Lanczos3": lanczos,
    "MGH09": { b, x in b[0] * (x[0] * x[0] + x[0] * b[1]) / (x[0] * x[0] + x[0] * b[2] + b[3]) },
    "MGH10": { b, x in b[0] * exp(b[1] / (x[0] + b[2])) },
    "MGH17": { b, x in b[0] + b[1] * exp(-x[0] * b[3]) + b[2] * exp(-x[0] * b[4]) },
    "Misra1a": { b, x in b[0] * (1 - exp(-b[1] * x[0])) },
    "Misra1b": { b, x in b[0] * (1 - power(1 + b[1] * x[0] / 2, -2)) },
    "Misra1c": { b, x in b[0] * (1 - power(1 + 2 * b[1] * x[0], -0.5)) },
    "Misra1d": { b, x in b[0] * b[1] * x[0] / (1 + b[1] * x[0]) },
    // Of the logarithm of y.
    "Nelson": { b, x in b[0] - b[1] * x[0] * exp(-b[2] * x[1]) },
    "Rat42": { b, x in b[0] / (1 + exp(b[1] - b[2] * x[0])) },
    "Rat43": { b, x in b[0] / power(1 + exp(b[1] - b[2] * x[0]), reciprocal(b[3])) },
    "Roszman1": { b, x in b[0] - b[1] * x[0] - atan(b[2] / (x[0] - b[3])) / Double.pi },
  ]

  private static let chwirut: Model = { b, x in exp(-b[0] * x[0]) / (b[1] + b[2] * x[0]) }

  private static let gauss: Model = { b, x in
    let (first, second) = ((x[0] - b[3]) / b[4], (x[0] - b[6]) / b[7])
    return b[0] * exp(-b[1] * x[0]) + b[2] * exp(-first * first) + b[5] * exp(-second * second)
  }

  private static let lanczos: Model = { b, x in
    b[0] * exp(-b[1] * x[0]) + b[2] * exp(-b[3] * x[0]) + b[4] * exp(-b[5] * x[0])
  }

  private static let cubicRatio: Model = { b, x in
    polynomial([b[0], b[1], b[2], b[3]], x[0])
      / (1 + x[0] * polynomial([b[4], b[5], b[6]], x[0]))
  }

  /// Σ b[k] xᵏ, by Horner's rule.
  private static func polynomial(_ b: [Tensor], _ x: Tensor) -> Tensor {
    b.dropLast().reversed().reduce(b[b.count - 1]) { $0 * x + $1 }
  }

  /// The predictions less the observations, to be traced.
  func residuals(_ b: Tensor) throws -> Tensor {
    let model = try #require(Self.models[name], "no model for \(name)")
    let table = b.builder.constant(array: x.transposed())
    let columns = (0..<x.shape[1]).map { table[$0] }
    let observed = b.builder.constant(array: NDArray(y))
    return model(b, columns) - (name == "Nelson" ? log(observed) : observed)
  }
}
