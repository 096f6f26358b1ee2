/// Everything a node can compute: a closed list, in families.
///
/// All that is to say about an operation (shape, value, derivative, where to sample it) stands in its
/// family's file. The switches here have no default, so an operation that lacks a part does not
/// compile.
public enum Op: Hashable, Sendable {
  /// A value from outside: input, parameter or constant.
  case source(Source)
  /// One operand, element by element.
  case unary(Unary)
  /// Two operands of one shape, element by element.
  case binary(Binary)
  /// Three operands of one shape, element by element.
  case ternary(Ternary)
  /// Axes summarised.
  case reduction(Reduction, axes: [Int])
  /// Elements moved, none computed.
  case movement(Movement)
  /// Matrix product over the last two axes: [..., m, k] × [..., k, n] → [..., m, n].
  case matmul
  /// Functions of whole rows (the last axis).
  case rowwise(Rowwise)
  /// Reading and writing by index.
  case indexing(Indexing)
  /// Random numbers.
  case random(Distribution, stream: UInt32, shape: Shape)
  /// A user's own operation.
  case custom(CustomOperation)
}

/// The shape and element type of an operand or a result.
package struct OperandType: Hashable, Sendable {
  package var shape: Shape
  package var type: ElementType

  package init(shape: Shape, type: ElementType = .float) {
    self.shape = shape
    self.type = type
  }
}

extension Op {
  /// The operation's name in printouts and messages.
  public var name: String {
    switch self {
    case .source(let source): source.name
    case .unary(let unary): unary.row(.platform).name
    case .binary(let binary): binary.row(.platform).name
    case .ternary(let ternary): ternary.row(.platform).name
    case .reduction(let reduction, _): reduction.rawValue
    case .movement(let movement): movement.name
    case .matmul: "matmul"
    case .rowwise(let rowwise): rowwise.rawValue
    case .indexing(let indexing): indexing.name
    case .random(let distribution, _, _): distribution.rawValue
    case .custom(let operation): operation.name
    }
  }

  /// How gradients pass through the operation.
  public var rule: DerivativeRule {
    switch self {
    case .source, .random: .none
    case .unary(let unary): unary.row(.platform).rule
    case .binary(let binary): binary.row(.platform).rule
    case .ternary(let ternary): ternary.row(.platform).rule
    case .reduction(let reduction, let axes): reduction.rule(axes: axes)
    case .movement(let movement): movement.rule
    case .matmul: matmulRule
    case .rowwise(let rowwise): rowwise.rule
    case .indexing(let indexing): indexing.rule
    case .custom(let operation): operation.rule
    }
  }

  /// The result's shape and type, or what is wrong with the operands.
  package func result(of operands: [OperandType]) throws -> OperandType {
    switch self {
    case .source(let source): source.result
    case .unary(let unary): try unary.result(of: operands)
    case .binary(let binary): try binary.result(of: operands)
    case .ternary(let ternary): try ternary.result(of: operands)
    case .reduction(_, let axes): try reductionResult(of: operands, axes: axes)
    case .movement(let movement): try movement.result(of: operands)
    case .matmul: try matmulResult(of: operands)
    case .rowwise(let rowwise): try rowwise.result(of: operands)
    case .indexing(let indexing): try indexing.result(of: operands)
    case .random(_, _, let shape): OperandType(shape: shape)
    case .custom(let operation): try operation.result(of: operands)
    }
  }

  /// Whether the operation works element by element on operands of the result's shape.
  package var isElementwise: Bool {
    switch self {
    case .unary, .binary, .ternary: true
    default: false
    }
  }
}

extension Op {
  /// The operation's family.
  package enum Family: CaseIterable {
    case source, unary, binary, ternary, reduction, movement, matmul, rowwise, indexing, random
    case custom

    /// What tests try each operation of the family on.
    package var samples: [OperationSample] {
      switch self {
      case .source: Source.samples
      case .unary: Unary.allCases.flatMap(\.samples)
      case .binary: Binary.allCases.flatMap(\.samples)
      case .ternary: Ternary.allCases.flatMap(\.samples)
      case .reduction: Reduction.allCases.flatMap(\.samples)
      case .movement: Movement.Kind.allCases.flatMap(\.samples)
      case .matmul: matmulSamples
      case .rowwise: Rowwise.allCases.flatMap(\.samples)
      case .indexing: Indexing.Kind.allCases.flatMap(\.samples)
      case .random: Distribution.allCases.flatMap(\.samples)
      case .custom: CustomOperation.samples
      }
    }
  }

  package var family: Family {
    switch self {
    case .source: .source
    case .unary: .unary
    case .binary: .binary
    case .ternary: .ternary
    case .reduction: .reduction
    case .movement: .movement
    case .matmul: .matmul
    case .rowwise: .rowwise
    case .indexing: .indexing
    case .random: .random
    case .custom: .custom
    }
  }

  /// Every operation with operands on which tests try it.
  package static var samples: [OperationSample] { Family.allCases.flatMap(\.samples) }
}

/// Checks that every shape rule shares.
package func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  if !condition { throw ShapeFault(message()) }
}

package func expectCount(_ operands: [OperandType], _ count: Int) throws {
  try expect(operands.count == count, "takes \(count) operands, got \(operands.count)")
}

package func expectType(_ operand: OperandType, _ type: ElementType, _ what: String) throws {
  try expect(
    operand.type == type, "\(what) must be of type \(type.rawValue), got \(operand.type.rawValue)")
}

/// A number that is told apart by its bits: 0.0 is not -0.0, and a NaN equals itself.
public struct ExactDouble: Hashable, Sendable {
  /// The number.
  public let value: Double

  package init(_ value: Double) { self.value = value }

  /// Equal bits.
  public static func == (left: ExactDouble, right: ExactDouble) -> Bool {
    left.value.bitPattern == right.value.bitPattern
  }

  /// Hashes the bits.
  public func hash(into hasher: inout Hasher) { hasher.combine(value.bitPattern) }
}

/// Values from outside the graph.
public enum Source: Hashable, Sendable {
  /// Given at each run.
  case input(name: String, shape: Shape, type: ElementType)
  /// Changed by training.
  case parameter(name: String, shape: Shape)
  /// One number.
  case constant(ExactDouble)
  /// Fixed numbers.
  case array(NDArray<ExactDouble>)
  /// Fixed indices.
  case indices(NDArray<Int32>)

  /// How the names of stand-ins begin: values that are only differentiated by, never computed.
  package static let standInPrefix = "(stand-in "

  var name: String {
    switch self {
    case .input: "input"
    case .parameter: "parameter"
    case .constant, .array, .indices: "constant"
    }
  }

  static var samples: [OperationSample] {
    let sources: [Source] = [
      .input(name: "sample", shape: [2], type: .float), .parameter(name: "sample", shape: [2]),
      .constant(ExactDouble(2.5)), .array(NDArray([ExactDouble(1), ExactDouble(-0.0)])),
      .indices([0, 2]),
    ]
    return sources.map { OperationSample(.source($0), []) }
  }

  var result: OperandType {
    switch self {
    case .input(_, let shape, let type): OperandType(shape: shape, type: type)
    case .parameter(_, let shape): OperandType(shape: shape)
    case .constant: OperandType(shape: .scalar)
    case .array(let array): OperandType(shape: array.shape)
    case .indices(let indices): OperandType(shape: indices.shape, type: .index)
    }
  }
}
