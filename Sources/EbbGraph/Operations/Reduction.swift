/// Summaries over axes. Order and rounding are the numeric contract's.
public enum Reduction: String, CaseIterable, Hashable, Sendable {
  case sum, product, max, min
}

extension Reduction {
  func rule(axes: [Int]) -> DerivativeRule {
    switch self {
    case .sum:
      .linear { at, dy, _ in dy.spread(over: axes, to: at.x[0].shape) }
    case .max, .min:
      // The gradient is shared evenly among equals, so that no order of elements matters.
      .custom(
        vjp: { at, dy, _ in
          let (chosen, count) = Self.chosen(at, axes)
          return chosen * (dy / count).spread(over: axes, to: at.x[0].shape)
        },
        jvp: { at, dx in
          // The extreme of nothing is constant.
          if axes.contains(where: { at.x[0].shape[$0] == 0 }) { return nil }
          let (chosen, count) = Self.chosen(at, axes)
          return dx[0].map { EbbGraph.sum(chosen * $0, axes: axes) / count }
        })
    case .product:
      // The product of the others, as running products from both sides: right where elements are
      // zero, and multilinear, so that second derivatives are right there too.
      .custom(
        vjp: { at, dy, _ in
          dy.spread(over: axes, to: at.x[0].shape) * Self.productOfOthers(at.x[0], axes)
        },
        jvp: { at, dx in
          dx[0].map { EbbGraph.sum($0 * Self.productOfOthers(at.x[0], axes), axes: axes) }
        })
    }
  }

  /// One, several and all axes; extents odd, 1 and 0.
  var samples: [OperationSample] {
    let shapes: [(Shape, axes: [Int])] = [
      ([2, 3], [0]), ([2, 3], [1]), ([2, 3], [0, 1]), ([5], [0]), ([3, 2, 2], [0, 2]),
      ([2, 1, 3], [1]), ([1], [0]), ([2, 0], [0]), ([0, 2], [0]), ([19], [0]),
    ]
    return shapes.map { shape, axes in
      OperationSample(
        .reduction(self, axes: axes), [.numbers(shape)], apart: self == .max || self == .min)
    }
  }

  /// Which elements have the extreme value, and how many along the axes.
  private static func chosen(_ at: Application, _ axes: [Int]) -> (Tensor, Tensor) {
    let chosen = EbbGraph.float(at.x[0] .== at.y.spread(over: axes, to: at.x[0].shape))
    return (chosen, EbbGraph.sum(chosen, axes: axes))
  }

  private static func productOfOthers(_ x: Tensor, _ axes: [Int]) -> Tensor {
    let kept = (0..<x.shape.rank).filter { !axes.contains($0) }
    let order = kept + axes
    let arranged = x.transposed(order)
    let length = axes.map { x.shape[$0] }.reduce(1, *)
    let rows = arranged.reshaped(to: Shape(kept.map { x.shape[$0] } + [length]))
    let others = running(rows, fromEnd: false) * running(rows, fromEnd: true)
    var inverse = order
    for (position, axis) in order.enumerated() { inverse[axis] = position }
    return others.reshaped(to: arranged.shape).transposed(inverse)
  }

  /// The product of all earlier (or later) elements of each row, by doubling steps.
  private static func running(_ x: Tensor, fromEnd: Bool) -> Tensor {
    let length = x.shape[-1]
    func shifted(_ value: Tensor, by offset: Int) -> Tensor {
      let axis = x.shape.rank - 1
      var extents = x.shape.extents
      extents[axis] = Swift.min(offset, length)
      let ones = x.constant(1).expanded(to: Shape(extents))
      let kept =
        fromEnd
        ? value.sliced(axis: axis, from: Swift.min(offset, length), to: length)
        : value.sliced(axis: axis, from: 0, to: Swift.max(0, length - offset))
      return concatenate(fromEnd ? [kept, ones] : [ones, kept], axis: axis)
    }
    guard length > 0 else { return x }
    var result = shifted(x, by: 1)
    var offset = 1
    while offset < length {
      result = result * shifted(result, by: offset)
      offset *= 2
    }
    return result
  }
}

func reductionResult(of operands: [OperandType], axes: [Int]) throws -> OperandType {
  try expectCount(operands, 1)
  try expectType(operands[0], .float, "the operand")
  return OperandType(shape: operands[0].shape.removing(axes: axes))
}

extension Tensor {
  fileprivate func reduced(_ reduction: Reduction, axes: [Int]?, keepingAxes: Bool) -> Tensor {
    guard let axes = normalized(axes: axes, reduction.rawValue) else { return self }
    // The sum over no axis is the value itself.
    let result = axes.isEmpty ? self : builder.add(.reduction(reduction, axes: axes), [self])
    return keepingAxes ? result.reshaped(to: shape.keeping(axes: axes)) : result
  }

  /// A reduced value repeated along the axes that were reduced.
  func spread(over axes: [Int], to shape: Shape) -> Tensor {
    reshaped(to: shape.keeping(axes: axes)).expanded(to: shape)
  }
}

/// The sum over the given axes (all, if none are given); the sum of nothing is 0.
///
/// - Parameter keepingAxes: leaves the axes with extent 1, so that the result broadcasts back.
public func sum(_ x: Tensor, axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
  x.reduced(.sum, axes: axes, keepingAxes: keepingAxes)
}
/// The mean over the given axes (all, if none are given): the sum divided by the count.
public func mean(_ x: Tensor, axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
  let total = sum(x, axes: axes, keepingAxes: keepingAxes)
  return total / (Double(x.shape.count) / Double(Swift.max(total.shape.count, 1)))
}
/// The product over the given axes (all, if none are given); the product of nothing is 1.
public func product(_ x: Tensor, axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
  x.reduced(.product, axes: axes, keepingAxes: keepingAxes)
}
/// The largest value along the given axes (all, if none are given); equals share the gradient.
public func max(_ x: Tensor, axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
  x.reduced(.max, axes: axes, keepingAxes: keepingAxes)
}
/// The smallest value along the given axes (all, if none are given); equals share the gradient.
public func min(_ x: Tensor, axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
  x.reduced(.min, axes: axes, keepingAxes: keepingAxes)
}
