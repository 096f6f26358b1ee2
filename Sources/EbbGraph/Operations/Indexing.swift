/// Reading and writing by index.
public enum Indexing: Hashable, Sendable {
  /// Rows of a table: [rows, width], [...] → [..., width].
  case gatherRows
  /// The transpose: [..., width], [...] → [rows, width], where rows that are named more than once add.
  case scatterAddRows(rows: Int)
  /// [...] → [..., classes], 1 at the index.
  case oneHot(classes: Int)
  /// The index of the first largest value along an axis.
  case argmax(axis: Int)
}

extension Indexing {
  /// The operation without its payload.
  package enum Kind: String, CaseIterable {
    case gatherRows, scatterAddRows, oneHot, argmax

    package var samples: [OperationSample] {
      func sample(_ indexing: Indexing, _ operands: SampleOperand...) -> OperationSample {
        OperationSample(.indexing(indexing), operands, apart: true)
      }
      switch self {
      case .gatherRows:
        return [
          sample(.gatherRows, .numbers([3, 2]), .indices([2, 0, 2, 2])),
          sample(.gatherRows, .numbers([3, 2]), .indices([[1, 1], [0, 2]])),
        ]
      case .scatterAddRows:
        return [
          sample(.scatterAddRows(rows: 3), .numbers([4, 2]), .indices([2, 0, 2, 2])),
          sample(.scatterAddRows(rows: 2), .numbers([2, 2, 3]), .indices([[1, 1], [0, 1]])),
        ]
      case .oneHot: return [sample(.oneHot(classes: 3), .indices([[0, 2], [1, 2]]))]
      case .argmax:
        return [
          sample(.argmax(axis: 1), .numbers([3, 4])), sample(.argmax(axis: 0), .numbers([3, 4])),
        ]
      }
    }
  }

  package var kind: Kind {
    switch self {
    case .gatherRows: .gatherRows
    case .scatterAddRows: .scatterAddRows
    case .oneHot: .oneHot
    case .argmax: .argmax
    }
  }

  var name: String { kind.rawValue }

  var rule: DerivativeRule {
    switch self {
    case .gatherRows:
      .linear { at, dy, _ in
        dy.builder.add(
          .indexing(.scatterAddRows(rows: at.x[0].shape[0])), [dy, at.x[1]])
      }
    case .scatterAddRows: .linear { at, dy, _ in EbbGraph.gatherRows(dy, at: at.x[1]) }
    case .oneHot, .argmax: .none
    }
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    switch self {
    case .gatherRows:
      try expectCount(operands, 2)
      try expectType(operands[0], .float, "the table")
      try expectType(operands[1], .index, "the indices")
      try expect(operands[0].shape.rank == 2, "the table \(operands[0].shape) must be a matrix")
      return OperandType(
        shape: Shape(operands[1].shape.extents + [operands[0].shape[1]]))
    case .scatterAddRows(let rows):
      try expectCount(operands, 2)
      try expectType(operands[0], .float, "the rows")
      try expectType(operands[1], .index, "the indices")
      try expect(
        operands[0].shape.rank >= 1
          && Array(operands[0].shape.extents.dropLast()) == operands[1].shape.extents,
        "rows \(operands[0].shape) do not fit indices \(operands[1].shape)")
      return OperandType(shape: [rows, operands[0].shape[-1]])
    case .oneHot(let classes):
      try expectCount(operands, 1)
      try expectType(operands[0], .index, "the indices")
      try expect(classes > 0, "the number of classes must be at least 1, got \(classes)")
      return OperandType(shape: Shape(operands[0].shape.extents + [classes]))
    case .argmax(let axis):
      try expectCount(operands, 1)
      try expectType(operands[0], .float, "the operand")
      try expect(operands[0].shape[axis] > 0, "axis \(axis) of \(operands[0].shape) is empty")
      return OperandType(shape: operands[0].shape.removing(axes: [axis]), type: .index)
    }
  }
}

/// The rows of a table at the given indices.
///
/// **Shapes**: table [rows, width], indices [...] → [..., width]. Derivative: the cotangent's rows
/// are added to the table's at the same indices.
public func gatherRows(_ table: Tensor, at indices: Tensor) -> Tensor {
  table.builder.add(.indexing(.gatherRows), [table, indices])
}

/// 1 at each index, 0 elsewhere. **Shapes**: [...] → [..., classes].
public func oneHot(_ indices: Tensor, classes: Int) -> Tensor {
  indices.builder.add(.indexing(.oneHot(classes: classes)), [indices])
}

/// The index of the first largest value along an axis; no gradient passes.
public func argmax(_ x: Tensor, axis: Int = -1) -> Tensor {
  guard let axis = x.normalized(axis: axis, "argmax") else { return x }
  return x.builder.add(.indexing(.argmax(axis: axis)), [x])
}

/// Distributions of random numbers.
public enum Distribution: String, CaseIterable, Hashable, Sendable {
  /// Uniform on [0, 1).
  case uniform
  /// Normal with mean 0 and standard deviation 1.
  case normal
}

extension Distribution {
  var samples: [OperationSample] {
    [OperationSample(.random(self, stream: 0, shape: [3, 3]), [])]
  }
}
