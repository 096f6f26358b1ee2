package import EbbData
package import EbbSystem

/// A data file with what tells whether it has changed.
package struct DataFile: Hashable, Sendable {
  /// The path as the user gave it.
  package let path: String
  /// The path from the root of the file system, so that a run can be resumed from elsewhere.
  package let absolutePath: String
  /// How many bytes it has.
  package let size: Int
  /// The SHA-256 checksum of its bytes.
  package let checksum: String

  /// Reads a CSV file's bytes, and notes what it was.
  package static func read(_ path: String) throws -> (file: DataFile, bytes: [UInt8]) {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try Files.read(path)
    } catch {
      if case .notRegularFile(let kind) = error.reason {
        throw RunError(
          .unreadable, path: path,
          "it is a \(kind), and a run reads its data again when it is resumed",
          advice: "save them to a file first")
      }
      throw DataError(error)
    }
    let file = DataFile(
      path: path, absolutePath: Files.absolutePath(path), size: bytes.count,
      checksum: SHA256.hexDigest(of: bytes))
    return (file, bytes)
  }

  /// Reads the file again, to find its columns' types as they were found at first.
  ///
  /// - Throws: `RunError` of kind `changedData` if it is gone, or another file now.
  package func readAgain(for run: RunDirectory) throws -> Table {
    try Table(csvBytes: try bytesAgain(for: run), source: path)
  }

  /// Reads the file again as a schema says.
  ///
  /// - Throws: `RunError` of kind `changedData` if it is gone, or another file now.
  package func readAgain(for run: RunDirectory, schema: Schema) throws -> Table {
    try Table(
      csvBytes: try bytesAgain(for: run), source: path, schema: schema, target: .required)
  }

  /// The file's bytes.
  ///
  /// - Throws: `RunError` of kind `changedData` if it is gone, or another file now.
  func bytesAgain(for run: RunDirectory) throws -> [UInt8] {
    let isThere = (try? Files.kind(of: absolutePath)) == .regular
    let place = isThere ? absolutePath : path
    guard Files.exists(place) else {
      throw RunError(
        .changedData, path: absolutePath,
        "the run \(run.path) was made from this file, and it is gone",
        advice: "put it back, or start anew with \"ebb train\"")
    }
    let now = try Files.read(place)
    let sum = SHA256.hexDigest(of: now)
    guard sum == checksum else {
      throw RunError(
        .changedData, path: place,
        "the file has changed since the run \(run.path) began: it had \(size) bytes with the"
          + " checksum \(checksum.prefix(12)), and has \(now.count) bytes with \(sum.prefix(12))",
        advice: "put the old file back, or start anew with \"ebb train\"")
    }
    return now
  }

  /// The file as JSON.
  package var json: JSONValue {
    [
      "path": JSONValue(path), "absolutePath": JSONValue(absolutePath), "bytes": JSONValue(size),
      "sha256": JSONValue(checksum),
    ]
  }

  /// A file from JSON.
  package init(json: JSONField) throws(JSONError) {
    try json.allowOnly(["path", "absolutePath", "bytes", "sha256"])
    path = try json.member("path").string()
    absolutePath = try json.member("absolutePath").string()
    size = try json.member("bytes").count()
    checksum = try json.member("sha256").string()
  }

  /// A file from JSON, or null.
  static func optional(json: JSONField) throws(JSONError) -> DataFile? {
    json.isNull ? nil : try DataFile(json: json)
  }

  private init(path: String, absolutePath: String, size: Int, checksum: String) {
    self.path = path
    self.absolutePath = absolutePath
    self.size = size
    self.checksum = checksum
  }
}
