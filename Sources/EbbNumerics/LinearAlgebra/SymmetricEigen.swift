public import EbbGraph

extension LinearAlgebra {
  /// A V = V Λ: the eigenvalues and orthonormal eigenvectors of a symmetric matrix, by Jacobi's
  /// rotations, cyclic by rows (Golub and Van Loan, Matrix Computations, section 8.5).
  public struct SymmetricEigen: Sendable {
    /// The eigenvalues, rising.
    public let values: [Double]
    /// The eigenvectors in columns, in the order of the values.
    public let vectors: NDArray<Double>

    private static let sweepLimit = 60

    /// - Throws: `LinearAlgebraError` if the matrix is not square, symmetric and finite.
    public init(_ matrix: NDArray<Double>) throws(LinearAlgebraError) {
      let size = try LinearAlgebra.size(ofSymmetric: matrix)
      let scale = LinearAlgebra.powerOfTwo(near: LinearAlgebra.largest(matrix.elements))
      var rotations = Rotations(matrix, scale: scale == 0 ? 1 : scale)
      var sweeps = 0
      while rotations.sweep() {
        sweeps += 1
        if sweeps == Self.sweepLimit { throw .noConvergence(sweeps: sweeps) }
      }
      let found = (0..<size).map { rotations.a[$0 * size + $0] * rotations.scale }
      let order = (0..<size).sorted { (found[$0], $0) < (found[$1], $1) }
      values = order.map { found[$0] }
      // The rotations keep eigenvectors in rows.
      vectors = NDArray(
        order.flatMap { rotations.v[($0 * size)..<(($0 + 1) * size)] }, shape: matrix.shape
      ).transposed()
    }
  }

  /// The matrix on its way to a diagonal, and the product of the rotations so far.
  private struct Rotations {
    let size: Int
    let scale: Double
    var a: [Double]
    var v: [Double]

    init(_ matrix: NDArray<Double>, scale: Double) {
      size = matrix.shape[0]
      self.scale = scale
      // Both triangles alike: the mean of what differs by rounding.
      a = zip(matrix.elements, matrix.transposed().elements).map { $0 / scale / 2 + $1 / scale / 2 }
      v = [Double](repeating: 0, count: size * size)
      for index in 0..<size { v[index * size + index] = 1 }
    }

    /// Rotates every element off the diagonal to zero once; false if all were negligible.
    mutating func sweep() -> Bool {
      var rotated = false
      for p in 0..<size {
        for q in (p + 1)..<max(size, p + 1) where rotate(p, q) { rotated = true }
      }
      return rotated
    }

    private mutating func rotate(_ p: Int, _ q: Int) -> Bool {
      let (app, aqq, apq) = (a[p * size + p], a[q * size + q], a[p * size + q])
      // Nothing that is below a unit in the last place of the whole, 1 after scaling, can matter.
      guard apq.magnitude > 0x1p-60 else { return false }
      let theta = (aqq - app) / (2 * apq)
      let sign: Double = theta < 0 ? -1 : 1
      let tangent = sign / (theta.magnitude + (theta * theta + 1).squareRoot())
      let cosine = 1 / (tangent * tangent + 1).squareRoot()
      let sine = tangent * cosine
      for k in 0..<size where k != p && k != q {
        let (akp, akq) = (a[k * size + p], a[k * size + q])
        a[k * size + p] = cosine * akp - sine * akq
        a[k * size + q] = sine * akp + cosine * akq
        a[p * size + k] = a[k * size + p]
        a[q * size + k] = a[k * size + q]
      }
      a[p * size + p] = app - tangent * apq
      a[q * size + q] = aqq + tangent * apq
      a[p * size + q] = 0
      a[q * size + p] = 0
      for k in 0..<size {
        let (vp, vq) = (v[p * size + k], v[q * size + k])
        v[p * size + k] = cosine * vp - sine * vq
        v[q * size + k] = sine * vp + cosine * vq
      }
      return true
    }
  }
}
