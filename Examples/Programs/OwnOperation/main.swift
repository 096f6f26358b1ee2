// Operations that Ebb does not have, defined here: value and derivative by hand, checked, put into
// a layer of one's own, trained with threads, saved and loaded.
//
//     swift run -c release OwnOperation curve.ebb
import Ebb

// MARK: Two operations

enum Operations {
  /// Snake: y = x + sin² x, dy/dx = 1 + 2 sin x cos x (Ziyin et al., 2020).
  ///
  /// The value is an expression on tensors: the engine takes it apart and fuses it like its own.
  static let snake = CustomOperation(
    "snake",
    value: { x in x[0] + sin(x[0]) * sin(x[0]) },
    derivative: { at, dy, _ in dy * (1 + 2 * sin(at.x[0]) * cos(at.x[0])) })

  /// y = x / √(1 + x²), dy/dx = (1 + x²)^(−3/2): rises from −1 to 1 as tanh does.
  ///
  /// The value is computed on numbers, once for each precision: Float for training, Double for
  /// checks. The derivative is an expression all the same, so that it can be differentiated again.
  static let rootSigmoid = CustomOperation(
    "rootSigmoid", shape: { $0[0] }, float: { rootSigmoid($0[0]) }, double: { rootSigmoid($0[0]) },
    derivative: { at, dy, _ in
      let root = rsqrt(1 + at.x[0] * at.x[0])
      return dy * root * root * root
    })

  private static func rootSigmoid<Scalar: BinaryFloatingPoint & Sendable>(
    _ x: NDArray<Scalar>
  ) -> NDArray<Scalar> {
    NDArray(x.elements.map { $0 / (1 + $0 * $0).squareRoot() }, shape: x.shape)
  }

  /// Snake with a slip of the pen: the factor 2 is missing from the derivative.
  static let wrongSnake = CustomOperation(
    "wrongSnake",
    value: { x in x[0] + sin(x[0]) * sin(x[0]) },
    derivative: { at, dy, _ in dy * (1 + sin(at.x[0]) * cos(at.x[0])) })
}

// MARK: Are the derivatives right?

/// The largest distance between an operation's derivative and its values' differences.
func largestError(_ operation: CustomOperation) throws -> Double {
  let points: NDArray<Double> = [-2, -0.7, 0, 0.4, 1.5]
  let graph = try trace { builder in
    ["y": operation(builder.input("x", shape: points.shape))]
  }
  let interpreter = try Interpreter<Double>(graph)
  /// The values at the points, all moved by the same distance.
  func values(_ distance: Double) throws -> [Double] {
    try interpreter.number("y", ["x": points.map { $0 + distance }]).elements
  }
  // Four values around each point: the error is of the order h⁴.
  let h = 1e-3
  let (far, near) = (try zip(values(2 * h), values(-2 * h)), try zip(values(h), values(-h)))
  let differences = zip(far, near).map { (8 * ($1.0 - $1.1) - ($0.0 - $0.1)) / (12 * h) }
  let slopes = try gradient(at: points) { x in sum(operation(x)) }
  return zip(slopes.elements, differences).map { ($0 - $1).magnitude }.max() ?? 0
}

for operation in [Operations.snake, Operations.rootSigmoid, Operations.wrongSnake] {
  let error = try largestError(operation)
  let verdict = error < 1e-9 ? "right" : "WRONG"
  print("\(operation.name): derivative \(verdict), largest error \(error)")
}

// MARK: A layer

/// A layer that applies one of the operations to each element.
struct OwnActivation: Layer {
  enum Function: String { case snake, rootSigmoid }

  /// Under this name the layer stands in files.
  static let kind = "own-activation"

  let function: Function
  var declaresParameters: Bool { false }

  init(_ function: Function) { self.function = function }

  /// What is saved, and how it is read again.
  var settings: Settings { ["function": .text(function.rawValue)] }

  init(settings: Settings) throws {
    let reader = try settings.reader(for: Self.kind, known: ["function"])
    let name = try reader.text("function")
    guard let function = Function(rawValue: name) else { throw UnknownFunction(name: name) }
    self.function = function
  }

  func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    switch function {
    case .snake: Operations.snake(x)
    case .rootSigmoid: Operations.rootSigmoid(x)
    }
  }
}

/// A file names a function that this program does not have.
struct UnknownFunction: Error {
  let name: String
}

// MARK: Training, saving, loading

let network = Network {
  Dense(128)
  OwnActivation(.snake)
  Dense(128)
  OwnActivation(.rootSigmoid)
  Dense(1)
}

/// The curve x³ − 2x between −2 and 2.
let inputs = (0..<1024).map { Float($0) / 256 - 2 }
let curve = try Dataset(
  features: inputs.map { [$0] }, values: inputs.map { [$0 * $0 * $0 - 2 * $0] })

func trainer(threads: Int) throws -> Trainer {
  try Trainer(
    network, loss: .squaredError, optimizer: .adam(learningRate: 0.003), inputs: 1,
    options: .init(seed: 1, threads: threads))
}

func train(_ trainer: Trainer) throws {
  // Batches this large are worth dividing between two threads.
  for epoch in 1...200 {
    for batch in try curve.batches(of: 256, epoch: epoch) { try trainer.step(batch) }
  }
}

let together = try trainer(threads: 2)
print("mean squared error before training: \(try together.evaluate(curve).loss)")
try train(together)
print("mean squared error after 200 epochs: \(try together.evaluate(curve).loss)")

// Threads change the time, never the numbers.
let alone = try trainer(threads: 1)
try train(alone)
let same = try together.model.parameters == alone.model.parameters
print("the same weights with one thread: \(same)")

// Whoever reads the file says which layers of their own it may hold.
let arguments = CommandLine.arguments
let file = arguments.count > 1 ? arguments[1] : "curve.ebb"
try together.model.write(to: file, ifExists: .replace)
let loaded = try Model(contentsOf: file, ownLayers: [OwnActivation.self])
let equal = try loaded.predictor().predict(curve).values == together.predict(curve).values
print("the same predictions after saving and loading: \(equal)")
