public import EbbGraph

extension LinearAlgebra {
  /// The answer to a linear least-squares problem.
  public struct LeastSquares: Sendable, Hashable {
    /// The x for which |A x − b|² is smallest.
    public let solution: [Double]
    /// A x − b.
    public let residuals: [Double]

    /// |A x − b|².
    public var residualSumOfSquares: Double { LinearAlgebra.dot(residuals, residuals) }
  }

  /// The x for which |A x − b|² is smallest, by a QR factorization of A with its columns scaled to
  /// like norms. The scales are powers of two, so scaling rounds nothing.
  ///
  ///     let line = try LinearAlgebra.leastSquares([[1, 0], [1, 1], [1, 2]], [1, 3, 5])
  ///     line.solution   // [1, 2]: 1 + 2 x
  ///
  /// - Parameters:
  ///   - matrix: A, [observations, unknowns], with at least as many observations as unknowns.
  ///   - b: one number per observation.
  /// - Throws: `LinearAlgebraError`: shapes, numbers that are not finite, or the column that depends
  ///   on others.
  public static func leastSquares(
    _ matrix: NDArray<Double>, _ b: [Double]
  ) throws(LinearAlgebraError) -> LeastSquares {
    let (rows, columns) = try extents(ofFinite: matrix)
    if let bad = b.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(row: bad, column: columns)
    }
    let scales = columnScales(matrix)
    let scaled = (0..<matrix.count).map { matrix.elements[$0] / scales[$0 % columns] }
    let answer = try QR(NDArray(scaled, shape: matrix.shape)).solve(b)
    let solution = zip(answer, scales).map { $0 / $1 }
    let residuals = (0..<rows).map { row in
      dot(matrix.elements[(row * columns)..<((row + 1) * columns)], solution) - b[row]
    }
    return LeastSquares(solution: solution, residuals: residuals)
  }

  /// The power of two at each column's norm; 1 for a column of zeros.
  static func columnScales(_ matrix: NDArray<Double>) -> [Double] {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    return (0..<columns).map { column in
      let length = norm((0..<rows).map { matrix.elements[$0 * columns + column] })
      return length > 0 && length.isFinite ? powerOfTwo(near: length) : 1
    }
  }
}
