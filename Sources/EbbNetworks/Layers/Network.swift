public import EbbGraph
internal import EbbSystem

/// Layers applied one after another.
///
///     let network = Network {
///       Dense(64, activation: .relu)
///       Dropout(0.2)
///       Dense(10)
///     }
///
/// A plain value without numbers that training changes. The last layer gives the outputs: logits for
/// classification, predictions for regression; the loss brings the output function.
///
/// Layers that declare parameters are named `hidden1`, `hidden2`, … by their place among their like,
/// the last of them `output`; the others after their kind, such as `dropout1`. A layer's own name
/// takes precedence. Parameter names such as `hidden1.weight` are permanent: they stand in files.
public struct Network: Sendable {
  /// The layers in order.
  public let layers: [any Layer]
  /// The layers' names, as many as there are layers.
  public let names: [String]

  /// Layers one after another.
  public init(_ layers: [any Layer]) {
    self.init(layers, names: layers.map(\.name))
  }

  /// Layers one after another, written as a list; `if` and `for` may be used.
  public init(@NetworkBuilder _ layers: () -> [any Layer]) { self.init(layers()) }

  /// Layers with names from elsewhere, where they have some.
  init(_ layers: [any Layer], names given: [String?]) {
    self.layers = layers
    let last = layers.lastIndex { $0.declaresParameters }
    var counts: [String: Int] = [:]
    var names: [String] = []
    for (index, layer) in layers.enumerated() {
      let kind = layer.declaresParameters ? "hidden" : type(of: layer).kind
      counts[kind, default: 0] += 1
      let automatic = index == last ? "output" : "\(kind)\(counts[kind, default: 0])"
      names.append(given[index] ?? automatic)
    }
    self.names = names
  }

  /// Writes the network down.
  ///
  /// **Shapes**: x [rows, inputs] → [rows, outputs].
  public func callAsFunction(_ x: Tensor, in context: LayerContext) -> Tensor {
    do {
      try validate()
    } catch {
      return context.fail("network", error.message, shape: x.shape)
    }
    return trace(x, in: context) { _, _, _ in }
  }

  /// Throws if there is no layer, or if a name is used twice, empty, or holds anything but letters,
  /// digits, `-` and `_`.
  public func validate() throws(SettingsError) {
    if layers.isEmpty { throw SettingsError("network", "there are no layers; add a Dense layer") }
    var seen: Set<String> = []
    for name in names {
      let isPlain = name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
      guard isPlain && !name.isEmpty else {
        throw SettingsError(
          "network", setting: "name",
          "a layer's name may hold letters, digits, \"-\" and \"_\", got \(MessageText.quoted(name))"
        )
      }
      guard seen.insert(name).inserted else {
        throw SettingsError(
          "network", setting: "name",
          "two layers are named \(MessageText.quoted(name)); give each a name of its own")
      }
    }
  }

  /// Traces all layers, and tells what each gave and how many parameters there were before it.
  fileprivate func trace(
    _ x: Tensor, in context: LayerContext,
    observe: (_ name: String, _ y: Tensor, _ before: (parameters: Int, states: Int)) -> Void
  ) -> Tensor {
    var y = x
    for (layer, name) in zip(layers, names) {
      let before = (parameters: context.parameters.count, states: context.states.count)
      y = context.scope(name) {
        let result = layer(y, in: context)
        if !layer.declaresParameters && context.parameters.count > before.parameters {
          return context.fail(
            type(of: layer).kind,
            "the layer declares parameters but says that it has none: let declaresParameters be true",
            shape: result.shape)
        }
        return context.named("activation", result)
      }
      observe(name, y, before)
    }
    return y
  }
}

extension Network: Hashable {
  /// Equal kinds, names and settings.
  public static func == (left: Network, right: Network) -> Bool {
    left.names == right.names && left.entries == right.entries
  }

  /// Hashes kinds, names and settings.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(names)
    hasher.combine(entries)
  }

  private struct Entry: Hashable {
    let kind: String
    let settings: Settings
  }

  private var entries: [Entry] {
    layers.map { Entry(kind: type(of: $0).kind, settings: $0.settings) }
  }
}

