public import EbbGraph

extension LinearAlgebra {
  /// A = L Lᵀ of a symmetric positive definite matrix.
  public struct Cholesky: Sendable {
    /// L, lower triangular, with a diagonal above zero.
    public let lower: NDArray<Double>

    /// Factorizes a symmetric matrix; the elements below the diagonal are read.
    ///
    /// - Throws: `LinearAlgebraError.notPositiveDefinite` with the first pivot that is not above
    ///   size · 2⁻⁵² of its diagonal element; `.notSymmetric`, `.shape`, `.notFinite`.
    public init(_ matrix: NDArray<Double>) throws(LinearAlgebraError) {
      let size = try LinearAlgebra.size(ofSymmetric: matrix)
      var l = NDArray<Double>(repeating: 0, shape: matrix.shape)
      for column in 0..<size {
        var pivot = matrix[column, column]
        for term in 0..<column { pivot -= l[column, term] * l[column, term] }
        guard pivot > Double(size) * 0x1p-52 * matrix[column, column] else {
          throw .notPositiveDefinite(pivot: column, value: pivot)
        }
        l[column, column] = pivot.squareRoot()
        for row in (column + 1)..<max(size, column + 1) {
          var rest = matrix[row, column]
          for term in 0..<column { rest -= l[row, term] * l[column, term] }
          l[row, column] = rest / l[column, column]
        }
      }
      lower = l
    }

    /// The x with A x = b.
    public func solve(_ b: [Double]) throws(LinearAlgebraError) -> [Double] {
      let size = lower.shape[0]
      guard b.count == size else { throw .shape("expected \(size) numbers, got \(b.count)") }
      var x = b
      for row in 0..<size {
        for term in 0..<row { x[row] -= lower[row, term] * x[term] }
        x[row] /= lower[row, row]
      }
      for row in stride(from: size - 1, through: 0, by: -1) {
        for term in (row + 1)..<max(size, row + 1) { x[row] -= lower[term, row] * x[term] }
        x[row] /= lower[row, row]
      }
      return x
    }
  }
}
