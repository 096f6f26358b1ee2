import Ebb
import TestSupport
import Testing

@Suite struct PathTests {
  /// The paths of a listing in the order in which the largest are told.
  static func ranked(_ sum: PathSum) -> [WeightPath] {
    sum.paths.filter { $0.contribution != 0 }.enumerated().sorted {
      let (left, right) = ($0.element.contribution.magnitude, $1.element.contribution.magnitude)
      return left != right ? left > right : $0.offset < $1.offset
    }.map(\.element)
  }

  /// A network with every kind of layer between: separate activations, dropout, no bias.
  static func mixed(_ activation: Activation) throws -> Model {
    let network = Network {
      Dense(7, activation: activation)
      Dropout(0.3)
      Dense(6, hasBias: false)
      ActivationLayer(.tanh)
      ActivationLayer(activation)
      Dense(5, activation: activation)
      Dense(4, activation: .softplus)
    }
    return try Trainer(
      network, loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: 8,
      options: TrainingOptions(seed: 9)
    ).model
  }

  static func batch(_ rows: Int) throws -> Batch {
    let data = try Dataset(
      features: uniform(rows * 8, seed: 21).map { Float($0) }, featureCount: 8,
      targets: .classes((0..<rows).map { Int32($0 % 4) }, count: 4))
    return try Batch(data, rows: Array(0..<rows))
  }

  @Test(
    "the largest paths equal those of the whole list, ranked: one row and several",
    arguments: [Activation.relu, .tanh, .gelu, .silu], [1, 2, 9])
  func largest(_ activation: Activation, _ rows: Int) throws {
    let model = try Self.mixed(activation)
    let batch = try Self.batch(rows)
    for element in [
      "hidden1.weight[2,3]", "hidden1.bias[6]", "hidden2.weight[5,0]",
      "hidden3.bias[1]", "output.weight[3,2]",
    ] {
      for through in [false, true] {
        let all = try model.paths(of: element, on: batch, throughPredictions: through)
        let ranked = Self.ranked(all)
        let back = try model.gradient(of: element, on: batch, by: .backpropagation).value
        #expect((all.total - back).magnitude < 1e-14 + 1e-11 * back.magnitude, "\(element)")
        for count in [1, 5, 40, all.paths.count] {
          let found = try model.largestPaths(
            count, of: element, on: batch, throughPredictions: through)
          #expect(found.paths == Array(ranked.prefix(count)), "\(element), \(count)")
          #expect((found.total - all.total).magnitude < 1e-14 + 1e-12 * all.total.magnitude)
          let sum = found.paths.reduce(found.rest) { $0 + $1.contribution }
          #expect((sum - found.total).magnitude < 1e-14)
          #expect(found.pathCount == all.pathCount)
        }
      }
    }
  }

  @Test("among a thousand million paths the largest are found in few steps, and none is larger")
  func many() throws {
    let subject = try NoteSubject.of(.random)
    for rows in [[3], [0, 5]] {
      let batch = try subject.batch(rows: rows)
      let element = "hidden1.weight[4,6]"
      let found = try subject.model.largestPaths(10, of: element, on: batch)
      print(
        "\(found.pathCount) paths, \(rows.count) rows: \(found.multiplications) multiplications,"
          + " largest \(found.paths[0].contribution), total \(found.total), rest"
          + " \(found.rest)")
      #expect(found.paths.count == 10 && found.pathCount > 1e9)
      let sizes = found.paths.map(\.contribution.magnitude)
      #expect(sizes == sizes.sorted(by: >))
      let back = try subject.model.gradient(of: element, on: batch, by: .backpropagation).value
      let scale = max(back.magnitude, sizes[0])
      #expect((found.total - back).magnitude < 1e-12 * scale)
      // No path that differs in one unit is larger, unless it is listed.
      let deeper = try subject.model.paths(of: "hidden8.bias[2]", on: batch)
      #expect(deeper.paths.count == 60)
    }
  }

  @Test("what has no paths says so: other layers, values, unknown names, too many paths")
  func faults() throws {
    let batch = try Self.batch(2)
    let model = try Self.mixed(.relu)
    func kind(_ body: () throws -> some Any) -> ExplanationError.Kind? {
      do {
        _ = try body()
        return nil
      } catch {
        return (error as? ExplanationError)?.kind
      }
    }
    #expect(kind { try model.paths(of: "hidden1.activation[0,1]", on: batch) } == .unknownElement)
    #expect(kind { try model.paths(of: "hidden2.bias[0]", on: batch) } == .unknownElement)
    #expect(
      kind { try model.paths(of: "hidden1.bias[0]", on: batch, limit: 100) } == .tooManyPaths)
    #expect(
      kind { try model.largestPaths(50, of: "hidden1.bias[0]", on: batch, limit: 3) }
        == .searchTooLong)
    #expect(throws: ElementNameError.self) { try model.paths(of: "hidden1.bias[7]", on: batch) }
    #expect(throws: ElementNameError.self) { try model.paths(of: "hidden1.bias", on: batch) }
    let other = try Trainer(
      Network([Scaling(), Dense(4)]), loss: .softmaxCrossEntropy, optimizer: .sgd(), inputs: 8,
      options: TrainingOptions(seed: 1)
    ).model
    #expect(kind { try other.paths(of: "output.bias[0]", on: batch) } == .unsupportedLayer)
    #expect(kind { try other.diagnosis(on: batch) } == .unsupportedLayer)
    // The other two ways are there for every layer.
    let felt = try other.gradient(of: "hidden1.weight[3]", on: batch, by: .wiggling).value
    let back = try other.gradient(of: "hidden1.weight[3]", on: batch, by: .backpropagation).value
    #expect((felt - back).magnitude < 1e-9 * back.magnitude && back != 0)
  }

  /// A layer that is no matrix.
  struct Scaling: Layer {
    static let kind = "scaling"
    init() {}
    init(settings: Settings) throws {}
    var settings: Settings { [:] }
    func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
      let shape: Shape = [x.shape[-1]]
      return x * context.parameter("weight", shape: shape, initializer: .constant(1), role: .weight)
    }
  }
}
