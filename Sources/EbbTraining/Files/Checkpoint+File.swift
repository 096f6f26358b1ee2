internal import EbbData
internal import EbbGraph
package import EbbNetworks
internal import EbbSystem

/// A checkpoint file is a model file of kind `checkpoint` that also holds the optimizer's arrays, as
/// `optimizer/PARAMETER.SLOT` in the orientation of their parameter, and in its description the
/// member `checkpoint`: `optimizer` with kind and settings, `step`, `epoch`, `progress`. Names of
/// layers hold no `/`, so a slot's name is never a parameter's. ``Model/init(contentsOf:ownLayers:)``
/// reads the model of a checkpoint.
extension Checkpoint {
  /// The member of the description that only checkpoints have.
  static let fileMemberName = "checkpoint"
  /// What the names of the optimizer's arrays begin with.
  static let slotPrefix = "optimizer/"

  /// Reads a checkpoint from a file.
  ///
  /// - Parameters:
  ///   - ownLayers: the kinds of layers that the network may hold beside Ebb's own.
  ///   - ownOptimizers: the kinds of optimizers that may occur beside Ebb's own.
  /// - Throws: `ModelFileError`, of kind `noCheckpoint` for a model.
  package init(
    contentsOf path: String, ownLayers: [any Layer.Type] = [],
    ownOptimizers: [any Optimizer.Type] = []
  ) throws(ModelFileError) {
    let file = try ModelContainer(contentsOf: path)
    guard file.kind == .checkpoint else {
      throw ModelFileError(
        .noCheckpoint, path: path,
        "this is a model, not a checkpoint: it does not hold what the optimizer needs to go on",
        advice: "give the checkpoint of its training, such as checkpoint.ebb")
    }
    let names = Model.fileMemberNames + [Self.fileMemberName]
    let field = try file.read(names) { try $0.member(Self.fileMemberName) }
    let optimizer = try file.read(names) { _ in
      try field.allowOnly(["epoch", "optimizer", "progress", "step"])
      return try readOptimizer(json: field.member("optimizer"), ownOptimizers: ownOptimizers)
    }
    let model = try Model(file, ownLayers: ownLayers, slots: optimizer.slots)
    self = try file.read(names) { _ in
      Checkpoint(
        model: model, optimizer: optimizer,
        slots: try Self.slots(of: optimizer, for: model).map { slot in
          (slot.name, try file.arrays.floats(Self.slotPrefix + slot.name))
        },
        step: try field.member("step").steps(), epoch: try field.member("epoch").count(),
        progress: try field.member("progress").value)
    }
  }

  /// Writes the checkpoint in the place of any older one: the new file is whole, or the old one is
  /// still there. Members of `progress` are sorted by their names.
  ///
  /// - Throws: `ModelFileError`, of kind `badContent` if the slots are not those of the optimizer, or
  ///   if a number in `progress` is not finite.
  package func write(to path: String) throws(ModelFileError) {
    let expected = Self.slots(of: optimizer, for: model)
    let fits = slots.elementsEqual(expected) { $0.name == $1.name && $0.values.shape == $1.shape }
    guard fits else {
      let wanted = MessageText.list(expected.map { "\($0.name) \($0.shape)" })
      let found = MessageText.list(slots.map { "\($0.name) \($0.values.shape)" })
      throw ModelFileError(
        .badContent, path: path,
        "the optimizer's arrays are not those of its parameters: expected \(wanted), got \(found)")
    }
    var members = model.fileMembers
    members[Self.fileMemberName] = [
      "optimizer": optimizer.json, "step": JSONValue(String(step)), "epoch": JSONValue(epoch),
      "progress": progress,
    ]
    try ModelContainer.write(
      .checkpoint, members,
      arrays: model.fileArrays + slots.map { (Self.slotPrefix + $0.name, $0.values) },
      to: path, ifExists: .replace)
  }

  /// The arrays that an optimizer keeps for a model: each parameter's, in the order of the slots.
  private static func slots(
    of optimizer: any Optimizer, for model: Model
  ) -> [(name: String, shape: Shape)] {
    model.parameters.flatMap { parameter in
      optimizer.slots.map { ("\(parameter.name).\($0)", parameter.values.shape) }
    }
  }
}

extension Trainer {
  /// Throws if what a checkpoint says of columns and layers is more than a file's header can hold:
  /// better before a training than after it.
  package func checkFileDescription() throws(ModelFileError) {
    let columns = schema.map { $0.features.reduce(0) { $0 + 1 + $1.width } + $0.classes.count } ?? 0
    let arrays = specifications.count * (1 + optimizer.slots.count)
    guard columns + arrays > 10_000 else { return }
    let text = JSONWriter.bytes(["network": network.json, "schema": schema?.json ?? .null])
    // Within the header the text stands in quotes; an array has a name, a type, extents and offsets.
    let escapes = text.count { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    let needed = text.count + escapes + arrays * 160 + 10_000
    guard needed > Safetensors.headerLimit else { return }
    let features = schema.map { $0.features.count } ?? inputCount
    throw ModelFileError(
      .badContent,
      "\(NumberFormat.counted(features, "input column")) and"
        + " \(NumberFormat.counted(network.layers.count, "layer")) would take"
        + " \(NumberFormat.bytes(needed)) in the model's description, and the format allows no more"
        + " than \(NumberFormat.bytes(Safetensors.headerLimit))",
      advice: "leave columns out with --ignore, or take fewer layers")
  }
}
