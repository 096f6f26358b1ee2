internal import EbbData
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// What is known about a training that left the finite numbers.
struct CrashReport {
  let diverged: TrainingDiverged
  let run: PreparedRun

  /// Writes `crash/report.json`.
  func write(to directory: RunDirectory) throws {
    try Files.createDirectory(directory.crashDirectory)
    let split = run.data.split.training
    let rows = diverged.rows.map { row -> JSONValue in
      let tableRow = split[row]
      return ["row": JSONValue(tableRow), "line": JSONValue(run.table.rowLines[tableRow])]
    }
    let report: JSONValue = [
      "step": JSONValue(Int(clamping: diverged.step)), "epoch": JSONValue(diverged.epoch),
      "operation": JSONValue(diverged.operation), "layer": JSONValue(diverged.layer),
      "value": JSONValue(diverged.value), "data": JSONValue(run.settings.data.path),
      "rows": JSONValue(rows),
      "learningRate": JSONValue(run.settings.optimizer.learningRate),
    ]
    try Files.writeWhole(
      JSONWriter.bytes(report, layout: .pretty), to: directory.crashReport, ifExists: .replace)
  }
}
