import EbbGraph
import Foundation
import Testing

/// The interpreter in single precision against the numeric contract, written out here again.
@Suite struct InterpreterTests {
  /// Stand-ins for the kernels' functions: what matters here is the order of sums and products.
  static let functions = ElementaryFunctions<Float>(
    unary: { operation in
      { x in
        switch operation {
        case .exp: Foundation.exp(x)
        case .log: Foundation.log(x)
        default: x
        }
      }
    }, power: { Foundation.pow($0, $1) })

  private func run(
    _ inputs: KeyValuePairs<String, NDArray<Float>>, _ body: ([Tensor]) -> Tensor
  ) throws -> NDArray<Float> {
    let graph = try trace { builder in
      ["y": body(inputs.map { builder.input($0.key, shape: $0.value.shape) })]
    }
    return try Interpreter(graph, functions: Self.functions).number(
      "y", Dictionary(uniqueKeysWithValues: inputs.map { ($0.key, $0.value) }))
  }

  private func floats(_ shape: Shape, seed: UInt64) -> NDArray<Float> {
    var draw = Draw(seed: seed)
    return draw.array(shape).map { Float($0) }
  }

  /// Lane l of a chunk of 4,096 holds elements l, l + 16, …; lanes join as 8, 4, 2, 1.
  private func contractSum(_ x: ArraySlice<Float>) -> Float {
    var chunks: [Float] = []
    for chunk in stride(from: x.startIndex, to: x.endIndex, by: 4096) {
      let end = min(chunk + 4096, x.endIndex)
      var lanes = (0..<16).map { lane in
        stride(from: chunk + lane, to: end, by: 16).reduce(Float(0)) { $0 + x[$1] }
      }
      while lanes.count > 1 {
        let half = lanes.count / 2
        lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
      }
      chunks.append(lanes[0])
    }
    return chunks.dropFirst().reduce(chunks.first ?? 0, +)
  }

  @Test(
    "sums: 16 lanes over chunks of 4,096, a fixed tree, chunks in order",
    arguments: [
      1, 2, 15, 16, 17, 100, 4095, 4096, 4097, 10_000,
    ])
  func sums(_ length: Int) throws {
    let x = floats([3, length], seed: UInt64(length))
    let expected = (0..<3).map { contractSum(x.elements[($0 * length)..<(($0 + 1) * length)]) }
    #expect(try run(["x": x]) { sum($0[0], axes: [1]) }.elements == expected)
    let columns = x.transposed()
    #expect(try run(["x": columns]) { sum($0[0], axes: [0]) }.elements == expected)
  }

  @Test(
    "products of matrices: fused multiply-adds in blocks of 256, blocks in order",
    arguments: [
      0, 1, 255, 256, 257, 700,
    ])
  func matrixProducts(_ inner: Int) throws {
    let (a, b) = (floats([3, inner], seed: 1), floats([inner, 5], seed: 2))
    let result = try run(["a": a, "b": b]) { matmul($0[0], $0[1]) }
    for row in 0..<3 {
      for column in 0..<5 {
        var blocks: [Float] = []
        for start in stride(from: 0, to: inner, by: 256) {
          var block: Float = 0
          for k in start..<min(start + 256, inner) {
            block = fmaf(a[row, k], b[k, column], block)
          }
          blocks.append(block)
        }
        #expect(result[row, column] == blocks.dropFirst().reduce(blocks.first ?? 0, +))
      }
    }
  }

  @Test("softmax and its relatives: shifted by the largest, summed as sums are")
  func rows() throws {
    let x = floats([2, 300], seed: 8)
    let y = try run(["x": x]) { softmax($0[0]) }
    let z = try run(["x": x]) { logSumExp($0[0]) }
    for row in 0..<2 {
      let logits = (0..<300).map { x[row, $0] }
      let largest = logits.reduce(-Float.infinity) { max($0, $1) }
      let exponentials = logits.map { Foundation.exp($0 - largest) }
      let total = contractSum(exponentials[...])
      #expect((0..<300).map { y[row, $0] } == exponentials.map { $0 / total })
      #expect(z[row] == largest + Foundation.log(total))
    }
  }

  @Test("values are freed after their last use, outputs are kept, nodes are visited in order")
  func order() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [2])
      let y = exp(x)
      _ = sin(x)
      return ["y": y, "x": x, "again": y, "sum": sum(y)]
    }
    var seen: [Int] = []
    let values = try Interpreter(graph).run(["x": [0, 0]]) { id, _ in seen.append(id.index) }
    #expect(seen == [0, 1, 3], "what no output needs is not computed")
    #expect(numbers(values) == [[1, 1], [0, 0], [1, 1], 2])
  }

  @Test("indices: gathering, adding back, one-hot; outside the range nothing is read or written")
  func indexing() throws {
    let graph = try trace { builder in
      let table = builder.input("table", shape: [3, 2])
      let rows = builder.input("rows", shape: [4], type: .index)
      let gathered = gatherRows(table, at: rows)
      return [
        "gathered": gathered, "slope": gradients(of: sum(gathered), with: [table])[0],
        "oneHot": oneHot(rows, classes: 3),
      ]
    }
    let values = try Interpreter(graph).run(
      ["table": [[1, 2], [3, 4], [5, 6]]], indices: ["rows": [2, 0, 2, 7]])
    let results = numbers(values)
    expectEqual(results[0], [[5, 6], [1, 2], [5, 6], [0, 0]])
    expectEqual(results[1], [[1, 1], [0, 0], [2, 2]])
    expectEqual(results[2], [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]])
  }
}
