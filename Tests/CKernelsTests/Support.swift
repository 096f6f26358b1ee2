import CKernels

/// Floats in memory of their own, at any offset from a 64-byte boundary, with a margin on both
/// sides that shows whether a kernel wrote where it must not.
final class Floats {
  static let margin = 16
  static let canary: UInt32 = 0x7fab_cdef

  let count: Int
  let data: UnsafeMutablePointer<Float>
  private let memory: UnsafeMutableRawPointer

  init(count: Int, offset: Int = 0) {
    self.count = count
    let total = count + 2 * Floats.margin + offset
    memory = .allocate(byteCount: total * 4, alignment: 64)
    let words = memory.bindMemory(to: Float.self, capacity: total)
    words.initialize(repeating: Float(bitPattern: Floats.canary), count: total)
    data = words + (Floats.margin + offset)
  }

  convenience init(_ values: [Float], offset: Int = 0) {
    self.init(count: values.count, offset: offset)
    for (index, value) in values.enumerated() { data[index] = value }
  }

  deinit { memory.deallocate() }

  var values: [Float] { (0..<count).map { data[$0] } }

  /// Whether nothing was written before or after the values.
  var isIntact: Bool {
    (1...Floats.margin).allSatisfy { step in
      data[-step].bitPattern == Floats.canary
        && data[count + step - 1].bitPattern == Floats.canary
    }
  }
}

/// The instruction sets that this machine can run.
let instructionSets: [String] = ["portable", "avx2"].filter { ebb_kernels_named($0) != nil }

func kernels(_ name: String) -> ebb_kernels {
  guard let kernels = ebb_kernels_named(name) else {
    preconditionFailure("no instruction set \(name)")
  }
  return kernels.pointee
}

/// Same bits, except that one NaN is as good as another.
func sameBits(_ a: Float, _ b: Float) -> Bool {
  a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
}

/// The first place where two lists differ in bits, as a message; nil if they do not.
func difference(_ got: [Float], _ expected: [Float]) -> String? {
  guard got.count == expected.count else { return "\(got.count) values, not \(expected.count)" }
  for index in got.indices where !sameBits(got[index], expected[index]) {
    return "[\(index)] is \(got[index]), expected \(expected[index])"
  }
  return nil
}

/// SplitMix64: the same numbers in every run.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func numbers(_ count: Int, _ range: ClosedRange<Float> = -3...3) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }

  /// Every kind of float: any bit pattern, ordinary numbers, small integers, special values.
  mutating func anything(_ count: Int) -> [Float] {
    (0..<count).map { _ in
      switch Int.random(in: 0..<8, using: &self) {
      case 0...2: Float(bitPattern: UInt32.random(in: .min ... .max, using: &self))
      case 3...5: Float.random(in: -4...4, using: &self)
      case 6: Float(Int.random(in: -5...5, using: &self))
      default: specialValues[Int.random(in: 0..<specialValues.count, using: &self)]
      }
    }
  }
}

let specialValues: [Float] = [
  0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
  .leastNormalMagnitude, 0x1p-133, -0x1.8p-133, .greatestFiniteMagnitude,
  -.greatestFiniteMagnitude,
  16_777_216, -16_777_218, 88.72284, 88.8, -103.97, -104.1, 0.5, 2.5, 1e4, -1e4, 1e5,
]

/// The elementwise operations by name, with the number of their operands.
let operations: [(name: String, operation: ebb_operation, operands: Int)] = [
  ("copy", EBB_COPY, 1), ("negate", EBB_NEGATE, 1), ("abs", EBB_ABS, 1), ("sign", EBB_SIGN, 1),
  ("reciprocal", EBB_RECIPROCAL, 1), ("sqrt", EBB_SQRT, 1), ("rsqrt", EBB_RSQRT, 1),
  ("exp", EBB_EXP, 1), ("expm1", EBB_EXPM1, 1), ("log", EBB_LOG, 1), ("log1p", EBB_LOG1P, 1),
  ("sin", EBB_SIN, 1), ("cos", EBB_COS, 1), ("atan", EBB_ATAN, 1), ("tanh", EBB_TANH, 1),
  ("sigmoid", EBB_SIGMOID, 1), ("softplus", EBB_SOFTPLUS, 1), ("erf", EBB_ERF, 1),
  ("normalCDF", EBB_NORMAL_CDF, 1), ("normalDensity", EBB_NORMAL_DENSITY, 1),
  ("relu", EBB_RELU, 1), ("not", EBB_NOT, 1), ("add", EBB_ADD, 2),
  ("subtract", EBB_SUBTRACT, 2), ("multiply", EBB_MULTIPLY, 2), ("divide", EBB_DIVIDE, 2),
  ("power", EBB_POWER, 2), ("minimum", EBB_MINIMUM, 2), ("maximum", EBB_MAXIMUM, 2),
  ("chainProduct", EBB_CHAIN_PRODUCT, 2), ("crossEntropy", EBB_BINARY_CROSS_ENTROPY, 2),
  ("equal", EBB_EQUAL, 2), ("notEqual", EBB_NOT_EQUAL, 2), ("less", EBB_LESS, 2),
  ("lessEqual", EBB_LESS_EQUAL, 2), ("greater", EBB_GREATER, 2),
  ("greaterEqual", EBB_GREATER_EQUAL, 2), ("and", EBB_AND, 2), ("or", EBB_OR, 2),
  ("select", EBB_SELECT, 3), ("clip", EBB_CLIP, 3),
]

func step(_ operation: ebb_operation, to target: Int, _ a: Int, _ b: Int = 0, _ c: Int = 0)
  -> ebb_chain_step
{
  ebb_chain_step(
    operation: UInt16(operation.rawValue), target: UInt16(target), a: UInt16(a), b: UInt16(b),
    c: UInt16(c))
}

/// A chain with its lists, to be run whole or over a range.
struct Chain {
  var operands: [(memory: Floats, access: ebb_access)]
  var steps: [ebb_chain_step]
  var outputs: [(memory: Floats, source: Int)]
  var rows = 1
  var inner: Int

  var registerCount: Int { operands.count + steps.count }

  func run(
    _ kernels: ebb_kernels, rows rowRange: Range<Int>? = nil, columns: Range<Int>? = nil
  ) {
    let operandList = operands.map {
      ebb_chain_operand(data: $0.memory.data, access: Int32($0.access.rawValue))
    }
    let outputList = outputs.map {
      ebb_chain_output(data: $0.memory.data, source: Int32($0.source))
    }
    let workspace = Floats(count: Int(EBB_BLOCK) * registerCount, offset: 0)
    let rowRange = rowRange ?? 0..<rows
    let columns = columns ?? 0..<inner
    operandList.withUnsafeBufferPointer { operandPointer in
      steps.withUnsafeBufferPointer { stepPointer in
        outputList.withUnsafeBufferPointer { outputPointer in
          guard let operandBase = operandPointer.baseAddress,
            let stepBase = stepPointer.baseAddress, let outputBase = outputPointer.baseAddress
          else { return }
          var chain = ebb_chain(
            operands: operandBase, steps: stepBase, outputs: outputBase,
            operand_count: Int32(operands.count), step_count: Int32(steps.count),
            output_count: Int32(outputs.count), register_count: Int32(registerCount),
            rows: Int64(rows), inner: Int64(inner))
          kernels.chain(
            &chain, Int64(rowRange.lowerBound), Int64(rowRange.upperBound),
            Int64(columns.lowerBound), Int64(columns.upperBound), workspace.data)
        }
      }
    }
  }
}
