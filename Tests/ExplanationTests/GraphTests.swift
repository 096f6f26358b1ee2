import Ebb
import EbbSystem
import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// One matrix in k layers: a k-fold use of one parameter.
private struct TiedStack: Layer {
  static let kind = "tied-stack"
  let count: Int

  init(_ count: Int) { self.count = count }

  init(settings: Settings) throws {
    self.init(try settings.reader(for: Self.kind, known: ["count"]).integer("count"))
  }

  var settings: Settings { ["count": .number(Double(count))] }

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    let weight = context.parameter(
      "weight", shape: [x.shape[1], x.shape[1]], initializer: .glorotUniform, role: .weight,
      layout: .transposed)
    return (0..<count).reduce(x) { h, _ in tanh(matmul(h, weight)) }
  }
}

/// One value in k slots of one operation: the input k times, side by side.
private struct Copies: Layer {
  static let kind = "copies"
  let count: Int

  init(_ count: Int) { self.count = count }

  init(settings: Settings) throws {
    self.init(try settings.reader(for: Self.kind, known: ["count"]).integer("count"))
  }

  var settings: Settings { ["count": .number(Double(count))] }
  var declaresParameters: Bool { false }

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    concatenate([Tensor](repeating: x, count: count), axis: 1)
  }
}

/// M9, M10 and M11 on the graph as it is printed.
@Suite struct GraphTests {
  // MARK: Replaying

  /// An array of the JSON.
  struct Numbers {
    let shape: [Int]
    let elements: [Double]

    init(_ value: JSONValue?) throws {
      guard case .object(let object)? = value, case .array(let shape)? = object["shape"],
        case .array(let elements)? = object["elements"]
      else { throw StoryTests.Told.NotTold() }
      self.shape = try shape.map { Int(try StoryTests.Told.number($0)) }
      self.elements = try elements.map(StoryTests.Told.number)
    }
  }

  /// A node of the JSON.
  struct Node {
    let operation: String
    let inputs: [String]
    let value: Numbers
    let gradient: Numbers?
  }

  private static func member(_ value: JSONValue, _ key: String) throws -> JSONValue {
    guard case .object(let object) = value else { throw StoryTests.Told.NotTold() }
    return try #require(object[key])
  }

  private static func text(_ value: JSONValue, _ key: String) throws -> String {
    guard case .string(let text) = try member(value, key) else { throw StoryTests.Told.NotTold() }
    return text
  }

  private static func list(_ value: JSONValue, _ key: String) throws -> [JSONValue] {
    guard case .array(let list) = try member(value, key) else { throw StoryTests.Told.NotTold() }
    return list
  }

  /// An elementwise operation by its printed name.
  private static func value(_ operation: String, _ x: [Double]) throws -> Double {
    switch operation {
    case "add": x[0] + x[1]
    case "subtract": x[0] - x[1]
    case "multiply": x[0] * x[1]
    case "divide": x[0] / x[1]
    case "maximum": max(x[0], x[1])
    case "minimum": min(x[0], x[1])
    case "select": x[0] != 0 ? x[1] : x[2]
    case "negate": -x[0]
    case "relu": max(x[0], 0)
    case "tanh": Foundation.tanh(x[0])
    case "sigmoid": 1 / (1 + Foundation.exp(-x[0]))
    case "softplus": Foundation.log1p(Foundation.exp(x[0]))
    case "exp": Foundation.exp(x[0])
    case "expm1": Foundation.expm1(x[0])
    case "log": Foundation.log(x[0])
    case "normalCDF": 0.5 * Foundation.erfc(-x[0] / 2.0.squareRoot())
    default: throw StoryTests.Told.NotTold()
    }
  }

  /// f'(0) from four values.
  private static func slope(_ f: (Double) throws -> Double) rethrows -> Double {
    let step = 1e-3
    let (near, far) = (try f(step) - f(-step), try f(2 * step) - f(-2 * step))
    return (8 * near - far) / (12 * step)
  }

