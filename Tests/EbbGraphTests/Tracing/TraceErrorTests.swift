import EbbGraph
import Testing

@Suite struct TraceErrors {
  /// What a trace throws.
  private func fault(_ body: (GraphBuilder) -> Tensor) -> TraceError? {
    #expect(throws: TraceError.self) { try trace { ["y": body($0)] } }
  }

  @Test("the first fault is thrown, with layer, operation and shapes; code after it runs on")
  func first() throws {
    var reached = false
    let error = fault { builder in
      let x = builder.input("x", shape: [32, 64])
      let w = builder.parameter("w", shape: [63, 10])
      let h = builder.scope("hidden1") { matmul(x, w) }
      let again = builder.scope("hidden2") { relu(h) + builder.input("b", shape: [7]) }
      let folded = sum(again.reshaped(to: [3, 3]), axes: [5])
      reached = folded.shape.rank >= 0
      return gradients(of: mean(folded), with: [x])[0]
    }
    #expect(reached)
    #expect(error?.scope == "hidden1")
    #expect(error?.operation == "matmul")
    for part in ["[32, 64]", "[63, 10]", "64", "63"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
    #expect(error?.description.hasPrefix("in hidden1: matmul: ") == true)
  }

  static let faults: [(String, @Sendable (Tensor) -> Tensor)] = [
    ("sum", { sum($0, axes: [2]) }), ("sum", { sum($0, axes: [-3]) }),
    ("sum", { sum($0, axes: [0, -2]) }), ("product", { product($0, axes: [2]) }),
    ("max", { max($0, axes: [9]) }), ("argmax", { argmax($0, axis: 2) }),
    ("softmax", { softmax($0, axis: 2) }), ("logSumExp", { logSumExp($0, axis: -3) }),
    ("slice", { $0.sliced(axis: 2, from: 0, to: 1) }),
    ("slice", { $0.sliced(axis: 0, from: 1, to: 4) }),
    ("slice", { $0.sliced(axis: 0, from: -1, to: 1) }),
    ("slice", { $0.sliced(axis: 0, from: Int.min, to: Int.max) }),
    ("slice", { $0.sliced(axis: 0, from: 2, to: 1) }),
    ("pad", { $0.padded(before: [1], after: [1]) }),
    ("pad", { $0.padded(before: [-1, 0], after: [0, 0]) }),
    ("pad", { $0.padded(before: [Int.max, 0], after: [1, 0]) }),
    ("reshape", { $0.reshaped(to: [4, 2]) }), ("transpose", { $0.transposed([0, 0]) }),
    ("transpose", { $0.transposed([0]) }), ("transpose", { sum($0).transposed() }),
    ("expand", { $0.expanded(to: [3]) }), ("expand", { $0.expanded(to: [2, 4]) }),
    ("add", { $0 + $0.transposed() }), ("select", { select($0 .> 0, $0, $0.transposed()) }),
    ("select", { select($0, $0, $0) }), ("clip", { clip($0, $0.transposed(), $0) }),
    ("matmul", { matmul($0, $0) }), ("matmul", { matmul(sum($0), $0) }),
    ("concatenate", { concatenate([$0, $0.transposed()], axis: 0) }),
    ("concatenate", { concatenate([$0, $0], axis: 3) }), ("exp", { exp($0 .> 0) }),
    ("not", { .!$0 }), ("and", { $0 .& $0 }), ("gatherRows", { gatherRows($0, at: $0) }),
    ("oneHot", { oneHot(argmax($0), classes: 0) }), ("oneHot", { oneHot($0, classes: 3) }),
    ("softmaxCrossEntropy", { softmaxCrossEntropy(logits: $0, labels: argmax($0, axis: 0)) }),
    ("gradient", { gradients(of: $0, with: [$0])[0] }),
    ("gradient", { backpropagate(from: $0, to: [$0], cotangent: sum($0)).cotangents[$0.id] ?? $0 }),
    ("tangent", { pushForward([exp($0)], from: [$0], along: [sum($0)])[0] }),
  ]

  @Test("each misuse is a fault of its operation that names a shape", arguments: faults.indices)
  func misuse(_ index: Int) throws {
    let (operation, misuse) = Self.faults[index]
    let error = fault { misuse($0.input("x", shape: [2, 3])) }
    #expect(error?.operation == operation, "\(String(describing: error))")
    #expect(error?.message.isEmpty == false)
  }

  @Test("Numbers: tensors of 2^31 elements are refused when the graph is built, one fewer is not")
  func size() throws {
    let half: Shape = [1 << 16, 1 << 15]
    #expect(half.checkedCount == nil)
    #expect((Shape([Int(Int32.max)]).checkedCount) == Int(Int32.max))
    #expect(Shape([1 << 40, 0]).checkedCount == 0)
    for shape in [half, [1 << 62, 4], [1 << 32, 1 << 32]] as [Shape] {
      let error = fault { $0.input("x", shape: shape) }
      #expect(error?.message.contains("2^31") == true)
    }
    let expanded = fault { builder in
      let column = builder.input("x", shape: [1 << 16, 1])
      let row = builder.input("y", shape: [1, 1 << 15])
      let product = matmul(column, row)
      #expect(product.shape.rank == 2, "the best guess keeps the rank")
      return column * row + product
    }
    #expect(expanded?.operation == "matmul")
    _ = try trace { ["x": $0.input("x", shape: [Int(Int32.max)])] }
  }

  @Test("names are declared once")
  func duplicates() {
    let error = fault { builder in
      builder.scope("output") {
        builder.input("w", shape: [2]) + builder.parameter("w", shape: [2])
      }
    }
    #expect(error?.message.contains("\"w\" is declared twice") == true)
    #expect(error?.scope == "output")
  }

  @Test("values of two traces do not mix")
  func twoTraces() {
    let other = GraphBuilder().input("x", shape: [2])
    #expect(fault { $0.input("y", shape: [2]) + other } != nil)
  }

  @Test("inputs that do not fit are refused by the interpreter, with both shapes")
  func inputs() throws {
    let graph = try trace { ["y": exp($0.input("x", shape: [2]))] }
    let interpreter = try Interpreter(graph)
    let missing = #expect(throws: InputError.self) { try interpreter.run([:]) }
    #expect(missing?.message.contains("\"x\" is missing") == true)
    let shape = #expect(throws: InputError.self) { try interpreter.run(["x": [1, 2, 3]]) }
    #expect(shape?.message.contains("[3]") == true && shape?.message.contains("[2]") == true)
  }
}
