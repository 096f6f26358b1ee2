import Ebb
import EbbGraph
import EbbSystem
import Foundation
import Testing

/// A directory of its own for one test, removed at its end.
final class FilesDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "ebb-files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in the directory.
  func file(_ name: String) -> String { path + "/" + name }

  /// Writes bytes as they are and returns the path.
  func put(_ bytes: [UInt8], _ name: String = "file.ebb") throws -> String {
    try Data(bytes).write(to: URL(filePath: file(name)))
    return file(name)
  }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: file(name))))
  }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// What reading or writing threw, if anything.
func fileError(_ body: () throws(ModelFileError) -> Void) -> ModelFileError? {
  do throws(ModelFileError) {
    try body()
    return nil
  } catch {
    return error
  }
}

/// A small model of two layers whose numbers are all different.
func smallModel(
  network: Network = Network {
    Dense(3, activation: .relu)
    Dropout(0.25)
    Dense(2)
  }, inputs: Int = 3, loss: Loss = .softmaxCrossEntropy, schema: Schema? = smallSchema,
  seed: UInt64 = .max
) throws -> Model {
  var count: Float = 0
  return try Model(
    network: network, inputCount: inputs, loss: loss, schema: schema,
    record: TrainingRecord(
      optimizer: "adam: learningRate 0.001", seed: seed, batchSize: 32, epochs: 7,
      steps: 1 << 63 + 1),
    parameters: try network.parameters(inputs: inputs).map { specification in
      let values = (0..<specification.fileShape.count).map { _ in
        count += 1
        return count / 7 - 1
      }
      return .init(
        name: specification.name, role: specification.role,
        values: NDArray(values, shape: specification.fileShape))
    })
}

/// A schema of every kind of feature, with numbers that need all their digits.
let smallSchema: Schema? = {
  let text = """
    {"features":[
      {"name":"length \\u00e9 \\"x\\"","kind":"number","mean":0.1,"scale":0.30000000000000004},
      {"name":"colour","kind":"category","categories":["blue"]},
      {"name":"same","kind":"constant","value":-0.0}],
     "target":{"name":"kind","kind":"classes","classes":["no","yes"]}}
    """
  return try? Schema(json: JSONField(JSONReader.read(text)))
}()

/// A checkpoint of the small model with slots whose numbers are all different.
func smallCheckpoint(_ optimizer: any Optimizer = .adam()) throws -> Checkpoint {
  let model = try smallModel()
  var count: Float = 0
  return Checkpoint(
    model: model, optimizer: optimizer,
    slots: model.parameters.flatMap { parameter in
      optimizer.slots.map { slot in
        let values = parameter.values.map { value in
          count += 1
          return value * 1e-20 + count
        }
        return ("\(parameter.name).\(slot)", values)
      }
    },
    step: 1 << 49 + 1, epoch: 3,
    progress: ["bestEpoch": 2, "bestLoss": 0.1, "note": "é\n", "seen": [1, 2.5, nil, true]])
}

extension Model {
  /// Whether all is equal, of the numbers every bit.
  func isSame(as other: Model) -> Bool {
    network == other.network && inputCount == other.inputCount && loss == other.loss
      && schema == other.schema && record == other.record
      && parameters.map(\.name) == other.parameters.map(\.name)
      && parameters.map(\.role) == other.parameters.map(\.role)
      && parameters.map(\.values.bits) == other.parameters.map(\.values.bits)
  }
}

extension Checkpoint {
  /// Whether all is equal, of the numbers every bit.
  func isSame(as other: Checkpoint) -> Bool {
    model.isSame(as: other.model) && type(of: optimizer).kind == type(of: other.optimizer).kind
      && optimizer.settings == other.optimizer.settings && step == other.step
      && epoch == other.epoch && progress == other.progress
      && slots.map(\.name) == other.slots.map(\.name)
      && slots.map(\.values.bits) == other.slots.map(\.values.bits)
  }
}

extension NDArray<Float> {
  /// The shape and the bits of the elements.
  var bits: [UInt32] {
    [UInt32(shape.rank)] + shape.extents.map { UInt32($0) } + elements.map(\.bitPattern)
  }
}

/// A safetensors file from its parts, right or wrong.
func rawFile(_ header: String, payload: Int = 0, length: UInt64? = nil) -> [UInt8] {
  rawFile(Array(header.utf8), payload: [UInt8](repeating: 0, count: payload), length: length)
}

/// A safetensors file from its parts, right or wrong.
func rawFile(_ header: [UInt8], payload: [UInt8], length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header + payload
}

/// A model file with another description and other arrays, and a checksum that fits them.
func edited(
  _ bytes: [UInt8], description edit: (inout JSONObject) throws -> Void = { _ in },
  arrays editArrays: (inout [(name: String, values: NDArray<Float>)]) -> Void = { _ in }
) throws -> [UInt8] {
  let file = try Safetensors(bytes: bytes)
  var description = try JSONField(JSONReader.read(#require(file.metadata["ebb"]))).object()
  try edit(&description)
  let text = JSONWriter.text(.object(description), keys: .sorted)
  var arrays = try file.entries.map { (name: $0.name, values: try file.floats($0.name)) }
  editArrays(&arrays)
  let writer = try SafetensorsWriter(arrays)
  var hash = SHA256()
  hash.update(Array(text.utf8))
  writer.addPayload(to: &hash)
  return try writer.bytes(
    metadata: ["ebb": text, "ebb.checksum": SHA256.hex(hash.finalize())])
}