  /// The transposed Jacobian of an operation for one slot, times a cotangent, in plain loops.
  private static func contribution(
    _ node: Node, _ operands: [Numbers], slot: Int, _ dy: Numbers
  ) throws -> [Double] {
    let x = operands[slot]
    switch node.operation {
    case "matmul":
      let (a, b) = (operands[0], operands[1])
      let (rows, inner, columns) = (a.shape[0], a.shape[1], b.shape[1])
      var result = [Double](repeating: 0, count: x.elements.count)
      for i in 0..<rows {
        for k in 0..<inner {
          for j in 0..<columns {
            let d = dy.elements[i * columns + j]
            if slot == 0 {
              result[i * inner + k] += d * b.elements[k * columns + j]
            } else {
              result[k * columns + j] += d * a.elements[i * inner + k]
            }
          }
        }
      }
      return result
    case "reshape": return dy.elements
    case "sum over [1]": return x.elements.map { _ in dy.elements[0] }
    case "softmaxCrossEntropy":
      let label = Int(operands[1].elements[0])
      return x.elements.indices.map { place in
        dy.elements[0]
          * slope { step in
            var logits = x.elements
            logits[place] += step
            return Foundation.log(logits.map(Foundation.exp).reduce(0, +)) - logits[label]
          }
      }
    case "softmax":
      return x.elements.indices.map { place in
        slope { step in
          let powers = x.elements.enumerated().map {
            Foundation.exp($0.offset == place ? $0.element + step : $0.element)
          }
          let total = powers.reduce(0, +)
          return zip(powers, dy.elements).reduce(0) { $0 + $1.0 / total * $1.1 }
        }
      }
    default:
      return try x.elements.indices.map { place in
        let point = operands.map { $0.elements[$0.elements.count == 1 ? 0 : place] }
        let isKinked = ["relu", "select", "maximum", "minimum"].contains(node.operation)
        // Near 0 a logarithm bends more than a step of the usual size can follow.
        let step = isKinked ? 1e-3 : node.operation == "log" ? point[0] : 1
        return dy.elements[place]
          * (try slope { moved in
            var point = point
            point[slot] += moved * step
            return try value(node.operation, point) / step
          })
      }
    }
  }

