/// Operations that move elements and compute none. All are linear.
public enum Movement: Hashable, Sendable {
  /// The same elements, in order, in another shape.
  case reshape(Shape)
  /// Axes in another order: axis i of the result is axis `order[i]` of the operand.
  case transpose([Int])
  /// Axes of extent 1 repeated to the given shape.
  case expand(Shape)
  /// Operands one after another along an axis.
  case concatenate(axis: Int)
  /// The elements from `start` on, `extents` many along each axis.
  case slice(start: [Int], extents: [Int])
  /// Zeros before and after along each axis.
  case pad(before: [Int], after: [Int])
}

extension Movement {
  /// The operation without its payload.
  package enum Kind: String, CaseIterable {
    case reshape, transpose, expand, concatenate, slice, pad

    package var samples: [OperationSample] {
      func sample(_ movement: Movement, _ shapes: Shape...) -> OperationSample {
        OperationSample(.movement(movement), shapes.map { .numbers($0) })
      }
      switch self {
      case .reshape:
        return [sample(.reshape([3, 2]), [2, 3]), sample(.reshape(.scalar), [1, 1])]
      case .transpose:
        return [sample(.transpose([1, 0]), [2, 3]), sample(.transpose([2, 0, 1]), [2, 3, 2])]
      case .expand:
        return [
          sample(.expand([2, 3]), [2, 1]), sample(.expand([2, 3, 2]), [1, 3, 1]),
          sample(.expand([2, 0]), [2, 1]),
        ]
      case .concatenate:
        return [
          sample(.concatenate(axis: 0), [2, 3], [1, 3]),
          sample(.concatenate(axis: 1), [2, 1, 2], [2, 0, 2], [2, 3, 2]),
        ]
      case .slice:
        return [
          sample(.slice(start: [1, 0], extents: [1, 2]), [3, 3]),
          sample(.slice(start: [2], extents: [0]), [3]),
        ]
      case .pad:
        return [
          sample(.pad(before: [1, 0], after: [0, 2]), [2, 3]),
          sample(.pad(before: [2], after: [1]), [0]),
        ]
      }
    }
  }

  package var kind: Kind {
    switch self {
    case .reshape: .reshape
    case .transpose: .transpose
    case .expand: .expand
    case .concatenate: .concatenate
    case .slice: .slice
    case .pad: .pad
    }
  }

  var name: String { kind.rawValue }

  var rule: DerivativeRule {
    switch self {
    case .reshape: .linear { at, dy, _ in dy.reshaped(to: at.x[0].shape) }
    case .transpose(let order):
      .linear { _, dy, _ in
        var inverse = order
        for (position, axis) in order.enumerated() { inverse[axis] = position }
        return dy.transposed(inverse)
      }
    case .expand:
      // The only broadcasting code among the derivatives: what was repeated is summed.
      .linear { at, dy, _ in
        let axes = (0..<dy.shape.rank).filter { at.x[0].shape[$0] != dy.shape[$0] }
        return sum(dy, axes: axes, keepingAxes: true)
      }
    case .concatenate(let axis):
      .linear { at, dy, slot in
        let start = at.x[..<slot].map { $0.shape[axis] }.reduce(0, +)
        return dy.sliced(axis: axis, from: start, to: start + at.x[slot].shape[axis])
      }
    case .slice(let start, let extents):
      .linear { at, dy, _ in
        let after = start.indices.map { at.x[0].shape[$0] - start[$0] - extents[$0] }
        return dy.padded(before: start, after: after)
      }
    case .pad(let before, _):
      .linear { at, dy, _ in
        dy.builder.add(
          .movement(.slice(start: before, extents: at.x[0].shape.extents)), [dy])
      }
    }
  }

  func result(of operands: [OperandType]) throws -> OperandType {
    if case .concatenate(let axis) = self { return try concatenated(operands, axis) }
    try expectCount(operands, 1)
    let (shape, type) = (operands[0].shape, operands[0].type)
    switch self {
    case .reshape(let target):
      try expect(
        target.checkedCount == shape.checkedCount,
        "\(shape) has \(shape.count) elements, \(target) does not")
      return OperandType(shape: target, type: type)
    case .transpose(let order):
      try expect(
        order.sorted() == Array(0..<shape.rank),
        "\(order) does not name each axis of \(shape) once")
      return OperandType(shape: Shape(order.map { shape[$0] }), type: type)
    case .expand(let target):
      try expect(
        target.rank == shape.rank
          && (0..<shape.rank).allSatisfy { shape[$0] == target[$0] || shape[$0] == 1 },
        "\(shape) does not stretch to \(target)")
      return OperandType(shape: target, type: type)
    case .concatenate: return operands[0]
    case .slice(let start, let extents):
      try expect(
        start.count == shape.rank && extents.count == shape.rank
          && (0..<shape.rank).allSatisfy {
            start[$0] >= 0 && extents[$0] >= 0 && start[$0] + extents[$0] <= shape[$0]
          }, "from \(start), \(extents) elements do not lie within \(shape)")
      return OperandType(shape: Shape(extents), type: type)
    case .pad(let before, let after):
      try expect(
        before.count == shape.rank && after.count == shape.rank
          && (before + after).allSatisfy { $0 >= 0 && $0 <= Int(Int32.max) },
        "padding \(before) and \(after) does not fit \(shape)")
      try expectType(operands[0], .float, "the operand")
      return OperandType(
        shape: Shape((0..<shape.rank).map { before[$0] + shape[$0] + after[$0] }))
    }
  }

