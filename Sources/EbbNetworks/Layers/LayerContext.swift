public import EbbGraph

/// What a parameter is for: regularisation and reductions treat the two differently.
public enum ParameterRole: String, Hashable, Sendable {
  /// Multiplies a layer's inputs.
  case weight
  /// Is added to a layer's sums.
  case bias
}

/// How a parameter's numbers lie in files, in `model.parameters` and in explanations.
public enum FileLayout: Hashable, Sendable {
  /// As the layer declared them.
  case asDeclared
  /// A matrix with rows and columns exchanged: a dense weight is declared [inputs, outputs], so that
  /// products read it in place, and stands in files as [outputs, inputs], as in a = W h + b.
  case transposed
}

/// A parameter that a network declared: all that is needed to make and name its numbers.
public struct ParameterSpecification: Hashable, Sendable {
  /// The full name, such as `hidden1.weight`; it stands in files.
  public let name: String
  /// The extents; a dense weight is [inputs, outputs].
  public let shape: Shape
  /// How its numbers start.
  public let initializer: Initializer
  /// What it is for.
  public let role: ParameterRole
  /// How it lies in files.
  public let layout: FileLayout
  /// How many inputs each output of its layer has.
  public let fanIn: Int
  /// How many outputs each input of its layer has.
  public let fanOut: Int

  /// The starting values, row-major.
  ///
  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - index: this parameter's place in the order of declaration.
  public func values(seed: UInt64, index: Int) -> [Float] {
    initializer.values(
      count: shape.count, fanIn: fanIn, fanOut: fanOut, seed: seed,
      stream: UInt32(truncatingIfNeeded: index))
  }
}

/// Numbers that a layer keeps beside its parameters, such as a running mean: training gives them their
/// next value at each step, without a gradient, and evaluation reads them.
public struct StateSpecification: Hashable, Sendable {
  /// The full name, such as `norm1.mean`; it stands in files.
  public let name: String
  /// The extents; in files they are the same.
  public let shape: Shape
  /// What all its numbers are before the first step.
  public let start: Float
}

/// Where a network is written down: the graph under construction, and what the layers declared.
///
/// A context lives only while one function is traced. Training and evaluation are two traces.
public final class LayerContext {
  /// What the trace is for.
  public enum Mode: Hashable, Sendable {
    /// Parameters will change: dropout drops.
    case training
    /// Parameters are fixed: dropout is the identity.
    case evaluation
  }

  /// The graph under construction.
  public let builder: GraphBuilder
  /// What the trace is for.
  public let mode: Mode
  /// The parameters in the order of declaration.
  public private(set) var parameters: [ParameterSpecification] = []
  /// What layers keep beside them, in the order of declaration.
  public private(set) var states: [StateSpecification] = []
  /// Whether the states' next values are part of the trace: they are of a step of training.
  package var advancesStates = false
  /// The values that layers named, in the order in which they were traced.
  package private(set) var values: [(name: String, value: Tensor)] = []
  /// What a named value is replaced by before anything uses it; the value itself if nil.
  package var replacement: ((_ name: String, _ value: Tensor) -> Tensor)?
  private var scopes: [String] = []

  /// A context that writes to a builder.
  public init(_ builder: GraphBuilder, mode: Mode) {
    self.builder = builder
    self.mode = mode
  }

