internal import EbbGraph

/// A value as elements of another node's memory, read with strides: what movements become without
/// moving anything.
struct View {
  /// The node whose memory is read.
  var source: NodeID
  /// Elements before the first one.
  var offset: Int
  /// Elements between neighbours, for each axis of the value's shape.
  var strides: [Int]

  /// Whether elements lie side by side in row-major order.
  func isContiguous(_ shape: Shape) -> Bool {
    let dense = shape.strides
    return shape.count == 0
      || (0..<shape.rank).allSatisfy { shape[$0] == 1 || strides[$0] == dense[$0] }
  }

  /// The value after a movement; nil if strides cannot express it.
  func moved(by movement: Movement, from shape: Shape, to result: Shape) -> View? {
    var view = self
    switch movement {
    case .transpose(let order): view.strides = order.map { strides[$0] }
    case .expand:
      view.strides = (0..<shape.rank).map { shape[$0] == result[$0] ? strides[$0] : 0 }
    case .slice(let start, _):
      view.offset += zip(start, strides).map { $0 * $1 }.reduce(0, +)
    case .reshape:
      if isContiguous(shape) {
        view.strides = result.strides
      } else {
        // Axes of extent 1 may come and go.
        let kept = (0..<shape.rank).filter { shape[$0] != 1 }
        guard kept.map({ shape[$0] }) == result.extents.filter({ $0 != 1 }) else { return nil }
        var rest = kept.map { strides[$0] }[...]
        view.strides = result.extents.map { $0 == 1 ? 0 : rest.popFirst() ?? 0 }
      }
    case .concatenate, .pad: return nil
    }
    return view
  }

  /// How a chain over the given shape reads the value.
  enum Pattern: Equatable {
    case contiguous
    case scalar
    /// One value for each of the last axes' elements, `inner` in all.
    case perColumn(inner: Int)
    /// One value for each run of `inner` elements.
    case perRow(inner: Int)
  }

  /// The pattern, or nil if the value must be copied first.
  func pattern(_ shape: Shape) -> Pattern? {
    if isContiguous(shape) { return .contiguous }
    let axes = (0..<shape.rank).filter { shape[$0] != 1 }
    if axes.allSatisfy({ strides[$0] == 0 }) { return .scalar }
    for split in 1..<max(axes.count, 1) {
      let (outer, inner) = (axes[..<split], axes[split...])
      let innerCount = inner.map { shape[$0] }.reduce(1, *)
      if outer.allSatisfy({ strides[$0] == 0 }) && isDense(inner, shape) {
        return .perColumn(inner: innerCount)
      }
      if inner.allSatisfy({ strides[$0] == 0 }) && isDense(outer, shape) {
        return .perRow(inner: innerCount)
      }
    }
    return nil
  }

  private func isDense(_ axes: ArraySlice<Int>, _ shape: Shape) -> Bool {
    var expected = 1
    for axis in axes.reversed() {
      if strides[axis] != expected { return false }
      expected *= shape[axis]
    }
    return true
  }
}
