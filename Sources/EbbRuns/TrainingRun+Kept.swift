internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// What a checkpoint of a run keeps beside the training's progress, to be compared with the run's other
/// files. Checkpoints of Ebb 0.1.0 have none of it: there is nothing to compare then.
extension TrainingRun {
  struct Kept {
    /// The settings that the run was trained with.
    var settings: JSONObject = [:]
    /// The checksum of `split.csv`.
    var split: String?
    /// The fingerprint of the best model; nil: there is none yet, or it is not known.
    var model: String?
    /// What `config.json` says if the process was killed while it raised the epochs.
    var formerEpochs: Int?

    var epochs: Int? {
      guard case .integer(let number)? = settings["epochs"] else { return nil }
      return Int(exactly: number)
    }
  }

  /// The members of the checkpoint's progress that are read here.
  static let keptMembers = ["settings", "split", "model", "formerEpochs"]

  static func readKept(_ checkpoint: Checkpoint, _ directory: RunDirectory) throws -> Kept {
    let json = JSONField(checkpoint.progress)
    func member(_ name: String) throws(JSONError) -> JSONField? {
      guard let found = try json.optionalMember(name), !found.isNull else { return nil }
      return found
    }
    do throws(JSONError) {
      var settings = try member("settings")?.object() ?? [:]
      settings["network"] = checkpoint.model.network.json
      settings["optimizer"] = checkpoint.optimizer.json
      return Kept(
        settings: settings, split: try member("split")?.string(),
        model: try member("model")?.string(),
        formerEpochs: try member("formerEpochs")?.integer(in: 1...Int.max))
    } catch {
      throw RunError(
        .unreadable, path: directory.checkpoint, "the run cannot go on from it: \(error)",
        advice: "put the run's files back as they were, or start anew with \"ebb train\"")
    }
  }
}

extension RunDirectory {
  /// The checkpoint; nil: there is none.
  func readCheckpoint() throws -> Checkpoint? {
    Files.exists(checkpoint) ? try Checkpoint(contentsOf: checkpoint) : nil
  }
}