  @Test(
    "M9 replaying the printed steps outside the engine, from the JSON, gives every gradient",
    arguments: Subjects.Kind.allCases, [false, true])
  func replay(_ kind: Subjects.Kind, throughPredictions: Bool) throws {
    let subject = try Subjects.of(kind).subject(row: 1)
    let graph = try GraphExplanation(subject, throughPredictions: throughPredictions)
    let json = try JSONReader.read(JSONWriter.text(graph.json(wholeUpTo: .max)))
    var nodes: [String: Node] = [:]
    for entry in try Self.list(json, "nodes") {
      let gradient = try Self.member(entry, "gradient")
      nodes[try Self.text(entry, "id")] = Node(
        operation: try Self.text(entry, "operation"),
        inputs: try Self.list(entry, "inputs").map { value in
          guard case .string(let id) = value else { throw StoryTests.Told.NotTold() }
          return id
        },
        value: try Numbers(try Self.member(entry, "value")),
        gradient: gradient == .null ? nil : try Numbers(gradient))
    }
    let start = try Self.text(json, "lossNode")
    var gradients: [String: [Double]] = [start: [1]]
    for step in try Self.list(json, "steps") {
      let through = try Self.text(step, "through")
      let operand = try Self.text(step, "operand")
      let node = try #require(nodes[through])
      let slot = Int(try StoryTests.Told.number(try Self.member(step, "slot")))
      #expect(node.inputs[slot] == operand)
      let cotangent = try Numbers(try Self.member(step, "cotangent"))
      let arrived = try #require(gradients[through], "\(through) is reached before its gradient")
      #expect(deviation(arrived, cotangent.elements) < 1e-8)
      let operands = try node.inputs.map { try #require(nodes[$0]).value }
      let part = try Self.contribution(node, operands, slot: slot, cotangent)
      let recorded = try Numbers(try Self.member(step, "contribution")).elements
      let error = deviation(part, recorded)
      #expect(error < 1e-8, "\(node.operation), slot \(slot): off by \(error)")
      let before = gradients[operand]
      gradients[operand] = before.map { zip($0, part).map { $0 + $1 } } ?? part
      let sum = try Numbers(try Self.member(step, "accumulated")).elements
      #expect(deviation(gradients[operand] ?? [], sum) < 1e-8)
    }
    let found = try subject.model.gradients(
      on: subject.row, throughPredictions: throughPredictions)
    for node in graph.nodes where node.role == .parameter || node.role == .features {
      let name = node.role == .features ? "features" : try #require(node.names.first)
      let expected = try #require(found[name])
      let isTurned = node.role == .parameter && expected.shape.rank == 2
      let inMemory = isTurned ? expected.transposed() : expected
      let replayed = try #require(gradients[node.id.description], "\(name) got nothing")
      #expect(deviation(replayed, inMemory.elements) < 1e-8, "\(name)")
      #expect(node.gradient?.elements == inMemory.elements, "the graph's is the model's")
    }
    #expect(graph.loss == found.loss)
  }

  @Test("M9 in single precision the graph's numbers are training's, bit for bit")
  func singlePrecision() throws {
    let subject = try Subjects.of(.digits).subject(.single)
    let graph = try GraphExplanation(subject)
    let found = try subject.model.gradientsInSinglePrecision(on: subject.row)
    for node in graph.nodes {
      for name in node.names where found.value(name)?.shape == node.value.shape {
        #expect(found.value(name)?.elements.map { Double($0) } == node.value.elements, "\(name)")
        if let gradient = node.gradient {
          #expect(found[name]?.elements.map { Double($0) } == gradient.elements, "\(name)")
        }
      }
    }
  }

  @Test("M9 the text holds every operation in order, and stays within 80 columns")
  func text() throws {
    for subject in [
      try Subjects.of(.digits).subject(), try Subjects.three(.silu, loss: .squaredError).subject(),
    ] {
      let graph = try GraphExplanation(subject)
      var rest = graph.text[...]
      for node in graph.nodes {
        let place = try #require(rest.range(of: "  \(node.id) "), "\(node.id) is missing")
        rest = rest[place.upperBound...]
      }
      let wide = graph.text.split(separator: "\n").filter { $0.count > 80 }
      #expect(wide.isEmpty, "\(wide)")
      #expect(graph.text.components(separatedBy: "through %").count == graph.steps.count + 1)
    }
  }

  // MARK: M10

  @Test(
    "M10 tied weights: each use's contribution stands in text, DOT and SVG",
    arguments: [1, 2, 3, 10])
  func tied(_ k: Int) throws {
    let subject = try Subjects.network(
      Network([TiedStack(k)]), outputs: 8, loss: .squaredError
    ).subject()
    let graph = try GraphExplanation(subject)
    let weight = try #require(graph.nodes.first { $0.role == .parameter })
    let uses = graph.contributions(to: weight.id)
    #expect(uses.count == k && uses.allSatisfy { $0.slot == 1 })
    try checkSum(uses, weight)
    for use in uses {
      let place = "\(use.through) matmul, slot 1"
      #expect(graph.text.contains(k == 1 ? "by \(place)" : "\(place): "), "\(place)")
    }
    // The loss uses the residual in both slots of its square.
    let labels = (k == 1 ? 0 : k) + 1
    #expect(graph.dot.components(separatedBy: "slot 1:").count - 1 == labels)
    #expect(graph.svg.components(separatedBy: ">slot 1:").count - 1 == labels)
  }

  @Test("M10 one value in k slots of one operation", arguments: [1, 2, 3, 10])
  func slots(_ k: Int) throws {
    let subject = try Subjects.network(
      Network {
        Dense(5, activation: .tanh)
        Copies(k)
        Dense(2)
      }, outputs: 2, loss: .squaredError
    ).subject()
    let graph = try GraphExplanation(subject)
    // One copy is the value itself, in the one slot of the product that follows.
    let wide = try #require(
      graph.nodes.first { $0.operation.hasPrefix("concatenate") }
        ?? graph.nodes.last { $0.operation == "matmul" })
    let hidden = try #require(graph[wide.inputs[0]])
    let uses = graph.contributions(to: hidden.id)
    #expect(uses.map(\.slot) == Array(0..<k))
    try checkSum(uses, hidden)
    for slot in 0..<k where k > 1 {
      #expect(graph.text.contains("\(wide.id) concatenate along 1, slot \(slot): "))
      #expect(graph.svg.contains(">slot \(slot):"))
    }
    if k == 1 { return }
    // Each slot's contribution is its part of the gradient of all copies.
    let whole = try #require(wide.gradient).elements
    for use in uses {
      #expect(use.contribution.elements == Array(whole[(use.slot * 5)..<(use.slot * 5 + 5)]))
    }
  }

  private func checkSum(_ uses: [GraphExplanation.Step], _ node: GraphExplanation.Node) throws {
    var sum: [Double]?
    for use in uses {
      let part = use.contribution.elements
      sum = sum.map { zip($0, part).map { $0 + $1 } } ?? part
      #expect(use.accumulated.elements == sum)
    }
    #expect(sum == node.gradient?.elements)
  }

  // MARK: M11

