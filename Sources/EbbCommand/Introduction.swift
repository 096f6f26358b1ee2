import Ebb
import EbbRuns
import EbbSystem

/// What a command says before training: what was found in the data, and what is done with it.
enum Introduction {
  static func say(_ run: PreparedRun, parameters: Int, on console: Console) {
    let (settings, data) = (run.settings, run.data)
    let columns = data.schema.features.count
    let features = data.schema.featureCount
    var found = "\(settings.data.path): \(NumberFormat.counted(run.table.rowCount, "row")), "
    found += NumberFormat.counted(columns, "input column")
    if features != columns { found += " (\(NumberFormat.counted(features, "feature")))" }
    console.say(found)
    console.say(task(data, settings))
    let parts = [
      (data.training, Split.Part.training), (data.validation, .validation), (data.test, .test),
    ].map { "\(NumberFormat.grouped($0.rowCount)) \($1.rawValue)" }
    console.say("rows: \(parts.joined(separator: ", "))")
    for note in data.notes { console.note(note) }
    for note in rowNumbers(run) { console.note(note) }
    if let note = imbalance(data, settings) { console.note(note) }
    console.say(
      "network: \(layers(settings.network, features)), "
        + "\(NumberFormat.counted(parameters, "parameter")); \(settings.loss.spelling); "
        + optimizer(settings.optimizer))
    if let note = OutputRange(settings.network)?.contradiction(
      settings.loss, data.training.targets, schema: data.schema)
    {
      console.note(note)
    }
    if let label = settings.weightedLossLabel { console.say(label) }
    details(run, on: console)
  }

  private static func task(_ data: PreparedData, _ settings: RunSettings) -> String {
    let target = MessageText.quoted(settings.target)
    switch data.schema.target.kind {
    case .classes(let names):
      let shown = names.prefix(10).map(MessageText.name).joined(separator: ", ")
      let more = names.count > 10 ? " and \(names.count - 10) more" : ""
      return
        "target \(target): classification, \(NumberFormat.counted(names.count, "class", plural: "classes")) (\(shown)\(more))"
    case .number(let mean, let scale):
      return "target \(target): regression, mean \(NumberFormat.significant(mean, digits: 4)), "
        + "standard deviation \(NumberFormat.significant(scale, digits: 4))"
    }
  }

  /// `64 → 64 relu → 10`
  private static func layers(_ network: Network, _ features: Int) -> String {
    var parts = ["\(features)"]
    for layer in network.layers {
      switch layer {
      case let layer as Dense:
        let activation = layer.activation == .identity ? "" : " \(layer.activation.spelling)"
        parts.append("\(layer.units)\(activation)")
      case let layer as Dropout: parts.append("dropout \(NumberFormat.shortest(layer.rate))")
      case let layer as ActivationLayer: parts.append(layer.activation.spelling)
      default: parts.append(type(of: layer).kind)
      }
    }
    return parts.joined(separator: " → ")
  }

  /// `adam at 0.003`, and the pull on the weights if there is one.
  private static func optimizer(_ optimizer: some Optimizer) -> String {
    var (name, decay) = (type(of: optimizer).kind, "")
    if (optimizer as? Momentum)?.form == .nesterov { name = OptimizerChoice.nesterov.rawValue }
    // A decay is written `none`, `l2:FACTOR` or `decoupled:FACTOR`.
    if case .text(let spelling) = optimizer.settings["weightDecay"], spelling != "none" {
      let parts = spelling.split(separator: ":")
      if name == Adam.kind && parts.first == "decoupled" { name = OptimizerChoice.adamw.rawValue }
      decay = ", weight decay \(parts.last ?? "")"
    }
    return "\(name) at \(NumberFormat.shortest(optimizer.learningRate))\(decay)"
  }

  /// Input columns that only count the rows: they teach the order of the file.
  private static func rowNumbers(_ run: PreparedRun) -> [String] {
    let inputs = Set(run.data.schema.features.map(\.name))
    return run.table.columns.compactMap { column in
      guard inputs.contains(column.name), case .numbers(let numbers) = column.values,
        numbers.count >= 10, let first = numbers.first
      else { return nil }
      let counts = numbers.indices.allSatisfy { numbers[$0] == first + Double($0) }
      guard counts || isNumbering(numbers) else { return nil }
      return
        "column \(MessageText.quoted(column.name)) only \(counts ? "counts" : "numbers") the rows\(counts ? "" : " in another order"); "
        + "if it is no measurement, leave it out with --ignore \(ShellText.quoted(column.name))"
    }
  }

  /// Whether each of as many consecutive whole numbers as there are rows comes once.
  private static func isNumbering(_ numbers: [Double]) -> Bool {
    guard let least = numbers.min(), least == least.rounded() else { return false }
    var isThere = [Bool](repeating: false, count: numbers.count)
    for number in numbers {
      guard let place = Int(exactly: number - least), place < numbers.count, !isThere[place]
      else { return false }
      isThere[place] = true
    }
    return true
  }

  /// A class so rare that accuracy says little about it.
  private static func imbalance(_ data: PreparedData, _ settings: RunSettings) -> String? {
    guard case .classes(let labels, let count) = data.training.targets,
      settings.classWeights == .none
    else { return nil }
    var rows = [Int](repeating: 0, count: count)
    for label in labels { rows[Int(label)] += 1 }
    guard let least = rows.min(), let most = rows.max(), least * 10 < most,
      let index = rows.firstIndex(of: least)
    else { return nil }
    return
      "class \(MessageText.quoted(data.classes[index])) has only \(NumberFormat.counted(least, "training row")), "
      + "the largest \(NumberFormat.grouped(most)); --class-weights balanced makes classes count alike"
  }

  private static func details(_ run: PreparedRun, on console: Console) {
    guard console.loudness == .verbose else { return }
    if let table = try? run.settings.network.table(inputs: run.data.schema.featureCount) {
      console.detail(table)
    }
    console.detail(JSONWriter.text(run.settings.json, layout: .pretty))
  }
}
