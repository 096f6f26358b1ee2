internal import EbbGraph

/// Small dense linear algebra in double precision, on the host: factorizations that serve least
/// squares, minimization and discriminants.
///
/// Matrices are arrays of two axes, rows first. Sizes are meant to be hundreds, not thousands.
public enum LinearAlgebra {}

/// What is wrong with the operands of a factorization, or with solving by it.
public enum LinearAlgebraError: Error, Hashable, Sendable {
  /// Shapes do not fit; the message says which and what was expected.
  case shape(String)
  /// An element is infinite or not a number.
  case notFinite(row: Int, column: Int)
  /// A matrix that must be symmetric is not.
  case notSymmetric(row: Int, column: Int)
  /// The pivot at this position is not greater than zero beyond rounding.
  case notPositiveDefinite(pivot: Int, value: Double)
  /// This column is, within rounding, a linear combination of others.
  case rankDeficient(column: Int, rank: Int)
  /// The rotations did not make the matrix diagonal.
  case noConvergence(sweeps: Int)
}

extension LinearAlgebraError: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    switch self {
    case .shape(let message): message
    case .notFinite(let row, let column):
      "the element in row \(row), column \(column) is not finite"
    case .notSymmetric(let row, let column):
      "the matrix is not symmetric: the elements (\(row), \(column)) and (\(column), \(row)) differ"
    case .notPositiveDefinite(let pivot, let value):
      "the matrix is not positive definite: pivot \(pivot) is \(value)"
    case .rankDeficient(let column, let rank):
      "column \(column) is a linear combination of others (rank \(rank)): leave it out, or join"
        + " the columns that say the same"
    case .noConvergence(let sweeps):
      "the eigenvalues have not converged after \(sweeps) sweeps"
    }
  }
}

extension LinearAlgebra {
  /// Rows and columns of a finite matrix.
  static func extents(
    ofFinite matrix: NDArray<Double>
  ) throws(LinearAlgebraError) -> (rows: Int, columns: Int) {
    guard matrix.shape.rank == 2 else {
      throw .shape("expected a matrix (two axes), got the shape \(matrix.shape)")
    }
    let columns = matrix.shape[1]
    if let bad = matrix.elements.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(row: bad / columns, column: bad % columns)
    }
    return (matrix.shape[0], columns)
  }

  /// The size of a finite symmetric matrix. Mirrored elements may differ by rounding: 1e-12 of the
  /// largest element.
  static func size(
    ofSymmetric matrix: NDArray<Double>
  ) throws(LinearAlgebraError) -> Int {
    let (rows, columns) = try extents(ofFinite: matrix)
    guard rows == columns else {
      throw .shape("expected a square matrix, got the shape \(matrix.shape)")
    }
    let slack = 1e-12 * largest(matrix.elements)
    for row in 0..<rows {
      for column in 0..<row
      where abs(matrix[row, column] - matrix[column, row]) > slack {
        throw .notSymmetric(row: row, column: column)
      }
    }
    return rows
  }

  /// The largest magnitude; what is not a number is passed over.
  static func largest(_ numbers: some Sequence<Double>) -> Double {
    numbers.reduce(0) { max($0, $1.magnitude) }
  }

  /// The Euclidean norm, scaled by a power of two so that squares neither overflow nor vanish; not a
  /// number if one of the numbers is none.
  package static func norm(_ numbers: some Collection<Double>) -> Double {
    let largest = largest(numbers)
    let scale = powerOfTwo(near: largest)
    guard scale > 0 && scale.isFinite else {
      return numbers.contains(where: \.isNaN) ? .nan : largest
    }
    return numbers.reduce(0) { $0 + ($1 / scale) * ($1 / scale) }.squareRoot() * scale
  }

  /// The power of two at or below a number, by which numbers are scaled without rounding; the
  /// number itself if it is zero or not finite.
  static func powerOfTwo(near number: Double) -> Double {
    number.isFinite && number != 0 ? number.magnitude.binade : number
  }

  /// Σ a[i] b[i].
  package static func dot(
    _ a: some Collection<Double>, _ b: some Collection<Double>
  ) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
