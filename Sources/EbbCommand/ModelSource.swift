import Ebb
import EbbRuns
import EbbSystem

/// A model from a file, or the best model of a run.
struct ModelSource {
  let path: String
  let model: Model
  /// The run, if its directory was given.
  let run: RunDirectory?

  init(_ path: String) throws {
    self.path = path
    guard try Files.kind(of: path) == .directory else {
      run = nil
      model = try Model(contentsOf: path)
      return
    }
    let run = RunDirectory(path)
    self.run = run
    // Killed while another run began in its place.
    if !run.isRun { run.tidy() }
    guard run.isRun else {
      throw RunError(
        .unreadable, path: path, "this directory is no run: it holds no config.json",
        advice: "give a model file, or a directory that \"ebb train\" made")
    }
    if let lost = run.lostModel { throw lost }
    guard Files.exists(run.model) else {
      let older =
        run.hasReplaced
        ? "; the run that it replaces is still in \(run.replaced.path)" : ""
      if Files.exists(run.crashReport) {
        let state =
          Files.exists(run.checkpoint)
          ? ", look at what was saved last by \"ebb explain \(path) --row N --state last\"" : ""
        throw RunError(
          .unreadable, path: path, "the run has no model, because its training diverged",
          advice: "see \(run.crashReport)\(state), and train anew with a smaller"
            + " --learning-rate\(older)")
      }
      throw RunError(
        .unreadable, path: path, "the run has no model yet",
        advice: "go on with it by \"ebb resume \(path)\"\(older)")
    }
    model = try Model(contentsOf: run.model)
  }

  /// The error for a model that was not trained on a table.
  var withoutSchema: CommandFailure {
    .failed(
      "\(path): the model was trained on bare numbers and does not say which columns it needs")
  }
}

/// Data from a file or from standard input.
enum DataSource {
  /// The table in a file, or on standard input for `-`, read as a model's schema says.
  static func table(
    _ path: String, schema: Schema, target: Schema.TargetUse = .required
  ) throws -> Table {
    guard path == "-" else {
      if let kind = try Files.kind(of: path), kind == .pipe || kind == .device || kind == .socket {
        throw CommandFailure.failed(
          "\(path): it is a \(kind), not a regular file; give - in its place, and let standard input"
            + " come from it")
      }
      return try Table(csv: path, schema: schema, target: target)
    }
    return try Table(
      csvBytes: try Files.readStandardInput(), source: "standard input", schema: schema,
      target: target)
  }
}