  private func concatenated(_ operands: [OperandType], _ axis: Int) throws -> OperandType {
    try expect(!operands.isEmpty, "nothing to concatenate")
    let first = operands[0]
    try expect(axis >= 0 && axis < first.shape.rank, "no axis \(axis) in \(first.shape)")
    var extents = first.shape.extents
    for operand in operands.dropFirst() {
      try expect(
        operand.shape.rank == first.shape.rank
          && operand.shape.removing(axes: [axis]) == first.shape.removing(axes: [axis]),
        "\(first.shape) and \(operand.shape) differ in more than axis \(axis)")
      try expectType(operand, first.type, "each operand")
      extents[axis] += operand.shape[axis]
    }
    return OperandType(shape: Shape(extents), type: first.type)
  }
}

extension Tensor {
  /// The same elements, in order, in another shape of equal count.
  public func reshaped(to shape: Shape) -> Tensor {
    shape == self.shape ? self : builder.add(.movement(.reshape(shape)), [self])
  }

  /// The axes in another order; without an order, the last two are exchanged.
  public func transposed(_ order: [Int]? = nil) -> Tensor {
    if let order {
      return order == Array(0..<shape.rank)
        ? self : builder.add(.movement(.transpose(order)), [self])
    }
    guard shape.rank >= 2 else {
      return builder.fail("transpose", "\(shape) has no two axes to exchange", shape)
    }
    var exchanged = Array(0..<shape.rank)
    exchanged.swapAt(shape.rank - 1, shape.rank - 2)
    return transposed(exchanged)
  }

  /// The value repeated to a larger shape: missing leading axes are added, axes of extent 1 repeat.
  public func expanded(to target: Shape) -> Tensor {
    if shape == target { return self }
    guard target.rank >= shape.rank else {
      return builder.fail("expand", "\(shape) does not stretch to \(target)", target, type: type)
    }
    let ones = [Int](repeating: 1, count: target.rank - shape.rank)
    let aligned = reshaped(to: Shape(ones + shape.extents))
    return aligned.shape == target
      ? aligned : builder.add(.movement(.expand(target)), [aligned])
  }

  /// Positions `lower..<upper` along one axis.
  public func sliced(axis: Int, from lower: Int, to upper: Int) -> Tensor {
    guard let axis = normalized(axis: axis, "slice") else { return self }
    guard 0 <= lower && lower <= upper && upper <= shape[axis] else {
      return builder.fail(
        "slice", "\(lower)..<\(upper) does not lie within axis \(axis) of \(shape)", shape)
    }
    var start = [Int](repeating: 0, count: shape.rank)
    var extents = shape.extents
    start[axis] = lower
    extents[axis] = upper - lower
    if extents == shape.extents && lower == 0 { return self }
    return builder.add(.movement(.slice(start: start, extents: extents)), [self])
  }

  /// The part at one position of the first axis, which is dropped: a number of a vector, a row of a
  /// matrix.
  public subscript(position: Int) -> Tensor {
    let part = sliced(axis: 0, from: position, to: position + 1)
    return part.reshaped(to: Shape(Array(part.shape.extents.dropFirst())))
  }

  /// Zeros before and after along each axis.
  public func padded(before: [Int], after: [Int]) -> Tensor {
    if (before + after).allSatisfy({ $0 == 0 }) && before.count == shape.rank { return self }
    return builder.add(.movement(.pad(before: before, after: after)), [self])
  }
}

/// Tensors one after another along an axis; the other extents must agree.
public func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor {
  precondition(!tensors.isEmpty, "concatenate takes at least one tensor")
  guard tensors.count > 1 else { return tensors[0] }
  guard let axis = tensors[0].normalized(axis: axis, "concatenate") else { return tensors[0] }
  return tensors[0].builder.add(.movement(.concatenate(axis: axis)), tensors)
}
