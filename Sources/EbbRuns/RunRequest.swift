package import EbbData
internal import EbbGraph
package import EbbNetworks
package import EbbTraining

/// What a user asks of a run, before the data are known.
package struct RunRequest: Sendable {
  /// The shape of the network.
  package enum Architecture: Sendable {
    /// Hidden layers of these widths, each with the activation and followed by dropout.
    case hidden([Int], activation: Activation, dropout: Double)
    /// Layers from a file.
    case network(Network)
  }

  /// Paths of data files.
  package var data: String
  package var validation: String?
  package var test: String?
  package var target: String
  /// nil: as the target suggests.
  package var task: PredictionTask?
  package var ignored: [String] = []
  package var split: Split = .init()
  package var architecture: Architecture = .hidden([64], activation: .relu, dropout: 0)
  /// nil: as suits the task.
  package var loss: Loss?
  package var optimizer: any Optimizer = .adam()
  package var fit: FitOptions = .init()
  /// Seed, threads, reductions, clipping.
  package var options: TrainingOptions = .init()
  package var classWeights: RunSettings.ClassWeights = .none
  package var gates: [String] = []

  package init(data: String, target: String) {
    self.data = data
    self.target = target
  }

  /// Reads and examines the data, and settles what was left open.
  package func prepare() throws -> PreparedRun {
    let (file, bytes) = try DataFile.read(data)
    let table = try Table(csvBytes: bytes, source: data)
    let validation = try validation.map { try DataFile.read($0) }
    let test = try test.map { try DataFile.read($0) }
    var own: [Split.Part: Table.OwnRows] = [:]
    own[.validation] = validation.map { .file($0.bytes, source: $0.file.path) }
    own[.test] = test.map { .file($0.bytes, source: $0.file.path) }
    let prepared = try table.prepared(
      target: target, task: task, split: split, own: own, ignoring: ignored)
    let loss = loss ?? Self.usualLoss(for: prepared)
    let settings = RunSettings(
      data: file, validation: validation?.file, test: test?.file, target: target,
      task: prepared.task, ignored: ignored, split: split,
      network: network(for: prepared, loss: loss), loss: loss, optimizer: optimizer, fit: fit,
      options: options, classWeights: classWeights, gates: gates)
    return PreparedRun(settings: settings, table: table.withoutText, data: prepared)
  }

  private static func usualLoss(for data: PreparedData) -> Loss {
    switch (data.task, data.classes.count) {
    case (.regression, _): .squaredError
    case (.classification, 2): .binaryCrossEntropy
    case (.classification, _): .softmaxCrossEntropy
    }
  }

  private func network(for data: PreparedData, loss: Loss) -> Network {
    switch architecture {
    case .network(let network): return network
    case .hidden(let widths, let activation, let dropout):
      var layers: [any Layer] = []
      for width in widths {
        layers.append(Dense(width, activation: activation))
        if dropout > 0 { layers.append(Dropout(dropout)) }
      }
      // One output says which of two classes; an index among classes needs one for each.
      layers.append(Dense(loss.targetType == .index ? max(1, data.classes.count) : 1))
      return Network(layers)
    }
  }
}

/// Data and settings of a run, examined, before anything is written.
package struct PreparedRun: Sendable {
  /// Everything settled.
  package let settings: RunSettings
  /// The data as they stand in the file.
  package let table: Table
  /// The data as numbers.
  package let data: PreparedData

  /// The text of `split.csv`.
  var splitText: [UInt8] { Array(RunSplit.text(data.split, of: table).utf8) }

  /// The data of a run that was begun, which must not have changed.
  package init(resuming run: RunDirectory, settings: RunSettings) throws {
    self.settings = settings
    let table = try settings.data.readAgain(for: run)
    var own: [Split.Part: Table.OwnRows] = [:]
    for (part, file) in [(Split.Part.validation, settings.validation), (.test, settings.test)] {
      own[part] = try file.map { .file(try $0.bytesAgain(for: run), source: $0.path) }
    }
    data = try table.prepared(
      target: settings.target, task: settings.task, split: settings.split, own: own,
      ignoring: settings.ignored)
    self.table = table.withoutText
  }

  init(settings: RunSettings, table: Table, data: PreparedData) {
    self.settings = settings
    self.table = table
    self.data = data
  }
}