  /// A value that training changes, declared by the current layer.
  ///
  /// - Parameters:
  ///   - name: its name within the layer, such as `weight`.
  ///   - initializer: how its numbers start.
  ///   - role: what it is for.
  ///   - layout: how it lies in files; only a matrix can be transposed.
  ///   - fanIn: how many inputs each output has; nil: the product of all extents but the last.
  ///   - fanOut: how many outputs each input has; nil: all but the last but one.
  public func parameter(
    _ name: String, shape: Shape, initializer: Initializer, role: ParameterRole,
    layout: FileLayout = .asDeclared, fanIn: Int? = nil, fanOut: Int? = nil
  ) -> Tensor {
    guard let count = shape.checkedCount, count > 0 else {
      return builder.fail(
        "parameter", "\(name) of \(shape) must have 1 to 2^31 - 1 elements", shape)
    }
    do {
      try initializer.validate()
    } catch {
      return builder.fail("parameter", "\(name): \(error)", shape)
    }
    if layout == .transposed && shape.rank != 2 {
      return builder.fail("parameter", "\(name): only a matrix is transposed, not \(shape)", shape)
    }
    let fullName = (scopes + [name]).joined(separator: ".")
    parameters.append(
      ParameterSpecification(
        name: fullName, shape: shape, initializer: initializer, role: role, layout: layout,
        fanIn: fanIn ?? shape.extents.dropLast().reduce(1, *),
        fanOut: fanOut ?? shape.fanOut))
    return builder.parameter(fullName, shape: shape)
  }

  /// Numbers that the current layer keeps beside its parameters, as they were before this step; they
  /// are saved with the model. Give them their next value by ``advance(_:to:)``.
  ///
  ///     let mean = context.state("mean", shape: [width])
  ///     if context.mode == .training { context.advance(mean, to: 0.9 * mean + 0.1 * batchMean) }
  ///
  /// - Parameters:
  ///   - name: its name within the layer, such as `mean`.
  ///   - start: what all its numbers are before the first step.
  public func state(_ name: String, shape: Shape, start: Float = 0) -> Tensor {
    guard let count = shape.checkedCount, count > 0 else {
      return builder.fail("state", "\(name) of \(shape) must have 1 to 2^31 - 1 elements", shape)
    }
    guard start.isFinite else {
      return builder.fail("state", "\(name) must start with a finite number, got \(start)", shape)
    }
    let fullName = (scopes + [name]).joined(separator: ".")
    states.append(StateSpecification(name: fullName, shape: shape, start: start))
    return builder.parameter(fullName, shape: shape)
  }

  /// Gives a state the value that the next step finds. In evaluation, and where only gradients are
  /// asked for, nothing changes.
  public func advance(_ state: Tensor, to value: Tensor) {
    guard case .source(.parameter(let name, _)) = state.op,
      states.contains(where: { $0.name == name })
    else {
      _ = builder.fail("advance", "only what state(…) declared can be advanced", state.shape)
      return
    }
    if advancesStates && mode == .training { builder.update(state, to: value) }
  }

  /// Gives a value a name within the layer, such as `preactivation`, by which its numbers and its
  /// gradient can be asked for; returns what is to be used from here on.
  ///
  ///     let a = context.named("preactivation", matmul(x, weight) + bias)
  ///
  /// The network itself names each layer's result `activation`.
  public func named(_ name: String, _ value: Tensor) -> Tensor {
    let fullName = (scopes + [name]).joined(separator: ".")
    let used = replacement?(fullName, value) ?? value
    values.append((fullName, used))
    return used
  }

  /// Fresh random numbers, other ones at each step; each call is a stream of its own.
  public func random(_ distribution: Distribution, shape: Shape) -> Tensor {
    builder.random(distribution, shape: shape)
  }

  /// Names what `body` declares after a layer, within the names around it.
  public func scope<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    scopes.append(name)
    defer { scopes.removeLast() }
    return try builder.scope(name, body)
  }

  /// Records a fault of the current layer, which ends the trace with an error; returns a stand-in
  /// of a shape so that the trace goes on to its end.
  ///
  /// - Parameters:
  ///   - operation: what was tried, such as `dense`.
  ///   - message: what was expected, what came, what to do.
  ///   - shape: the best guess at the result's shape.
  public func fail(_ operation: String, _ message: String, shape: Shape) -> Tensor {
    builder.fail(operation, message, shape)
  }
}

extension Shape {
  /// The extents but the last but one, multiplied.
  fileprivate var fanOut: Int {
    guard rank >= 2 else { return count }
    return self[-1] * extents.dropLast(2).reduce(1, *)
  }
}
