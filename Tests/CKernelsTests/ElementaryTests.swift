import CKernels
import Foundation
import Testing

/// A function, its Double reference, and the bound that Documentation/NumericContract.md states.
struct ElementaryFunction: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let operation: ebb_operation
  let ulps: Double
  let domain: ClosedRange<Float>
  let reference: @Sendable (Double) -> Double

  init(
    _ name: String, _ operation: ebb_operation, ulps: Double,
    domain: ClosedRange<Float> = -Float.infinity...Float.infinity,
    _ reference: @escaping @Sendable (Double) -> Double
  ) {
    testDescription = name
    self.operation = operation
    self.ulps = ulps
    self.domain = domain
    self.reference = reference
  }
}

private let functions: [ElementaryFunction] = [
  ElementaryFunction("exp", EBB_EXP, ulps: 2, { exp($0) }),
  ElementaryFunction("expm1", EBB_EXPM1, ulps: 2, { expm1($0) }),
  ElementaryFunction("log", EBB_LOG, ulps: 2, { log($0) }),
  ElementaryFunction("log1p", EBB_LOG1P, ulps: 2, { log1p($0) }),
  ElementaryFunction("sin", EBB_SIN, ulps: 2, domain: -1e5...1e5, { sin($0) }),
  ElementaryFunction("cos", EBB_COS, ulps: 2, domain: -1e5...1e5, { cos($0) }),
  ElementaryFunction("atan", EBB_ATAN, ulps: 2, { atan($0) }),
  ElementaryFunction("tanh", EBB_TANH, ulps: 2, { tanh($0) }),
  ElementaryFunction(
    "sigmoid", EBB_SIGMOID, ulps: 2,
    { x in
      x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
    }),
  ElementaryFunction("softplus", EBB_SOFTPLUS, ulps: 2, { x in max(x, 0) + log1p(exp(-abs(x))) }),
  ElementaryFunction("erf", EBB_ERF, ulps: 2, { erf($0) }),
  ElementaryFunction("normalCDF", EBB_NORMAL_CDF, ulps: 1, { 0.5 * erfc(-$0 / 2.0.squareRoot()) }),
  ElementaryFunction(
    "normalDensity", EBB_NORMAL_DENSITY, ulps: 1,
    { exp(-0.5 * $0 * $0) / (2 * Double.pi).squareRoot() }),
  ElementaryFunction("rsqrt", EBB_RSQRT, ulps: 2, { 1 / $0.squareRoot() }),
]

/// The distance from a reference in units of the last place there.
private func ulps(_ got: Float, from reference: Double) -> Double {
  let nearest = Float(reference)
  if reference.isNaN || got.isNaN { return reference.isNaN && got.isNaN ? 0 : .infinity }
  if got == nearest { return 0 }
  let value = got.isInfinite ? (got < 0 ? -0x1p128 : 0x1p128) : Double(got)
  let magnitude = Float(min(abs(reference), Double(Float.greatestFiniteMagnitude)))
  return abs(value - reference) / Double(magnitude.ulp)
}

@Suite("Elementary functions")
struct ElementaryTests {
  @Test("stay within their stated error over all exponents", arguments: functions)
  func error(function: ElementaryFunction) {
    // About 330 values of every sign and exponent, subnormals included.
    var inputs: [Float] = specialValues
    for pattern in stride(from: UInt64(0), to: 1 << 32, by: 25_301) {
      inputs.append(Float(bitPattern: UInt32(pattern)))
    }
    inputs = inputs.filter { function.domain.contains($0) || $0.isNaN }
    let output = Floats(count: inputs.count)
    Chain(
      operands: [(Floats(inputs), EBB_CONTIGUOUS)], steps: [step(function.operation, to: 1, 0)],
      outputs: [(output, 1)], inner: inputs.count
    ).run(ebb_kernels_best().pointee)
    var worst = (error: 0.0, input: Float(0))
    for (index, input) in inputs.enumerated() {
      let error = ulps(output.data[index], from: function.reference(Double(input)))
      if error > worst.error { worst = (error, input) }
    }
    #expect(worst.error <= function.ulps, "at \(worst.input)")
  }

