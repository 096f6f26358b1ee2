import CKernels
import Testing

/// The contract of a reduction, spelled out for one list.
func reduced(_ kind: ebb_reduction, _ list: [Float]) -> Float {
  func combine(_ a: Float, _ b: Float) -> Float {
    switch kind {
    case EBB_SUM: a + b
    case EBB_PRODUCT: a * b
    case EBB_MAX: a > b ? a : (a <= b ? b : a + b)
    default: a < b ? a : (a >= b ? b : a + b)
    }
  }
  let neutral: Float =
    switch kind {
    case EBB_SUM: 0
    case EBB_PRODUCT: 1
    case EBB_MAX: -.infinity
    default: .infinity
    }
  var total = neutral
  for begin in stride(from: 0, to: list.count, by: 4096) {
    var lanes = [Float](repeating: neutral, count: 16)
    for index in begin..<min(begin + 4096, list.count) {
      lanes[(index - begin) % 16] = combine(lanes[(index - begin) % 16], list[index])
    }
    for half in [8, 4, 2, 1] {
      for lane in 0..<half { lanes[lane] = combine(lanes[lane], lanes[lane + half]) }
    }
    total = begin == 0 ? lanes[0] : combine(total, lanes[0])
  }
  return total
}

@Suite("Reductions")
struct ReduceTests {
  static let kinds = [EBB_SUM, EBB_PRODUCT, EBB_MAX, EBB_MIN]

  private func check(
    _ set: String, _ kind: ebb_reduction, outer: Int, length: Int, inner: Int, _ x: [Float]
  ) {
    let input = Floats(x, offset: 1)
    let output = Floats(count: outer * inner, offset: 3)
    let cut = Int64(outer / 2)
    let kernels = kernels(set)
    kernels.reduce(kind, input.data, output.data, 0, cut, Int64(length), Int64(inner))
    kernels.reduce(
      kind, input.data, output.data, cut, Int64(outer), Int64(length), Int64(inner))
    var expected: [Float] = []
    for o in 0..<outer {
      for i in 0..<inner {
        expected.append(reduced(kind, (0..<length).map { x[(o * length + $0) * inner + i] }))
      }
    }
    let message = difference(output.values, expected)
    #expect(message == nil, "kind \(kind.rawValue), \(outer)x\(length)x\(inner)")
    #expect(output.isIntact)
  }

  @Test("follow the contract along every axis", arguments: instructionSets, kinds)
  func contract(set: String, kind: ebb_reduction) {
    var generator = Generator(10)
    for length in [0, 1, 2, 10, 15, 16, 17, 32, 100, 4095, 4096, 4097, 9000] {
      for inner in [1, 2, 3, 10, 63, 64, 65, 128, 200] where length * inner < 120_000 {
        let outer = length > 1000 ? 1 : 3
        let x = generator.numbers(outer * length * inner, kind == EBB_PRODUCT ? 0.5...1.5 : -3...3)
        check(set, kind, outer: outer, length: length, inner: inner, x)
      }
    }
  }

  @Test("treat infinities, NaN and signed zeros alike", arguments: instructionSets, kinds)
  func specials(set: String, kind: ebb_reduction) {
    var generator = Generator(11)
    for trial in 0..<200 {
      let (outer, length, inner) = (4, 1 + trial % 40, trial % 2 == 0 ? 1 : 5)
      var x = generator.numbers(outer * length * inner)
      for index in x.indices where Int.random(in: 0..<12, using: &generator) == 0 {
        x[index] = specialValues[Int.random(in: 0..<specialValues.count, using: &generator)]
      }
      check(set, kind, outer: outer, length: length, inner: inner, x)
    }
    check(set, kind, outer: 3, length: 7, inner: 1, [Float](repeating: -0.0, count: 21))
  }

  @Test("find the first largest value, a NaN before all", arguments: instructionSets)
  func argmax(set: String) {
    var generator = Generator(12)
    for length in [1, 2, 10, 16, 33, 5000] {
      for inner in [1, 3, 70] where length * inner < 40_000 {
        for withNaN in [false, true] {
          var x = (0..<2 * length * inner).map { _ in
            Float(Int.random(in: -3...3, using: &generator))
          }
          if withNaN {
            for index in x.indices where Int.random(in: 0..<20, using: &generator) == 0 {
              x[index] = .nan
            }
          }
          var y = [Int32](repeating: -1, count: 2 * inner)
          kernels(set).argmax(x, &y, 0, 2, Int64(length), Int64(inner))
          for o in 0..<2 {
            for i in 0..<inner {
              let list = (0..<length).map { x[(o * length + $0) * inner + i] }
              let largest = list.max { $0 < $1 } ?? 0
              let expected =
                list.firstIndex(where: \.isNaN) ?? list.firstIndex { $0 == largest } ?? 0
              #expect(y[o * inner + i] == Int32(expected))
            }
          }
        }
      }
    }
  }
}
