import Ebb
import Testing

/// NIST certifies 15 digits, computed with 500 of them from the data as written. The data's monomials
/// are nearly dependent: Filip's normal equations have a condition number beyond 1e30.
@Suite("NIST linear regressions")
struct NISTLinearTests {
  @Test("NIST: least squares reaches 5.5 digits of every linear regression but Filip")
  func leastSquares() throws {
    var table =
      "NIST linear, QR of scaled columns: digits of the worst parameter, of the sum of squares"
    #expect(NISTRegression.linear.count == 11)
    for regression in NISTRegression.linear {
      let fit = try LinearAlgebra.leastSquares(regression.design, regression.y)
      let digits = regression.digits(of: fit.solution)
      let sum = agreeingDigits(fit.residualSumOfSquares, regression.residualSumOfSquares)
      let name = regression.name + String(repeating: " ", count: 9 - regression.name.count)
      table += "\n  \(name)" + cell(digits) + cell(sum)
      if regression.name != "Filip" { #expect(digits >= 5.5, "\(regression.name): \(digits)") }
    }
    print(table)
  }

  @Test("NIST: Gauss-Newton from zero solves a linear regression in a few steps, by Ebb's Jacobian")
  func gaussNewton() throws {
    for regression in NISTRegression.linear where regression.name != "Filip" {
      let width = regression.parameters.count
      let fit = try Ebb.leastSquares(from: NDArray(repeating: 0, shape: [width])) { b in
        let design = b.builder.constant(array: regression.design)
        let observed = b.builder.constant(array: NDArray(regression.y))
        let predicted = matmul(design, b.reshaped(to: [width, 1]))
        return predicted.reshaped(to: [regression.y.count]) - observed
      }
      let digits = regression.digits(of: fit.point.elements)
      #expect(digits >= 5.5, "\(regression.name): \(digits), \(fit.reason)")
      // Where the certified sum is zero, what is left is rounding, which further steps lower.
      if regression.residualSumOfSquares > 0 {
        #expect(fit.iterations <= 4, "\(regression.name): \(fit.iterations)")
      }
    }
  }
}

extension NISTRegression {
  /// The linear model's matrix: the predictors themselves (NoInt), a constant and the predictors
  /// (Longley), or the powers of one predictor.
  var design: NDArray<Double> {
    let rows = (0..<y.count).map { row -> [Double] in
      let predictors = (0..<x.shape[1]).map { x[row, $0] }
      if name.hasPrefix("NoInt") { return predictors }
      if predictors.count > 1 { return [1] + predictors }
      var powers = [1.0]
      while powers.count < parameters.count {
        powers.append(powers[powers.count - 1] * predictors[0])
      }
      return powers
    }
    return NDArray(rows.flatMap { $0 }, shape: [y.count, parameters.count])
  }
}