  @Test("M11 the operations of the printed nodes and steps are the formulas'")
  func operations() throws {
    let subject = try Subjects.of(.digits).subject()
    let graph = try GraphExplanation(subject)
    let widths = [64, 32, 16, 10]
    let expected = NetworkOperationCounts.matrixProducts(widths: widths, rows: 1)
    let forward = graph.nodes.filter { $0.operation == "matmul" }.map(\.operations)
    #expect(forward == [2 * 64 * 32, 2 * 32 * 16, 2 * 16 * 10])
    #expect(forward.reduce(0, +) == expected.forward)
    let products = Set(graph.nodes.filter { $0.operation == "matmul" }.map(\.id))
    let back = graph.steps.filter { products.contains($0.through) }.map(\.operations).reduce(0, +)
    #expect(back - graph.featureOperations == expected.backward)
    // The way back shares the softmax of the predictions, which stands in the forward pass here.
    let shared = graph.nodes.first { $0.names.contains("predictions") }?.operations ?? 0
    let counts = try subject.model.operationCounts(rows: 1)
    let wholeWay = graph.backwardOperations - graph.featureOperations + shared
    #expect(shared == 50 && wholeWay == counts.backward.total)
  }

  // MARK: Pictures

  @Test("M9 DOT and SVG: every node once, nothing from outside, words beside the picture")
  func pictures() throws {
    for subject in [
      try Subjects.of(.digits).subject(), try Subjects.of(.random).subject(),
      try Subjects.network([], outputs: 1, loss: .binaryCrossEntropy).subject(),
    ] {
      for isThrough in [false, true] {
        let graph = try GraphExplanation(subject, throughPredictions: isThrough)
        let svg = graph.svg
        // Fixed numbers are drawn in their last shape only.
        let isShaped = { (node: GraphExplanation.Node) in
          node.role == .constant || ["reshape", "expand"].contains(node.operation)
        }
        for node in graph.nodes {
          let count = svg.components(separatedBy: ">\(node.id)</text>").count - 1
          #expect(count == 1 || count == 0 && isShaped(node) && node.gradient == nil, "\(node.id)")
          #expect(graph.dot.components(separatedBy: " n\(node.id.index) [label").count == 2)
        }
        let inputs = graph.nodes.filter { !isShaped($0) || $0.gradient != nil }
          .map(\.inputs.count).reduce(0, +)
        #expect(svg.components(separatedBy: "class=\"flow\"").count - 1 == inputs)
        #expect(svg.components(separatedBy: "class=\"ebb\"").count - 1 == graph.steps.count)
        #expect(svg.contains("<title id=") && svg.contains("<desc id="))
        #expect(svg.contains("prefers-color-scheme:dark"))
        let outside = svg.components(separatedBy: "http").count - 1
        #expect(outside == 1, "the name space alone")
        #expect(!svg.contains("<script") && !svg.contains("@import") && !svg.contains("href"))
        let parser = XMLParser(data: Data(svg.utf8))
        let isWellFormed = parser.parse()
        #expect(isWellFormed)
      }
    }
  }

  @Test("M9 no box of the picture lies over another, and all lie on the page")
  func layout() throws {
    let cases = [
      try Subjects.of(.random).subject(), try Subjects.three(.elu, loss: .huber()).subject(),
      try Subjects.network(Network([TiedStack(4)]), outputs: 8, loss: .squaredError).subject(),
    ]
    for subject in cases {
      let svg = try GraphExplanation(subject).svg
      let pattern = try NSRegularExpression(
        pattern: "<rect x=\"(\\S+)\" y=\"(\\S+)\" rx=\"8\" width=\"(\\S+)\" height=\"(\\S+)\"/>")
      let all = NSRange(svg.startIndex..., in: svg)
      let boxes = try pattern.matches(in: svg, range: all).map { match in
        try (1...4).map { group -> Double in
          let range = try #require(Range(match.range(at: group), in: svg))
          return try #require(Double(svg[range]))
        }
      }
      #expect(boxes.count > 5)
      let overlapping = boxes.indices.flatMap { i in
        boxes.indices.dropFirst(i + 1).filter { j in
          let (a, b) = (boxes[i], boxes[j])
          let isApart = a[0] >= b[0] + b[2] || b[0] >= a[0] + a[2]
          return !isApart && a[1] < b[1] + b[3] && b[1] < a[1] + a[3]
        }
      }
      #expect(overlapping.isEmpty)
      let isOnPage = boxes.allSatisfy { $0[0] >= 0 && $0[1] >= 0 }
      #expect(isOnPage)
    }
  }
}
