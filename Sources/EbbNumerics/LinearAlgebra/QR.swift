public import EbbGraph

extension LinearAlgebra {
  /// A P = Q R by Householder reflections with column pivoting (Businger and Golub, 1965).
  ///
  /// Q has orthonormal columns, R is upper triangular with a diagonal of falling magnitude, and P
  /// takes the columns in the order of `permutation`.
  public struct QR: Sendable {
    /// The number of rows, at least that of columns.
    public let rows: Int
    /// The number of columns.
    public let columns: Int
    /// Which column of the matrix stands at each position of the product.
    public private(set) var permutation: [Int]
    /// The number of columns that are independent beyond rounding: those whose diagonal element of R
    /// exceeds max(rows, columns) · 2⁻⁵² of the first.
    public private(set) var rank = 0
    /// Column by column: R above the diagonal, below it the reflections' vectors without their
    /// leading 1.
    private var factors: [Double]
    private var diagonal: [Double] = []
    /// Each reflection is 1 − β v vᵀ.
    private var betas: [Double] = []

    /// Factorizes a matrix of at least as many rows as columns.
    ///
    /// - Throws: `LinearAlgebraError` for another shape or an element that is not finite.
    public init(_ matrix: NDArray<Double>) throws(LinearAlgebraError) {
      (rows, columns) = try LinearAlgebra.extents(ofFinite: matrix)
      guard rows >= columns else {
        throw .shape("expected at least as many rows as columns, got the shape \(matrix.shape)")
      }
      factors = matrix.transposed().elements
      permutation = Array(0..<columns)
      for step in 0..<columns {
        exchange(step, with: longestColumn(from: step))
        reflect(step)
      }
      let threshold = Double(max(rows, columns)) * 0x1p-52 * (diagonal.first ?? 0).magnitude
      rank = diagonal.prefix { $0.magnitude > threshold }.count
    }

    /// The orthonormal columns, [rows, columns].
    public var q: NDArray<Double> {
      var result: [Double] = []
      for column in 0..<columns {
        var unit = [Double](repeating: 0, count: rows)
        unit[column] = 1
        for step in stride(from: columns - 1, through: 0, by: -1) { apply(step, to: &unit) }
        result += unit
      }
      return NDArray(result, shape: [columns, rows]).transposed()
    }

    /// The upper triangle, [columns, columns].
    public var r: NDArray<Double> {
      var result = NDArray<Double>(repeating: 0, shape: [columns, columns])
      for row in 0..<columns {
        result[row, row] = diagonal[row]
        for column in (row + 1)..<max(columns, row + 1) { result[row, column] = self[row, column] }
      }
      return result
    }

    /// Q₊ᵀ b, where Q₊ is Q completed to a square: the first entries are Qᵀ b, the norm of the rest
    /// is that of the residual of least squares.
    public func rotated(_ b: [Double]) throws(LinearAlgebraError) -> [Double] {
      guard b.count == rows else {
        throw .shape("expected \(rows) numbers, one per row, got \(b.count)")
      }
      var result = b
      for step in 0..<columns { apply(step, to: &result) }
      return result
    }

    /// The x for which |A x − b| is smallest.
    ///
    /// - Throws: `LinearAlgebraError.rankDeficient` with the column that depends on others, `.shape`.
    public func solve(_ b: [Double]) throws(LinearAlgebraError) -> [Double] {
      let rotated = try rotated(b)
      guard rank == columns else {
        throw .rankDeficient(column: permutation[rank], rank: rank)
      }
      var result = [Double](repeating: 0, count: columns)
      for row in stride(from: columns - 1, through: 0, by: -1) {
        var rest = rotated[row]
        for column in (row + 1)..<max(columns, row + 1) {
          rest -= self[row, column] * result[permutation[column]]
        }
        result[permutation[row]] = rest / diagonal[row]
      }
      return result
    }

    private subscript(row: Int, column: Int) -> Double { factors[column * rows + row] }

    /// The part of a column that is still to be reduced.
    private func rest(of column: Int, from step: Int) -> ArraySlice<Double> {
      factors[(column * rows + step)..<((column + 1) * rows)]
    }

    private func longestColumn(from step: Int) -> Int {
      var (best, length) = (step, -1.0)
      for column in step..<columns {
        let norm = LinearAlgebra.norm(rest(of: column, from: step))
        if norm > length { (best, length) = (column, norm) }
      }
      return best
    }

    private mutating func exchange(_ column: Int, with other: Int) {
      guard column != other else { return }
      permutation.swapAt(column, other)
      for row in 0..<rows { factors.swapAt(column * rows + row, other * rows + row) }
    }

    /// Makes column `step` zero below the diagonal, and turns the later columns alike.
    private mutating func reflect(_ step: Int) {
      let head = self[step, step]
      let norm = LinearAlgebra.norm(rest(of: step, from: step))
      guard norm > 0 else {
        diagonal.append(0)
        betas.append(0)
        return
      }
      // The sign that adds magnitudes, so that nothing cancels.
      let target = head > 0 ? -norm : norm
      for row in (step + 1)..<max(rows, step + 1) {
        factors[step * rows + row] /= head - target
      }
      diagonal.append(target)
      betas.append((target - head) / target)
      let reflection = Reflection(
        step: step, beta: betas[step], tail: Array(rest(of: step, from: step).dropFirst()))
      for column in (step + 1)..<max(columns, step + 1) {
        reflection.apply(to: &factors, at: column * rows)
      }
    }

    private func apply(_ step: Int, to vector: inout [Double]) {
      let tail = Array(rest(of: step, from: step).dropFirst())
      Reflection(step: step, beta: betas[step], tail: tail).apply(to: &vector, at: 0)
    }
  }

  /// 1 − β v vᵀ, where v is zero before `step`, 1 there, and then the tail.
  private struct Reflection {
    let step: Int
    let beta: Double
    let tail: [Double]

    /// Reflects the vector that begins at `start`.
    func apply(to numbers: inout [Double], at start: Int) {
      let head = start + step
      var product = numbers[head]
      for row in tail.indices { product += tail[row] * numbers[head + 1 + row] }
      product *= beta
      numbers[head] -= product
      for row in tail.indices { numbers[head + 1 + row] -= product * tail[row] }
    }
  }
}
