import Ebb
import EbbReport
import EbbSystem
import Foundation
import Testing

@Suite("Stepper: the page")
struct StepperPageTests {
  /// Names that would end a script, a title or an attribute.
  private static let hostile = "</script><script>alert('\"&')</script><!--"

  private static func model(
    inputs: Int = 3, hidden: [Int] = [4, 3], outputs: Int = 3, bias: Bool = true,
    activation: Activation = .tanh, loss: Loss = .softmaxCrossEntropy
  ) throws -> Model {
    let network = Network(
      hidden.map { Dense($0, activation: activation, hasBias: bias) }
        + [Dense(outputs, hasBias: bias)])
    var next = UInt64(7)
    let parameters = try network.parameters(inputs: inputs).map { specification in
      let shape = specification.fileShape
      let values = (0..<shape.count).map { _ -> Float in
        next = next &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int64(bitPattern: next) >> 40) / Float(1 << 23)
      }
      return Model.Parameter(
        name: specification.name, role: specification.role, values: NDArray(values, shape: shape))
    }
    return try Model(
      network: network, inputCount: inputs, loss: loss, schema: nil,
      record: TrainingRecord(optimizer: "sgd", seed: 0, batchSize: 1, epochs: 0, steps: 0),
      parameters: parameters)
  }

  private static func dataset(
    rows: Int, inputs: Int = 3, outputs: Int = 3, names: [String]? = nil
  ) throws -> Dataset {
    let features = (0..<rows * inputs).map { place -> Float in
      let number = (place * 37 + 11) % 29
      return Float(number) / 14 - 1
    }
    return try Dataset(
      features: features, featureCount: inputs,
      targets: .classes((0..<rows).map { Int32($0 % outputs) }, count: outputs),
      featureNames: names)
  }

  private static func subject(
    _ model: Model, _ dataset: Dataset, row: Int = 0,
    precision: ExplanationSubject.Precision = .single
  ) throws -> ExplanationSubject {
    try ExplanationSubject(
      model: model, row: try Batch(dataset, rows: [row]), name: "row \(row + 1) of the rows",
      precision: precision)
  }

  /// The page's numbers, read as any program reads them.
  private static func data(_ page: StepperPage) throws -> [String: Any] {
    let start = try #require(page.html.range(of: "<script type=\"application/json\" id=\"data\">"))
    let rest = page.html[start.upperBound...]
    let end = try #require(rest.range(of: "</script>"))
    let text = rest[..<end.lowerBound]
    #expect(!text.contains("<"), "nothing in the numbers may look like markup")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  private static func doubles(_ value: Any?) throws -> [Double] {
    try #require(value as? [NSNumber]).map(\.doubleValue)
  }

  @Test("weights are said to be as training left them only where training did leave them so")
  func trained() throws {
    let subject = try Self.subject(try Self.model(), try Self.dataset(rows: 1))
    let untrained = try Self.data(try StepperPage(subject, title: "model"))
    #expect(untrained["trained"] as? Bool == false)
    let model = try Self.model()
    let record = TrainingRecord(optimizer: "sgd", seed: 0, batchSize: 1, epochs: 3, steps: 9)
    let after = try Model(
      network: model.network, inputCount: 3, loss: model.loss, schema: nil, record: record,
      parameters: model.parameters)
    let other = try Self.subject(after, try Self.dataset(rows: 1))
    #expect(try Self.data(try StepperPage(other, title: "model"))["trained"] as? Bool == true)
    let changed = try StepperPage(other, title: "model", isChanged: true)
    #expect(try Self.data(changed)["trained"] as? Bool == false)
  }

  @Test("every number of a row is the subject's", arguments: [true, false], [true, false])
  func numbersAreTheSubjects(isSingle: Bool, bias: Bool) throws {
    let model = try Self.model(bias: bias)
    let subject = try Self.subject(
      model, try Self.dataset(rows: 1), precision: isSingle ? .single : .double)
    let data = try Self.data(try StepperPage(subject, title: "model"))
    let row = try #require((data["rows"] as? [[String: Any]])?.first)
    func compare(_ found: Any?, _ expected: [Double]?, _ what: String) throws {
      let (found, expected) = (try Self.doubles(found), try #require(expected))
      #expect(found.count == expected.count, "\(what)")
      for (index, pair) in zip(found, expected).enumerated() {
        // In single precision the shortest text of the Float stands for it; JSONSerialization reads
        // some texts of double precision to a number a few places beside it.
        let isSame =
          isSingle ? Float(pair.0) == Float(pair.1) : abs(pair.0 - pair.1) <= 8 * pair.1.ulp
        #expect(isSame, "\(what)[\(index)]: \(pair.0), expected \(pair.1)")
      }
    }
    let numbers = subject.numbers
    try compare(row["inputs"], numbers.value("features")?.elements, "features")
    try compare(row["inputGradients"], numbers["features"]?.elements, "features' gradient")
    try compare(row["predictions"], numbers.value("predictions")?.elements, "predictions")
    try compare(
      row["predictionGradients"], subject.unfused["predictions"]?.elements, "∂L/∂ŷ")
    #expect((row["loss"] as? NSNumber)?.doubleValue == numbers.loss)
    #expect(row["productsAgree"] as? Bool == true, "∂L/∂W is δ hᵀ to the last bit")
    let layers = try #require(row["layers"] as? [[String: Any]])
    for (layer, name) in zip(layers, ["hidden1", "hidden2", "output"]) {
      let sums = "\(name).preactivation"
      try compare(layer["a"], numbers.value(sums)?.elements, sums)
      try compare(layer["da"], numbers[sums]?.elements, "\(sums)'s gradient")
      guard name != "output" else { continue }
      try compare(layer["h"], numbers.value("\(name).activation")?.elements, name)
      try compare(layer["dh"], numbers["\(name).activation"]?.elements, "\(name)'s gradient")
    }
    let weights = try #require(data["weights"] as? [[String: Any]])
    for (weight, name) in zip(weights, ["hidden1", "hidden2", "output"]) {
      try compare(weight["values"], numbers.value("\(name).weight")?.elements, "\(name).weight")
    }
  }

  @Test("slopes times gradients are the blame; a neuron's paths add up to it")
  func slopesAndPaths() throws {
    let model = try Self.model(hidden: [3])
    let subject = try Self.subject(model, try Self.dataset(rows: 1), precision: .double)
    let data = try Self.data(try StepperPage(subject, title: "model"))
    let row = try #require((data["rows"] as? [[String: Any]])?.first)
    let layer = try #require((row["layers"] as? [[String: Any]])?.first)
    let (slopes, above) = (try Self.doubles(layer["slopes"]), try Self.doubles(layer["dh"]))
    let blame = try Self.doubles(layer["da"])
    let paths = try #require((row["paths"] as? [[String: Any]])?.first)
    #expect((paths["count"] as? NSNumber)?.doubleValue == 3)
    let of = try #require(paths["of"] as? [String: [[Any]]])
    for unit in 0..<3 {
      #expect(abs(slopes[unit] * above[unit] - blame[unit]) < 1e-6 * abs(blame[unit]))
      // Three outputs, three paths: all of them are told.
      let found = try #require(of["\(unit)"])
      #expect(found.count == 3)
      var sum = 0.0
      for path in found {
        let factors = try Self.doubles(path[1])
        let contribution = try #require(path[2] as? NSNumber).doubleValue
        let product = factors.reduce(1, *)
        #expect(abs(product - contribution) < 1e-6 * abs(contribution))
        sum += contribution
      }
      #expect(abs(sum - blame[unit]) < 1e-6)
    }
  }

  @Test("names are text wherever they stand")
  func namesAreEscaped() throws {
    let dataset = try Self.dataset(rows: 1, names: [Self.hostile, "b", "c"])
    let subject = try ExplanationSubject(
      model: try Self.model(), row: try Batch(dataset, rows: [0]), name: Self.hostile)
    let page = try StepperPage(subject, title: Self.hostile, command: Self.hostile)
    #expect(!page.html.contains("<script>alert("))
    #expect(page.html.components(separatedBy: "</script>").count == 3, "two scripts, no more")
    let data = try Self.data(page)
    #expect((data["inputNames"] as? [String])?.first == Self.hostile)
    #expect(data["command"] as? String == Self.hostile)
    #expect((data["rows"] as? [[String: Any]])?.first?["name"] as? String == Self.hostile)
  }

  @Test("the same subjects give the same bytes, and ask for nothing")
  func deterministic() throws {
    let (model, dataset) = (try Self.model(), try Self.dataset(rows: 5))
    func page() throws -> StepperPage {
      try StepperPage(
        try Self.subject(model, dataset),
        others: try (1..<5).map { try Self.subject(model, dataset, row: $0) }, title: "model")
    }
    let html = try page().html
    #expect(try page().html == html)
    #expect(html.contains("default-src 'none'"))
    for word in ["http://", "https://", " src=", "@import", "url("] {
      // The namespace of SVG is a name, not an address.
      let text = html.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
      #expect(!text.contains(word), "\(word)")
    }
  }

  @Test("a wide network is summarised, and the page stays small")
  func wideNetwork() throws {
    let model = try Self.model(
      inputs: 200, hidden: [1_000, 300], outputs: 30, activation: .relu)
    let dataset = try Self.dataset(rows: 40, inputs: 200, outputs: 30)
    let page = try StepperPage(
      try Self.subject(model, dataset),
      others: try (1..<40).map { try Self.subject(model, dataset, row: $0) }, title: "wide")
    let data = try Self.data(page)
    let rows = try #require(data["rows"] as? [[String: Any]])
    #expect(rows.count == page.rowCount)
    #expect(page.rowCount >= 2 && page.rowCount < 40, "\(page.rowCount) rows fit")
    #expect(page.html.utf8.count < 1_000_000, "\(page.html.utf8.count) bytes")
    for row in rows {
      let shown = try #require(row["shown"] as? [[Int]])
      #expect(shown.map(\.count) == [10, 10, 10, 10])
      #expect(shown.allSatisfy { $0 == $0.sorted() })
      #expect(shown.map { Set($0).count } == [10, 10, 10, 10], "each once")
    }
    // The truth and the prediction are drawn in any case.
    let first = rows[0]
    let outputs = try #require(first["shown"] as? [[Int]])[3]
    #expect(outputs.contains(try #require(first["label"] as? Int)))
    #expect(outputs.contains(try #require(first["predicted"] as? Int)))
    // The weights between drawn neurons are the model's.
    let weight = try #require((data["weights"] as? [[String: Any]])?[1])
    let (units, inputs) = (
      try #require(weight["rows"] as? [Int]), try #require(weight["columns"] as? [Int])
    )
    let values = try Self.doubles(weight["values"])
    let whole = try #require(model["hidden2.weight"])
    #expect(Float(values[11]) == whole.elements[units[1] * 1_000 + inputs[1]])
  }

  @Test("what stands out is drawn, in the order of the layer")
  func shownUnits() {
    let values = [0.1, 5, 0, -4, 0.2, 0.3], gradients = [0, 0, 9, 0, 0, 0.0]
    #expect(StepperUnits.shown(values: values, gradients: gradients, most: 3) == [1, 2, 3])
    #expect(
      StepperUnits.shown(values: values, gradients: gradients, wanted: [0, 7], most: 3)
        == [0, 1, 2])
    #expect(StepperUnits.shown(values: values, gradients: gradients, most: 6) == Array(0..<6))
    #expect(
      StepperUnits.shown(values: [.nan, 1, 2], gradients: [0, 0, .infinity], most: 1) == [2])
  }

  @Test("other rows: wrong ones first, then right ones of each class, never the row itself")
  func otherRows() throws {
    let (model, dataset) = (try Self.model(), try Self.dataset(rows: 60))
    let rows = try model.rowsWorthSeeing(in: dataset, beside: 3, count: 8)
    #expect(rows.count == 8)
    #expect(Set(rows).count == 8)
    #expect(!rows.contains(3))
    let predicted = try model.predictor().predict(dataset).classes
    let right = rows.map { predicted[$0] == $0 % 3 }
    #expect(right == right.sorted { !$0 && $1 }, "wrong ones stand first")
    #expect(right.count { !$0 } <= 4)
    #expect(try model.rowsWorthSeeing(in: dataset, beside: 3, count: 0).isEmpty)
    #expect(try model.rowsWorthSeeing(in: dataset, beside: nil, count: 100).count <= 60)
  }
}