  @Test("agree with C's powf to 1 ulp, and in every special case exactly")
  func power() {
    let edges =
      specialValues + [3, -3, 2, -2, 1.0000001, 0.9999999, -0.5, 1e30, -1e30, 16_777_215]
    for x in edges {
      for y in edges {
        let got = ebb_scalar(EBB_POWER, x, y, 0)
        #expect(
          sameBits(got, powf(x, y)) || ulps(got, from: pow(Double(x), Double(y))) <= 1,
          "pow(\(x), \(y)) = \(got)")
        if x == 0 || x.isInfinite || y == 0 || y.isInfinite || x == 1 || x.isNaN || y.isNaN {
          #expect(sameBits(got, powf(x, y)), "pow(\(x), \(y)) = \(got)")
        }
      }
    }
    var generator = Generator(1)
    for _ in 0..<100_000 {
      let x = Float(bitPattern: UInt32.random(in: 1..<0x7f80_0000, using: &generator))
      let y = Float.random(in: -12...12, using: &generator)
      let error = ulps(ebb_scalar(EBB_POWER, x, y, 0), from: pow(Double(x), Double(y)))
      #expect(error <= 1, "pow(\(x), \(y))")
    }
  }

  @Test(
    "keep the sign of zero where the function is odd",
    arguments: [
      EBB_EXPM1, EBB_LOG1P, EBB_SIN, EBB_ATAN, EBB_TANH, EBB_ERF,
    ])
  func zeros(operation: ebb_operation) {
    #expect(ebb_scalar(operation, 0, 0, 0).bitPattern == 0)
    #expect(ebb_scalar(operation, -0.0, 0, 0).bitPattern == 0x8000_0000)
  }

  @Test("give the numbers that neurons need far from zero")
  func farOut() {
    #expect(ebb_scalar(EBB_SIGMOID, 1e4, 0, 0) == 1)
    #expect(ebb_scalar(EBB_SIGMOID, -1e4, 0, 0) == 0)
    #expect(ebb_scalar(EBB_SIGMOID, -.infinity, 0, 0) == 0)
    #expect(ebb_scalar(EBB_SOFTPLUS, 1e4, 0, 0) == 1e4)
    #expect(ebb_scalar(EBB_SOFTPLUS, -1e4, 0, 0) == 0)
    #expect(ebb_scalar(EBB_TANH, .infinity, 0, 0) == 1)
    #expect(ebb_scalar(EBB_TANH, -1e4, 0, 0) == -1)
    #expect(ebb_scalar(EBB_EXP, 89, 0, 0) == .infinity)
    #expect(ebb_scalar(EBB_EXP, -100, 0, 0) == Float(exp(-100.0)))
    #expect(ebb_scalar(EBB_EXP, -.infinity, 0, 0) == 0)
    #expect(ebb_scalar(EBB_BINARY_CROSS_ENTROPY, 1e4, 1, 0) == 0)
    #expect(ebb_scalar(EBB_BINARY_CROSS_ENTROPY, -1e4, 1, 0) == 1e4)
  }

  @Test("stay bounded where sine and cosine have lost every digit")
  func hugeAngles() {
    for x: Float in [1e9, -1e12, 1e20, .greatestFiniteMagnitude] {
      #expect(abs(ebb_scalar(EBB_SIN, x, 0, 0)) <= 1)
      #expect(abs(ebb_scalar(EBB_COS, x, 0, 0)) <= 1)
    }
    #expect(ebb_scalar(EBB_SIN, .infinity, 0, 0).isNaN)
    #expect(ebb_scalar(EBB_COS, -.infinity, 0, 0).isNaN)
  }
}
