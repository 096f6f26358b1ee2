package import EbbSystem

/// The optimizers that a flag can name.
public enum OptimizerChoice: String, CaseIterable, Hashable, Sendable {
  case sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad

  /// A choice named in a flag.
  ///
  /// - Throws: `SettingsError`, which lists the names.
  public init(spelling: String) throws(SettingsError) {
    self = try spelled(spelling, of: "optimizer")
  }

  /// The optimizer with its defaults but for what is given.
  ///
  /// - Parameters:
  ///   - learningRate: nil: the optimizer's default.
  ///   - weightDecay: λ; decoupled for `adamw` (0.01 if nil), otherwise L2 (0 if nil).
  /// - Throws: `SettingsError` if a number is out of range.
  public func optimizer(
    learningRate: Double? = nil, weightDecay: Double? = nil
  ) throws(SettingsError) -> any Optimizer {
    let decay = WeightDecay.l2(weightDecay ?? 0)
    var result: any Optimizer =
      switch self {
      case .sgd: .sgd(weightDecay: decay)
      case .momentum: .momentum(weightDecay: decay)
      case .nesterov: .nesterov(weightDecay: decay)
      case .adam: .adam(weightDecay: decay)
      case .adamw: .adamW(decay: weightDecay ?? 0.01)
      case .rmsprop: .rmsProp(weightDecay: decay)
      case .adagrad: .adagrad(weightDecay: decay)
      }
    if let learningRate { result.learningRate = learningRate }
    try result.validate()
    return result
  }

  /// The optimizers that Ebb brings.
  public static let standardOptimizers: [any Optimizer.Type] = [
    SGD.self, Momentum.self, Adam.self, RMSProp.self, Adagrad.self,
  ]
}

extension Optimizer {
  /// The optimizer as JSON: kind and settings.
  package var json: JSONValue { ["kind": JSONValue(Self.kind), "settings": settings.json] }
}

/// An optimizer from JSON.
///
/// - Parameter ownOptimizers: the kinds that may occur beside Ebb's own.
/// - Throws: `JSONError` with the path in the document.
package func readOptimizer(
  json: JSONField, ownOptimizers: [any Optimizer.Type] = []
) throws(JSONError) -> any Optimizer {
  try json.allowOnly(["kind", "settings"])
  let types = ownOptimizers + OptimizerChoice.standardOptimizers
  let kind = try json.member("kind")
  let wanted = try kind.string()
  guard let type = types.first(where: { $0.kind == wanted }) else {
    throw kind.error(
      "no optimizer is of the kind \(wanted.quotedForMessage); known are "
        + types.map { $0.kind }.sorted().joined(separator: ", "))
  }
  let settings = try Settings(json: try json.member("settings"))
  do {
    return try type.init(settings: settings)
  } catch {
    throw json.error("\(error)")
  }
}
