import EbbGraph
import Testing

@Suite struct GraphPrinting {
  private func graph() throws -> Graph {
    try trace { builder in
      let x = builder.input("x", shape: [7, 2])
      let labels = builder.input("label", shape: [7], type: .index)
      let logits = builder.scope("output") {
        matmul(x, builder.parameter("output.weight", shape: [2, 3]))
      }
      return ["loss": mean(softmaxCrossEntropy(logits: logits, labels: labels))]
    }
  }

  @Test("as text: a line per node, with shape, operation, operands and layer")
  func text() throws {
    let expected = """
      %0 [7, 2]    = input "x"
      %1 [7] index = input "label"
      %2 [2, 3]    = parameter "output.weight"  # output
      %3 [7, 3]    = matmul(%0, %2)  # output
      %4 [7]       = softmaxCrossEntropy(%3, %1)
      %5 []        = sum over [0](%4)
      %6 []        = constant 7.0
      %7 []        = divide(%5, %6)
      return loss = %7
      """
    #expect(try graph().description == expected)
  }

  @Test("as DOT: nodes, edges, output; names are escaped")
  func dot() throws {
    let dot = try graph().dot
    for line in [
      "digraph ebb {", "n3 [label=\"matmul\\n[7, 3]\"];", "n0 -> n3;", "n2 -> n3;", "n7 -> out0;",
      "n0 [label=\"input \\\"x\\\"\\n[7, 2]\", style=\"rounded,filled\", fillcolor=\"#e8f0f8\"];",
      "out0 [label=\"loss\", shape=plaintext];",
    ] {
      #expect(dot.contains(line), "\(line)\nin\n\(dot)")
    }
    let odd = try trace { ["y\"": exp($0.input("a\\\"b", shape: [1]))] }
    #expect(odd.dot.contains("input \\\"a\\\\\\\"b\\\"\\n[1]"))
    #expect(odd.dot.contains("label=\"y\\\"\""))
  }

  @Test("as DOT: what no output needs is left out")
  func dead() throws {
    let graph = try trace { builder in
      let x = builder.input("x", shape: [1])
      _ = exp(x)
      return ["y": log(x)]
    }
    #expect(!graph.dot.contains("exp") && graph.description.contains("exp"))
  }
}
