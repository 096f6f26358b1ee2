extension Trainer {
  /// Writes the model with the numbers of now; the file is whole or absent, whatever happens.
  ///
  /// - Throws: `ModelFileError`; `TrainingDiverged` if a number is not finite.
  public func save(_ path: String, ifExists: Model.ExistingFile = .replace) throws {
    try checkFinite()
    try model.write(to: path, ifExists: ifExists)
  }
}
