import Ebb
import Foundation
import TestSupport
import Testing

@Suite struct NotesThreeWaysTests {
  /// A few elements of each parameter: corners and some between.
  static func elements(_ model: Model) -> [String] {
    model.parameters.flatMap { parameter in
      let shape = parameter.values.shape
      return shape.rank == 2
        ? [[0, 0], [shape[0] - 1, shape[1] - 1], [shape[0] / 2, shape[1] / 3]]
          .map { "\(parameter.name)[\($0[0]),\($0[1])]" }
        : ["\(parameter.name)[0]", "\(parameter.name)[\(shape[0] - 1)]"]
    }
  }

  @Test(
    "M15 wiggling, paths and backpropagation give one gradient",
    arguments: NoteSubject.Kind.allCases)
  func equalValues(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    for rows in [[2], Array(0..<NoteSubject.rows)] {
      let batch = try subject.batch(rows: rows)
      let scales = try subject.model.gradients(on: batch)
      var (worst, compared, listed) = (0.0, 0, 0)
      for element in Self.elements(subject.model) {
        let name = try ElementName(parsing: element)
        let scale = try #require(scales[name.name]).elements.map(\.magnitude).max() ?? 0
        let back = try subject.model.gradient(of: element, on: batch, by: .backpropagation)
        let wiggled = try subject.model.gradient(of: element, on: batch, by: .wiggling)
        #expect(wiggled.cost.forwardPasses == 5, "\(element): four passes and the first")
        #expect((wiggled.value - back.value).magnitude < 1e-8 * scale, "\(element) wiggled")
        worst = max(worst, (wiggled.value - back.value).magnitude / scale)
        compared += 1
        let count = Self.pathCount(of: name, subject.model)
        if count > 100_000 {
          let error = #expect(throws: ExplanationError.self) {
            try subject.model.gradient(of: element, on: batch, by: .paths)
          }
          #expect(error?.kind == .tooManyPaths)
          continue
        }
        let along = try subject.model.gradient(of: element, on: batch, by: .paths)
        let sum = try #require(along.paths)
        #expect(sum.pathCount == count && sum.paths.count == Int(count))
        #expect((along.value - back.value).magnitude < 1e-12 * scale, "\(element) along paths")
        listed += 1
      }
      print(
        "M15 \(kind.rawValue), \(rows.count) rows: \(compared) wiggled, worst \(worst);"
          + " \(listed) along paths")
      #expect(listed >= 8 && compared > listed - 1)
    }
  }

  /// Π_{m>k} n_m.
  static func pathCount(of name: ElementName, _ model: Model) -> Double {
    let layers = model.network.names
    let units = model.network.layers.map { ($0 as? Dense)?.units ?? 1 }
    let k = layers.firstIndex { name.name.hasPrefix("\($0).") } ?? 0
    return units[(k + 1)...].reduce(1) { $0 * Double($1) }
  }

  @Test("M15 every factor of every path is named, and their product is what the path adds")
  func factors() throws {
    let subject = try NoteSubject.of(.digits)
    let row = 3
    let batch = try subject.batch(rows: [row])
    let sum = try subject.model.paths(of: "hidden1.weight[5,20]", on: batch)
    #expect(sum.paths.count == 160)
    let loop = try LayerwiseLoop(subject.model)
    let x = subject.features(ofRow: row)
    let forward = loop.forward(x)
    let expected = loop.gradients(x, label: subject.labels[row])
    let softmax = LayerwiseLoop.softmax(forward.a[2])
    func slope(_ k: Int, _ unit: Int) -> Double {
      ActivationTests.expected(loop.activations[k], forward.a[k][unit]).slope
    }
    for (number, path) in sum.paths.enumerated() {
      #expect(path.units == [5, number / 10, number % 10])
      let (i, m) = (path.units[1], path.units[2])
      let names = path.factors.map(\.name)
      #expect(
        names == [
          "features[20]", "tanh'(hidden1.preactivation[5])", "hidden2.weight[\(i),5]",
          "gelu'(hidden2.preactivation[\(i)])", "output.weight[\(m),\(i)]",
          "∂L/∂output.activation[\(m)]",
        ])
      // ŷ − y, and the factors before it, from a loop that shares no code with the trace.
      let residual = softmax[m] - (m == subject.labels[row] ? 1 : 0)
      let numbers = [
        x[20], slope(0, 5), loop.weights[1][i][5], slope(1, i), loop.weights[2][m][i], residual,
      ]
      let values = path.factors.map { $0.value(row: 0) }
      #expect(deviation(values, numbers) < 1e-12, "\(names)")
      let product = values.reduce(1, *)
      #expect((path.contribution - product).magnitude <= 1e-14 * product.magnitude)
    }
    let error = (sum.total - expected.weights[0][5][20]).magnitude
    #expect(error < 1e-12 * (1 + expected.weights[0][5][20].magnitude))
    #expect(sum.description.contains("160. features[20]"))
  }

  @Test("M15 through the predictions there are n_D times as many paths, and the same sum")
  func throughPredictions() throws {
    let subject = try NoteSubject.of(.digits)
    for rows in [[1], [0, 1, 2]] {
      let batch = try subject.batch(rows: rows)
      let short = try subject.model.paths(of: "hidden2.weight[3,7]", on: batch)
      let long = try subject.model.paths(
        of: "hidden2.weight[3,7]", on: batch, throughPredictions: true)
      #expect(short.paths.count == 10 && long.paths.count == 100)
      #expect((short.total - long.total).magnitude < 1e-11 * short.total.magnitude)
      let last = try #require(long.paths.last)
      #expect(last.factors.map(\.kind).suffix(2) == [.outputFunction, .loss])
      #expect(last.factors.last?.name == "∂L/∂predictions[9]")
    }
  }

  @Test("M13 the gradient is the slope felt when any value is wiggled: every kind of value")
  func anyValue() throws {
    for kind in NoteSubject.Kind.allCases {
      let subject = try NoteSubject.of(kind)
      let batch = try subject.batch(rows: [0, 4])
      let names =
        ["features", "predictions"]
        + subject.network.names.flatMap { ["\($0).preactivation", "\($0).activation"] }
      for name in names {
        let felt = try subject.model.gradient(ofAll: name, on: batch, by: .wiggling)
        let found = try subject.model.gradient(ofAll: name, on: batch, by: .backpropagation)
        #expect(felt.values.shape == found.values.shape)
        let error = deviation(felt.values.elements, found.values.elements)
        #expect(error < 1e-7, "\(kind.rawValue) \(name): \(error)")
        #expect(found.values.elements.contains { $0 != 0 }, "\(name) has a gradient")
      }
    }
  }

  @Test("M15 what each way costs: counted, and equal to the formulas, at two sizes")
  func costs() throws {
    let widths = [[6, 5, 4, 3], [12, 10, 8, 6]]
    var ratios: [(wiggling: Double, paths: Double)] = []
    for (size, widths) in widths.enumerated() {
      let network = Network(
        widths[1..<3].map { Dense($0, activation: .tanh) as any Layer } + [Dense(widths[3])])
      let trainer = try Trainer(
        network, loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: widths[0],
        options: TrainingOptions(seed: 5))
      let model = try trainer.model
      let data = try Dataset(
        features: uniform(4 * widths[0], seed: 3).map { Float($0) }, featureCount: widths[0],
        targets: .classes([0, 1, 2, 0], count: widths[3]))
      let batch = try Batch(data, rows: [0, 1, 2, 3])
      let counts = try model.operationCounts(rows: 4)
      let pass = counts.forward.total
      var (passes, wiggling, paths, back, pathCount) = (0, 0, 0, 0, 0.0)
      var seconds: [GradientMethod: Double] = [:]
      for parameter in model.parameters {
        let name = parameter.name
        func timed(_ method: GradientMethod) throws -> TensorGradient {
          var result: TensorGradient?
          let time = try ContinuousClock().measure {
            result = try model.gradient(ofAll: name, on: batch, by: method)
          }
          seconds[method, default: 0] += time / .seconds(1)
          return try #require(result)
        }
        let felt = try timed(.wiggling)
        let along = try timed(.paths)
        let found = try timed(.backpropagation)
        #expect(deviation(felt.values.elements, found.values.elements) < 1e-8, "\(name)")
        #expect(deviation(along.values.elements, found.values.elements) < 1e-12, "\(name)")
        #expect(felt.cost.forwardPasses == 4 * parameter.values.count + 1)
        #expect(felt.cost.operations == felt.cost.forwardPasses * pass)
        passes += felt.cost.forwardPasses
        wiggling += felt.cost.operations
        paths += along.cost.operations - pass
        back = found.cost.operations
        pathCount +=
          Self.pathCount(of: ElementName(name, []), model) * Double(parameter.values.count)
      }
      #expect(passes == 4 * model.parameterCount + model.parameters.count)
      // At least a product for each path and row.
      #expect(Double(paths) >= pathCount * 4)
      // Backpropagation: all gradients for a few forward passes, whatever the size.
      let share = Double(back) / Double(pass)
      #expect(share > 2 && share < 4, "forward and backward take \(share) forward passes")
      ratios.append((Double(wiggling) / Double(back), Double(paths) / Double(back)))
      let times = GradientMethod.allCases.map { method in
        "\(method.rawValue) \(seconds[method] ?? 0) s"
      }
      print(
        "M15 \(widths): P \(model.parameterCount), forward passes \(passes), paths \(pathCount),"
          + " operations wiggling \(wiggling), paths \(paths), backpropagation \(back);"
          + " " + times.joined(separator: ", "))
      #expect(size == ratios.count - 1)
    }
    // Twice as wide: three to four times as many parameters, and backpropagation is that much ahead.
    #expect(ratios[1].wiggling > 2.5 * ratios[0].wiggling)
    #expect(ratios[1].paths > 2.5 * ratios[0].paths)
  }
}
