public import EbbGraph

extension Tensor {
  /// The part at one position of the first axis, which is dropped: a number of a vector, a row of a
  /// matrix.
  public subscript(position: Int) -> Tensor {
    let part = sliced(axis: 0, from: position, to: position + 1)
    return part.reshaped(to: Shape(Array(part.shape.extents.dropFirst())))
  }
}
