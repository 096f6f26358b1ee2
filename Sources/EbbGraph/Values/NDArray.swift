/// Numbers in a shape, row-major.
///
///     let x: NDArray<Double> = [[1, 2, 3], [4, 5, 6]]
///     x.shape      // [2, 3]
///     x[1, 0]      // 4.0
public struct NDArray<Element: Sendable>: Sendable {
  /// The extents.
  public let shape: Shape
  /// The elements, row-major; as many as the shape says.
  public var elements: [Element] {
    didSet { precondition(elements.count == shape.count, "the number of elements is fixed") }
  }

  /// Elements in row-major order.
  ///
  /// The number of elements must be the shape's count.
  public init(_ elements: [Element], shape: Shape) {
    precondition(
      elements.count == shape.count, "\(elements.count) elements do not fill the shape \(shape)")
    self.shape = shape
    self.elements = elements
  }

  /// A vector.
  public init(_ elements: [Element]) { self.init(elements, shape: [elements.count]) }

  /// A single number.
  public init(scalar element: Element) { self.init([element], shape: .scalar) }

  /// An array that holds one value everywhere.
  public init(repeating value: Element, shape: Shape) {
    self.init([Element](repeating: value, count: shape.count), shape: shape)
  }

  /// The number of elements.
  public var count: Int { elements.count }

  /// The only element.
  ///
  /// The array must hold exactly one.
  public var scalar: Element {
    precondition(count == 1, "\(shape) is not a single number")
    return elements[0]
  }

  /// The element at an index per axis.
  public subscript(index: Int...) -> Element {
    get { elements[offset(of: index)] }
    set { elements[offset(of: index)] = newValue }
  }

  private func offset(of index: [Int]) -> Int {
    precondition(
      index.count == shape.rank, "\(index.count) indices for the \(shape.rank) axes of \(shape)")
    var offset = 0
    for (axis, position) in index.enumerated() {
      precondition(
        position >= 0 && position < shape.extents[axis],
        "index \(position) of axis \(axis) is out of range for \(shape)")
      offset = offset * shape.extents[axis] + position
    }
    return offset
  }

  /// The same elements, in order, in another shape of equal count.
  public func reshaped(to shape: Shape) -> NDArray { NDArray(elements, shape: shape) }

  /// Each element transformed.
  @inlinable public func map<Other: Sendable>(_ transform: (Element) throws -> Other) rethrows
    -> NDArray<Other>
  {
    NDArray<Other>(try elements.map(transform), shape: shape)
  }

  /// The matrix with rows and columns exchanged.
  ///
  /// The array must have two axes.
  public func transposed() -> NDArray {
    precondition(shape.rank == 2, "\(shape) is not a matrix")
    let (rows, columns) = (shape[0], shape[1])
    var result: [Element] = []
    result.reserveCapacity(count)
    for column in 0..<columns {
      for row in 0..<rows { result.append(elements[row * columns + column]) }
    }
    return NDArray(result, shape: [columns, rows])
  }
}

extension NDArray: Equatable where Element: Equatable {}
extension NDArray: Hashable where Element: Hashable {}

extension NDArray: ExpressibleByArrayLiteral {
  /// Rows of equal shape, one axis more than each.
  public init(arrayLiteral rows: NDArray<Element>...) {
    let inner = rows.first?.shape ?? []
    precondition(
      rows.allSatisfy { $0.shape == inner },
      "rows of different shapes: \(rows.map(\.shape.description))")
    self.init(rows.flatMap(\.elements), shape: Shape([rows.count] + inner.extents))
  }
}

extension NDArray: ExpressibleByIntegerLiteral where Element: ExpressibleByIntegerLiteral {
  /// A single number.
  public init(integerLiteral value: Element.IntegerLiteralType) {
    self.init(scalar: Element(integerLiteral: value))
  }
}

extension NDArray: ExpressibleByFloatLiteral where Element: ExpressibleByFloatLiteral {
  /// A single number.
  public init(floatLiteral value: Element.FloatLiteralType) {
    self.init(scalar: Element(floatLiteral: value))
  }
}
