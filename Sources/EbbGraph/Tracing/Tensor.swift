/// A symbolic value while a computation is traced: it has a shape, but no numbers yet.
///
/// Mathematics is written with operators and free functions (`a * b`, `exp(x)`, `matmul(a, b)`),
/// structure with methods (`x.reshaped(to:)`). Operands of elementwise operations broadcast:
/// shapes are aligned at the last axis, and an extent of 1 stretches.
public struct Tensor {
  /// Where this value is written down.
  public let builder: GraphBuilder
  /// The node that computes it.
  public let id: NodeID

  package init(builder: GraphBuilder, id: NodeID) {
    self.builder = builder
    self.id = id
  }

  /// The extents.
  public var shape: Shape {
    let shape = builder.graph[id].shape
    return builder.hasFault ? shape.asGuess : shape
  }

  /// What the elements are.
  public var type: ElementType { builder.graph[id].type }

  package var op: Op { builder.graph[id].op }

  /// A number, traced beside this value.
  package func constant(_ value: Double) -> Tensor { builder.constant(value) }

  /// A number in this value's shape.
  package func filled(with value: Double) -> Tensor { constant(value).expanded(to: shape) }

  /// The axis as a number from 0, or a fault.
  package func normalized(axis: Int, _ operation: String) -> Int? {
    if axis >= -shape.rank && axis < shape.rank { return axis < 0 ? axis + shape.rank : axis }
    _ = builder.fail(operation, "axis \(axis) is out of range for the shape \(shape)", shape)
    return nil
  }

  /// Sorted axes from 0 without repetition, or a fault. Nil in means all axes.
  package func normalized(axes: [Int]?, _ operation: String) -> [Int]? {
    guard let axes else { return Array(0..<shape.rank) }
    var result: [Int] = []
    for axis in axes {
      guard let axis = normalized(axis: axis, operation) else { return nil }
      if result.contains(axis) {
        _ = builder.fail(operation, "axis \(axis) is named twice", shape)
        return nil
      }
      result.append(axis)
    }
    return result.sorted()
  }
}
