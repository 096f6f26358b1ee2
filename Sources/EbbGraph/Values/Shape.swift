/// The extents of an array, outermost first. A scalar has no extents.
public struct Shape: Hashable, Sendable {
  /// The extents, outermost first; each is 0 or more.
  public let extents: [Int]
  /// Whether this is the best guess at a shape after a fault: then an axis that is not there has
  /// extent 1, so that user code runs on to the error's report.
  private var isGuess = false

  /// A shape with the given extents, outermost first.
  public init(_ extents: [Int]) {
    precondition(extents.allSatisfy { $0 >= 0 }, "a shape has no negative extent: \(extents)")
    self.extents = extents
  }

  /// The shape of a single number.
  public static let scalar = Shape([])

  /// The number of axes.
  public var rank: Int { extents.count }

  /// The number of elements: the product of the extents, or nil if it exceeds `Int32.max`, the
  /// most that one array may hold.
  public var checkedCount: Int? {
    if extents.contains(0) { return 0 }
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow || product > Int(Int32.max) { return nil }
      count = product
    }
    return count
  }

  /// The number of elements.
  public var count: Int {
    guard let count = checkedCount else { preconditionFailure("\(self) has too many elements") }
    return count
  }

  /// The extent of one axis; negative axes count from the last.
  public subscript(axis: Int) -> Int {
    if isGuess && (axis < -rank || axis >= rank) { return 1 }
    precondition(
      axis >= -rank && axis < rank, "axis \(axis) is out of range for \(self) (rank \(rank))")
    return extents[axis < 0 ? axis + rank : axis]
  }

  /// The same extents, as the best guess after a fault.
  var asGuess: Shape {
    var guess = self
    guess.isGuess = true
    return guess
  }

  /// Equal extents.
  public static func == (left: Shape, right: Shape) -> Bool { left.extents == right.extents }

  /// Hashes the extents.
  public func hash(into hasher: inout Hasher) { hasher.combine(extents) }

  /// Elements between neighbours along each axis, row-major.
  package var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * extents[axis + 1]
    }
    return strides
  }

  /// The shape without the given axes.
  package func removing(axes: [Int]) -> Shape {
    Shape(extents.indices.filter { !axes.contains($0) }.map { extents[$0] })
  }

  /// The shape with the given axes set to 1.
  package func keeping(axes: [Int]) -> Shape {
    Shape(extents.indices.map { axes.contains($0) ? 1 : extents[$0] })
  }

  /// The shape that two operands of an elementwise operation share after broadcasting: aligned at
  /// the last axis, an extent of 1 stretches to the other's. Nil if they do not fit.
  package static func broadcast(_ left: Shape, _ right: Shape) -> Shape? {
    let rank = max(left.rank, right.rank)
    var extents = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
      let a = axis < rank - left.rank ? 1 : left.extents[axis - (rank - left.rank)]
      let b = axis < rank - right.rank ? 1 : right.extents[axis - (rank - right.rank)]
      guard a == b || a == 1 || b == 1 else { return nil }
      extents[axis] = a == 1 ? b : a
    }
    return Shape(extents)
  }
}

extension Shape: ExpressibleByArrayLiteral, CustomStringConvertible {
  /// A shape from a list of extents.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The extents, such as `[32, 784]`.
  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}

/// What the elements of a traced value are.
public enum ElementType: String, Hashable, Sendable {
  /// Real numbers: Float in the executor, Float or Double in the interpreter.
  case float
  /// Class and row indices: 32-bit integers.
  case index
  /// Truth values, stored as the real numbers 0 and 1.
  case mask
}