/// One layer of a network for a given width of input.
public struct LayerSummary: Hashable, Sendable {
  /// The layer's name, such as `hidden1`.
  public let name: String
  /// Its kind and settings, such as `dense: activation relu, …`.
  public let layer: String
  /// The extents of its result without the rows.
  public let outputShape: Shape
  /// The parameters that it declared.
  public let parameters: [ParameterSpecification]
  /// What it keeps beside them.
  public let states: [StateSpecification]
  /// How many numbers its parameters hold.
  public var parameterCount: Int { parameters.map(\.shape.count).reduce(0, +) }
  /// How many numbers it keeps beside them.
  public var stateCount: Int { states.map(\.shape.count).reduce(0, +) }
}

extension Network {
  /// Each layer with its output shape and parameters.
  ///
  /// - Parameter inputs: the number of features.
  /// - Throws: `SettingsError` or `TraceError` if the network does not fit.
  public func summary(inputs: Int) throws -> [LayerSummary] {
    try validate()
    guard inputs >= 1 else {
      throw SettingsError("network", "there must be at least 1 input, got \(inputs)")
    }
    let builder = GraphBuilder()
    let context = LayerContext(builder, mode: .evaluation)
    var shapes: [(shape: Shape, before: (parameters: Int, states: Int))] = []
    let x = builder.input("x", shape: [1, inputs])
    _ = trace(x, in: context) { _, y, before in
      shapes.append((Shape(Array(y.shape.extents.dropFirst())), before))
    }
    _ = try builder.finish(outputs: [])
    return (0..<layers.count).map { index -> LayerSummary in
      let start = shapes[index].before
      let all = (parameters: context.parameters.count, states: context.states.count)
      let end = index + 1 < shapes.count ? shapes[index + 1].before : all
      return LayerSummary(
        name: names[index], layer: layers[index].summary, outputShape: shapes[index].shape,
        parameters: Array(context.parameters[start.parameters..<end.parameters]),
        states: Array(context.states[start.states..<end.states]))
    }
  }

  /// The parameters in the order of declaration.
  ///
  /// - Parameter inputs: the number of features.
  /// - Throws: `SettingsError` or `TraceError` if the network does not fit.
  public func parameters(inputs: Int) throws -> [ParameterSpecification] {
    try summary(inputs: inputs).flatMap(\.parameters)
  }

  /// What the layers keep beside the parameters, in the order of declaration.
  ///
  /// - Parameter inputs: the number of features.
  /// - Throws: `SettingsError` or `TraceError` if the network does not fit.
  public func states(inputs: Int) throws -> [StateSpecification] {
    try summary(inputs: inputs).flatMap(\.states)
  }

  /// A table for people: name, layer, output shape and number of parameters, with their sum.
  ///
  /// - Parameter inputs: the number of features.
  /// - Throws: `SettingsError` or `TraceError` if the network does not fit.
  public func table(inputs: Int) throws -> String {
    let summary = try summary(inputs: inputs)
    let total = summary.map(\.parameterCount).reduce(0, +)
    var rows = [["layer", "what", "output", "parameters"]]
    for layer in summary {
      rows.append(
        [layer.name, layer.layer, "\(layer.outputShape)", "\(layer.parameterCount)"])
    }
    rows.append(["total", "", "", "\(total)"])
    let kept = summary.map(\.stateCount).reduce(0, +)
    if kept > 0 { rows.append(["kept beside them", "", "", "\(kept)"]) }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      let cells = row.enumerated().map { column, text in
        let blanks = String(repeating: " ", count: widths[column] - text.count)
        return column == 3 ? blanks + text : text + blanks
      }
      return cells.joined(separator: "  ")
    }
    return lines.joined(separator: "\n")
  }
}

extension Layer {
  /// Kind and settings in one line.
  var summary: String { settings.text(after: Self.kind) }
}

extension Settings {
  /// A kind with its settings in one line: `adam: beta1 0.9, epsilon 1e-08`.
  func text(after kind: String) -> String {
    let list = names.compactMap { name in values[name].map { "\(name) \($0.text)" } }
    return list.isEmpty ? kind : "\(kind): \(list.joined(separator: ", "))"
  }
}
