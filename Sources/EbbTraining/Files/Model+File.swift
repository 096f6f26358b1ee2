internal import EbbData
internal import EbbGraph
public import EbbNetworks
internal import EbbSystem

/// A model is one file in the safetensors format, which many tools read: the parameters under their
/// names as 32-bit numbers, dense weights as [outputs, inputs]. Everything else stands in the
/// metadata `ebb` as JSON: `network`, `inputs`, `loss`, `schema`, `record`, and the versions of the
/// format and of the numeric contract. The same model always gives the same bytes.
extension Model {
  /// What to do about a file that is there already.
  public enum ExistingFile: Sendable {
    /// Leave it alone and throw.
    case refuse
    /// Put the new one in its place, all at once.
    case replace
  }

  /// Reads a model from a file, or the model that a checkpoint holds.
  ///
  /// - Parameters:
  ///   - path: a file that ``write(to:ifExists:)`` wrote, or a checkpoint of a training.
  ///   - ownLayers: the kinds of layers that the network may hold beside Ebb's own.
  /// - Throws: `ModelFileError`. Reading runs no code from the file, and gives all or nothing.
  public init(
    contentsOf path: String, ownLayers: [any Layer.Type] = []
  ) throws(ModelFileError) {
    try self.init(ModelContainer(contentsOf: path), ownLayers: ownLayers)
  }

  /// Writes the model so that the file is whole or absent, whatever happens.
  ///
  /// - Parameter ifExists: what to do about a file that is there already; when writing fails, that
  ///   file stays as it is.
  /// - Throws: `ModelFileError`.
  public func write(
    to path: String, ifExists: ExistingFile = .refuse
  ) throws(ModelFileError) {
    try ModelContainer.write(
      .model, fileMembers, arrays: fileArrays, to: path,
      ifExists: ifExists == .replace ? .replace : .refuse)
  }

  /// The names of ``fileMembers``.
  static let fileMemberNames = ["inputs", "loss", "network", "record", "schema"]

  /// The description of the model without its numbers.
  var fileMembers: JSONObject {
    [
      "network": network.json, "inputs": JSONValue(inputCount), "loss": JSONValue(loss.spelling),
      "schema": schema?.json ?? .null, "record": record.json,
    ]
  }

  /// The parameters and states by their names.
  var fileArrays: [(name: String, values: NDArray<Float>)] {
    parameters.map { ($0.name, $0.values) } + states.map { ($0.name, $0.values) }
  }

  /// The model of a file.
  ///
  /// - Parameter slots: the names of the arrays that there must be for each parameter; nil: those of a
  ///   checkpoint are left alone.
  init(
    _ file: ModelContainer, ownLayers: [any Layer.Type], slots: [String]? = nil
  ) throws(ModelFileError) {
    let isCheckpoint = file.kind == .checkpoint
    let names = Self.fileMemberNames + (isCheckpoint ? [Checkpoint.fileMemberName] : [])
    self = try file.read(names) { description in
      let network = try Network(json: description.member("network"), ownLayers: ownLayers)
      // More inputs than an array may have rows could not be traced.
      let inputCount = try description.member("inputs").integer(in: 1...Int(Int32.max))
      let lossField = try description.member("loss")
      let lossText = try lossField.string()
      let loss: Loss
      do throws(SettingsError) {
        loss = try Loss(spelling: lossText)
      } catch {
        throw lossField.error("\(error)")
      }
      let schemaField = try description.member("schema")
      let schema = schemaField.isNull ? nil : try Schema(json: schemaField)
      if let schema, schema.featureCount != inputCount {
        throw schemaField.error(
          "it gives \(schema.featureCount) numbers per row, the network takes \(inputCount)")
      }
      let record = try TrainingRecord(json: description.member("record"))
      let declared = try network.parameters(inputs: inputCount)
      let slotArrays = declared.flatMap { specification in
        (slots ?? []).map { slot in
          (Checkpoint.slotPrefix + "\(specification.name).\(slot)", specification.fileShape)
        }
      }
      let states = try network.states(inputs: inputCount)
      let arrays = declared.map { ($0.name, $0.fileShape) } + states.map { ($0.name, $0.shape) }
      try file.check(arrays + slotArrays) { name in
        isCheckpoint && slots == nil && name.hasPrefix(Checkpoint.slotPrefix)
      }
      return try Model(
        network: network, inputCount: inputCount, loss: loss, schema: schema, record: record,
        parameters: declared.map { specification in
          Parameter(
            name: specification.name, role: specification.role,
            values: try file.arrays.floats(specification.name))
        },
        states: states.map { Model.State(name: $0.name, values: try file.arrays.floats($0.name)) })
    }
  }
}

extension TrainingRecord {
  /// The record as JSON; numbers of 64 bits are texts.
  fileprivate var json: JSONValue {
    [
      "optimizer": JSONValue(optimizer), "seed": JSONValue(String(seed)),
      "batchSize": JSONValue(batchSize), "epochs": JSONValue(epochs),
      "steps": JSONValue(String(steps)),
    ]
  }

  fileprivate init(json field: JSONField) throws(JSONError) {
    try field.allowOnly(["batchSize", "epochs", "optimizer", "seed", "steps"])
    self.init(
      optimizer: try field.member("optimizer").string(),
      seed: try field.member("seed").unsigned(),
      batchSize: try field.member("batchSize").count(),
      epochs: try field.member("epochs").count(),
      steps: try field.member("steps").unsigned())
  }
}
