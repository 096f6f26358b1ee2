import Ebb
import EbbSystem
import TestSupport
import Testing

@Suite("Numbers of the file, found again")
struct GivenNumbersTests {
  @Test("numbers of up to five digits come back as they were, 0 as 0")
  func back() {
    let digits = uniform(400, seed: 31)
    let scales = uniform(400, seed: 32)
    for row in digits.indices {
      let decimals = row % 5
      let power = [1.0, 10, 100, 1000, 10_000][decimals]
      let number = row % 9 == 0 ? 0 : (digits[row] * 9999).rounded() / power
      let mean = 20 * scales[row] / power
      let scale = (scales[399 - row].magnitude + 0.05) * 3000 / power
      let standardized = Float((number - mean) / scale)
      #expect(GivenNumber.of(standardized, mean: mean, scale: scale) == number)
    }
  }

  @Test("what comes back becomes the same standardised number")
  func same() {
    for (row, value) in uniform(300, seed: 33).enumerated() {
      let (mean, scale) = (1e4 * uniform(300, seed: 34)[row], 0.5 + Double(row))
      let given = GivenNumber.of(Float(value), mean: mean, scale: scale)
      let distance = (Double(Float((given - mean) / scale)) - Double(Float(value))).magnitude
      #expect(distance <= Double(Float(value).ulp) * 1.01 + 1e-11)
    }
  }

  @Test("rows with the inputs of another dataset's are counted, once each")
  func copies() throws {
    let first = try Dataset(
      features: [[1, 2], [3, 4], [0, 5]], labels: [0, 1, 0], classCount: 2)
    let second = try Dataset(
      features: [[3, 4], [3, 4], [-0.0, 5], [1, 3]], labels: [0, 1, 1, 0], classCount: 2)
    #expect(first.rowsAlso(in: second) == 2)
    #expect(second.rowsAlso(in: first) == 3)
    #expect(first.rowsAlso(in: first) == 3)
  }
}
