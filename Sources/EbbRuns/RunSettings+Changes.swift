internal import EbbGraph
internal import EbbSystem
internal import EbbTraining

/// A setting that is another one than the run was trained with.
package struct SettingChange: Hashable, Sendable {
  /// As in `config.json`.
  package let name: String
  /// The values as JSON texts, or other words.
  package let before: String
  package let now: String
  /// Whether training can go on with it. Not so if what is there already was made with the other one:
  /// which rows are for tests, what the loss means.
  package let canBeTaken: Bool

  /// Such as `batch: 32 until now, 7 in config.json`.
  package var description: String { "\(name): \(before) until now, \(now) in config.json" }
}

/// The settings that a checkpoint keeps, so that none changes unnoticed. It holds network and optimizer
/// anyway; threads change nothing.
extension RunSettings {
  private static let names = [
    "data", "validation", "test", "target", "task", "ignore", "split", "seed", "network", "loss",
    "classWeights", "optimizer", "schedule", "epochs", "batch", "patience", "reduction",
    "biasReduction", "gradientClipping", "failUnder",
  ]
  private static let heldAnyway: Set = ["network", "optimizer"]
  private static let files: Set = ["data", "validation", "test"]
  private static let changeable: Set = [
    "schedule", "epochs", "batch", "patience", "reduction", "biasReduction",
    "gradientClipping", "failUnder",
  ]

  /// What the checkpoint keeps of these settings.
  var kept: JSONObject { comparable(Self.names.filter { !Self.heldAnyway.contains($0) }) }

  private func comparable(_ names: [String]) -> JSONObject {
    guard case .object(let all) = json else { return [:] }
    return JSONObject(
      names.compactMap { name in
        guard let value = all[name] else { return nil }
        // A file may be elsewhere now; its bytes must be the same.
        guard Self.files.contains(name), case .object(let file) = value else {
          return (name, value)
        }
        return (name, file["sha256"] ?? .null)
      })
  }

  /// Where these settings differ from those that a checkpoint kept.
  func changes(since kept: JSONObject) -> [SettingChange] {
    let now = comparable(Self.names)
    return Self.names.compactMap { name in
      guard let before = kept[name], let now = now[name], before != now else { return nil }
      let texts = Self.texts(before, now, areFiles: Self.files.contains(name))
      return SettingChange(
        name: name, before: texts.before, now: texts.now,
        canBeTaken: Self.changeable.contains(name))
    }
  }

  /// Two values, of which long ones are cut to where they begin to differ.
  private static func texts(
    _ before: JSONValue, _ now: JSONValue, areFiles: Bool
  ) -> (before: String, now: String) {
    if areFiles {
      func text(_ sum: JSONValue) -> String {
        guard sum != .null else { return "no file" }
        return "the file with the checksum \(JSONWriter.text(sum).dropFirst().prefix(12))"
      }
      return (text(before), text(now))
    }
    let texts = (Array(JSONWriter.text(before)), Array(JSONWriter.text(now)))
    let most = 100
    guard max(texts.0.count, texts.1.count) > most else {
      return (String(texts.0), String(texts.1))
    }
    let same = zip(texts.0, texts.1).prefix { $0 == $1 }.count
    let start = same > most / 2 ? same - most / 4 : 0
    func cut(_ text: [Character]) -> String {
      let part = String(text.dropFirst(start).prefix(most))
      return (start > 0 ? "..." : "") + part + (start + most < text.count ? "..." : "")
    }
    return (cut(texts.0), cut(texts.1))
  }
}

extension RunError {
  /// The error for settings that changed, unless they may: nil.
  ///
  /// - Parameter taking: whether training goes on, and takes the changes that it can; nil: it does not
  ///   go on.
  static func changed(
    _ changes: [SettingChange], in run: RunDirectory, taking: Bool? = nil
  ) -> RunError? {
    let fixed = changes.filter { !$0.canBeTaken }
    if changes.isEmpty || (taking == true && fixed.isEmpty) { return nil }
    let list = changes.map(\.description).joined(separator: "; ")
    let taken =
      taking == nil
      ? "train on with the change by \"ebb resume \(run.path) --force\""
      : "take the change with --force"
    let advice =
      fixed.isEmpty
      ? "put the file back as it was, or \(taken)"
      : "put the file back as it was, or start anew with \"ebb train\": training cannot go on with"
        + " another \(fixed.map(\.name).joined(separator: ", "))"
    return RunError(
      .changedSettings, path: run.configuration,
      "the settings have changed since the run was saved: \(list)", advice: advice)
  }
}

extension Model {
  /// Tells this model's numbers from others, by 64 bits (FNV-1a over their patterns).
  var fingerprint: String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for array in parameters.map(\.values) + states.map(\.values) {
      for value in array.elements {
        hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
      }
    }
    return String(hash, radix: 16)
  }
}
