import Ebb
import Foundation
import TestSupport
import Testing

/// Factorizations by their laws. The gates are the backward error bounds of Higham (Accuracy and
/// Stability of Numerical Algorithms, second edition) with a constant of 8 for the check's own
/// rounding: rows · columns · 2⁻⁵³ of each column's norm (theorem 19.4), (size + 2) · 2⁻⁵³ of
/// √(aᵢᵢ aⱼⱼ) for Cholesky's elements (theorem 10.3), size² · 2⁻⁵³ of the norm for Jacobi's rotations.
@Suite("LinearAlgebra")
struct LinearAlgebraTests {
  static let unit = 8 * 0x1p-53

  /// A matrix to factorize, at least as high as wide.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let matrix: NDArray<Double>
    var testDescription: String { name }

    static let all: [Case] = {
      var random = SplitMix(state: 7)
      var list = [
        Case(name: "1 x 1", matrix: [[-3]]), Case(name: "1 x 1 zero", matrix: [[0]]),
        Case(name: "zeros", matrix: NDArray(repeating: 0, shape: [4, 3])),
        Case(name: "no columns", matrix: NDArray([], shape: [3, 0])),
        Case(name: "equal columns", matrix: [[1, 1], [2, 2], [3, 3]]),
        Case(name: "tiny", matrix: [[3e-300, 1e-300], [4e-300, -2e-300]]),
        Case(name: "huge", matrix: [[3e300, 1e300], [4e300, -2e300]]),
      ]
      for (rows, columns) in [
        (1, 1), (2, 1), (2, 2), (3, 2), (5, 5), (7, 3), (16, 16), (33, 8), (40, 31), (64, 64),
      ] {
        let plain = NDArray(random.numbers(rows * columns), shape: [rows, columns])
        list.append(Case(name: "random \(rows) x \(columns)", matrix: plain))
        let scales = (0..<columns).map { _ in random.scale() }
        let elements = plain.elements.indices.map { plain.elements[$0] * scales[$0 % columns] }
        list.append(
          Case(
            name: "ill-scaled \(rows) x \(columns)",
            matrix: NDArray(elements, shape: [rows, columns])))
      }
      for size in [2, 5, 8, 12] {
        list.append(Case(name: "Hilbert \(size)", matrix: hilbert(size)))
      }
      return list
    }()
  }

  static func hilbert(_ size: Int) -> NDArray<Double> {
    NDArray(
      (0..<size * size).map { 1 / Double($0 / size + $0 % size + 1) }, shape: [size, size])
  }

  /// AᵀA/rows + I: symmetric and positive definite.
  static func positive(_ size: Int, _ random: inout SplitMix) -> NDArray<Double> {
    let a = NDArray(random.numbers(size * size), shape: [size, size])
    var result = times(a.transposed(), a)
    for index in 0..<size { result[index, index] += 1 }
    return result
  }

  static func times(_ a: NDArray<Double>, _ b: NDArray<Double>) -> NDArray<Double> {
    var result = NDArray<Double>(repeating: 0, shape: [a.shape[0], b.shape[1]])
    for row in 0..<a.shape[0] {
      for column in 0..<b.shape[1] {
        for term in 0..<a.shape[1] { result[row, column] += a[row, term] * b[term, column] }
      }
    }
    return result
  }

  static func column(_ a: NDArray<Double>, _ column: Int) -> [Double] {
    (0..<a.shape[0]).map { a[$0, column] }
  }

  /// The largest element of |QᵀQ − I|.
  static func distanceFromOrthonormal(_ q: NDArray<Double>) -> Double {
    let product = times(q.transposed(), q)
    var largest = 0.0
    for row in 0..<product.shape[0] {
      for column in 0..<product.shape[0] {
        largest = max(largest, abs(product[row, column] - (row == column ? 1 : 0)))
      }
    }
    return largest
  }

  @Test("QᵀQ = I, QR = AP, R is upper triangular and falls along its diagonal", arguments: Case.all)
  func qr(_ example: Case) throws {
    let a = example.matrix
    let (rows, columns) = (a.shape[0], a.shape[1])
    let qr = try LinearAlgebra.QR(a)
    let (q, r) = (qr.q, qr.r)
    let gate = Self.unit * Double(rows * columns)
    #expect(Self.distanceFromOrthonormal(q) <= gate)
    #expect(qr.permutation.sorted() == Array(0..<columns))
    let product = Self.times(q, r)
    for (position, original) in qr.permutation.enumerated() {
      let (found, expected) = (Self.column(product, position), Self.column(a, original))
      let error = LinearAlgebra.norm(zip(found, expected).map { $0 - $1 })
      #expect(error <= gate * LinearAlgebra.norm(expected))
      for row in (position + 1)..<max(columns, position + 1) { #expect(r[row, position] == 0) }
      if position > 0 {
        let (above, here) = (r[position - 1, position - 1], r[position, position])
        #expect(abs(here) <= abs(above) * (1 + gate))
      }
    }
  }

  @Test("the laws notice an element that is wrong by 1e-10")
  func lawsNotice() throws {
    var random = SplitMix(state: 3)
    let a = NDArray(random.numbers(15), shape: [5, 3])
    var q = try LinearAlgebra.QR(a).q
    q[2, 1] += 1e-10
    #expect(Self.distanceFromOrthonormal(q) > Self.unit * 15)
  }

  @Test("least squares: the residual is orthogonal to every column", arguments: Case.all)
  func leastSquares(_ example: Case) throws {
    let a = example.matrix
    let (rows, columns) = (a.shape[0], a.shape[1])
    var random = SplitMix(state: 11)
    // As large as the matrix, so that no solution overflows.
    let size = a.elements.map(abs).max() ?? 1
    let b = random.numbers(rows).map { $0 * (size == 0 ? 1 : size) }
    let dependent = ["1 x 1 zero", "zeros", "equal columns", "Hilbert 12"].contains(example.name)
    guard !dependent else {
      #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.leastSquares(a, b) }
      return
    }
    let fit = try LinearAlgebra.leastSquares(a, b)
    let norms = (0..<columns).map { LinearAlgebra.norm(Self.column(a, $0)) }
    let reach = zip(norms, fit.solution).reduce(LinearAlgebra.norm(b)) { $0 + $1.0 * abs($1.1) }
    for index in 0..<columns {
      let direction = Self.column(a, index).map { $0 / norms[index] }
      let product = LinearAlgebra.dot(direction, fit.residuals.map { $0 / reach })
      #expect(abs(product) <= Self.unit * Double(rows * columns))
    }
  }

  @Test("least squares in other units (powers of two) gives the same bits")
  func leastSquaresUnits() throws {
    var random = SplitMix(state: 5)
    let a = NDArray(random.numbers(60), shape: [12, 5])
    let b = random.numbers(12)
    let units: [Double] = [0x1p-40, 1, 0x1p30, 0x1p-3, 0x1p100]
    let scaled = NDArray(
      a.elements.indices.map { a.elements[$0] * units[$0 % 5] }, shape: a.shape)
    let plain = try LinearAlgebra.leastSquares(a, b)
    let other = try LinearAlgebra.leastSquares(scaled, b)
    #expect(zip(other.solution, units).map { $0 * $1 } == plain.solution)
    #expect(other.residuals == plain.residuals)
  }

  @Test("LLᵀ = A, and solving by L solves A x = b", arguments: [1, 2, 3, 8, 31])
  func cholesky(size: Int) throws {
    var random = SplitMix(state: UInt64(size))
    let matrices = [Self.positive(size, &random)] + (size <= 8 ? [Self.hilbert(size)] : [])
    for a in matrices {
      let factor = try LinearAlgebra.Cholesky(a)
      let product = Self.times(factor.lower, factor.lower.transposed())
      let b = random.numbers(size)
      let x = try factor.solve(b)
      for row in 0..<size {
        #expect(factor.lower[row, row] > 0)
        for column in 0..<size {
          let gate = Self.unit * Double(size + 2) * (a[row, row] * a[column, column]).squareRoot()
          #expect(abs(product[row, column] - a[row, column]) <= gate)
          if column > row { #expect(factor.lower[row, column] == 0) }
        }
        let found = (0..<size).reduce(0) { $0 + a[row, $1] * x[$1] }
        let reach = (0..<size).reduce(abs(b[row])) {
          $0 + (a[row, row] * a[$1, $1]).squareRoot() * abs(x[$1])
        }
        #expect(abs(found - b[row]) <= Self.unit * Double(3 * size + 2) * reach)
      }
    }
  }

  @Test("A V = V Λ, VᵀV = I, values rise", arguments: [1, 2, 3, 8, 31])
  func eigen(size: Int) throws {
    var random = SplitMix(state: UInt64(100 + size))
    var indefinite = NDArray(random.numbers(size * size), shape: [size, size])
    for row in 0..<size {
      for column in 0..<row { indefinite[row, column] = indefinite[column, row] }
    }
    for a in [
      Self.positive(size, &random), Self.hilbert(size), indefinite, indefinite.map { $0 * 1e200 },
    ] {
      let eigen = try LinearAlgebra.SymmetricEigen(a)
      let gate = Self.unit * Double(size * size)
      #expect(Self.distanceFromOrthonormal(eigen.vectors) <= gate)
      #expect(eigen.values == eigen.values.sorted())
      let product = Self.times(a, eigen.vectors)
      let norm = LinearAlgebra.norm(a.elements)
      for column in 0..<size {
        let expected = Self.column(eigen.vectors, column).map { $0 * eigen.values[column] }
        let error = zip(Self.column(product, column), expected).map { $0 - $1 }
        #expect(LinearAlgebra.norm(error) <= gate * norm)
      }
    }
  }

  @Test("eigenvalues of the second difference are 2 − 2 cos(kπ/(n+1))")
  func secondDifference() throws {
    let size = 24
    var a = NDArray<Double>(repeating: 0, shape: [size, size])
    for index in 0..<size {
      a[index, index] = 2
      if index > 0 {
        a[index, index - 1] = -1
        a[index - 1, index] = -1
      }
    }
    let expected = (1...size).map { index -> Double in
      let sine = sin(Double(index) * .pi / Double(2 * size + 2))
      return 4 * sine * sine
    }
    let found = try LinearAlgebra.SymmetricEigen(a).values
    #expect(difference(found, expected) <= Self.unit * Double(size * size))
  }

  @Test("faults are typed and name the place")
  func errors() {
    #expect(throws: LinearAlgebraError.notPositiveDefinite(pivot: 1, value: -3)) {
      try LinearAlgebra.Cholesky([[1, 2], [2, 1]])
    }
    #expect(throws: LinearAlgebraError.notPositiveDefinite(pivot: 1, value: 0)) {
      try LinearAlgebra.Cholesky([[1, 2], [2, 4]])
    }
    #expect(throws: LinearAlgebraError.notSymmetric(row: 1, column: 0)) {
      try LinearAlgebra.SymmetricEigen([[1, 2], [3, 4]])
    }
    #expect(throws: LinearAlgebraError.notFinite(row: 1, column: 0)) {
      try LinearAlgebra.QR(NDArray([1, 2, .nan, 4], shape: [2, 2]))
    }
    #expect(throws: LinearAlgebraError.rankDeficient(column: 2, rank: 2)) {
      try LinearAlgebra.leastSquares([[8, 0, 4], [0, 8, 4], [8, 8, 8]], [1, 2, 3])
    }
    #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.QR([[1, 2, 3], [4, 5, 6]]) }
    #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.QR([1, 2, 3]) }
    #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.leastSquares([[1], [2]], [1]) }
    #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.Cholesky([[1, 2, 3]]) }
  }

  @Test("a norm neither overflows nor vanishes, and is none where a number is none")
  func norm() {
    #expect(LinearAlgebra.norm([0x3p1000, 0x4p1000]) == 0x5p1000)
    #expect(LinearAlgebra.norm([0x3p-1070, 0x4p-1070]) == 0x5p-1070)
    #expect(LinearAlgebra.norm([]) == 0)
    #expect(LinearAlgebra.norm([.infinity, 1]) == .infinity)
    for numbers in [[Double.nan], [0, .nan], [.nan, 1], [1, .nan], [.infinity, .nan]] {
      let norm = LinearAlgebra.norm(numbers)
      #expect(norm.isNaN, "\(numbers) has the norm \(norm)")
    }
  }
}

/// Numbers from a seed.
struct SplitMix {
  var state: UInt64

  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Between -1 and 1.
  mutating func numbers(_ count: Int) -> [Double] {
    (0..<count).map { _ in Double(Int64(bitPattern: next()) >> 10) * 0x1p-53 }
  }

  /// Between 1e-8 and 1e8, evenly in the exponent.
  mutating func scale() -> Double {
    (0..<Int(next() % 17)).reduce(1e-8) { value, _ in value * 10 }
  }
}
