internal import EbbSystem

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
    "data", "validation", "test", "target", "task", "ignore", "split", "seed", "loss",
    "classWeights", "schedule", "epochs", "batch", "patience", "reduction", "biasReduction",
    "failUnder",
  ]
  private static let files: Set = ["data", "validation", "test"]
  private static let changeable: Set = [
    "schedule", "epochs", "batch", "patience", "reduction", "biasReduction", "failUnder",
  ]

  /// What the checkpoint keeps.
  var kept: JSONObject {
    guard case .object(let all) = json else { return [:] }
    return JSONObject(
      Self.names.compactMap { name in
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
    let now = self.kept
    return Self.names.compactMap { name in
      guard let before = kept[name], let now = now[name], before != now else { return nil }
      func text(_ value: JSONValue) -> String {
        let text = JSONWriter.text(value)
        if Self.files.contains(name) {
          return value == .null
            ? "no file" : "the file with the checksum \(text.dropFirst().prefix(12))"
        }
        return text.count <= 100 ? text : text.prefix(97) + "..."
      }
      return SettingChange(
        name: name, before: text(before), now: text(now),
        canBeTaken: Self.changeable.contains(name))
    }
  }
}

extension RunError {
  /// The error for settings that changed, unless they may: nil.
  static func changed(
    _ changes: [SettingChange], in run: RunDirectory, taking: Bool
  ) -> RunError? {
    let fixed = changes.filter { !$0.canBeTaken }
    if changes.isEmpty || (taking && fixed.isEmpty) { return nil }
    let list = changes.map(\.description).joined(separator: "; ")
    let advice =
      fixed.isEmpty
      ? "put the file back as it was, or take the change with --force"
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
    for parameter in parameters {
      for value in parameter.values.elements {
        hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
      }
    }
    return String(hash, radix: 16)
  }
}
