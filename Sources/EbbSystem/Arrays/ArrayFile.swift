/// The arrays of an NPY or NPZ file.
package struct ArrayFile: Sendable {
  /// One array and its name, which is empty in an NPY file.
  package struct Entry: Sendable, Equatable {
    package let name: String
    package let array: NumberArray
  }

  /// In the order of the file.
  package let entries: [Entry]

  /// Whether bytes begin as one of the two formats.
  package static func recognizes(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: NPYHeader.magic) || bytes.starts(with: ZipArchive.magic)
      || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  /// Reads a file's bytes.
  ///
  /// - Parameter elementLimit: the most numbers in all arrays together; what would be more is
  ///   refused before it is unpacked.
  package init(_ bytes: [UInt8], elementLimit: Int) throws(ArrayFileError) {
    if bytes.starts(with: NPYHeader.magic) {
      entries = [
        Entry(name: "", array: try NumberArray(npy: bytes, elementLimit: elementLimit))
      ]
      return
    }
    let archive = try ZipArchive(bytes)
    // All headers before any numbers: what is too large is known before anything is unpacked.
    var left = elementLimit
    for member in archive.members {
      let header = try Self.header(of: member, in: archive)
      guard header.count <= left else {
        throw header.exceeding(left).within(member.name)
      }
      left -= header.count
    }
    var entries: [Entry] = []
    for member in archive.members {
      let contents = try archive.contents(of: member)
      do throws(ArrayFileError) {
        entries.append(
          Entry(name: String(member.name.dropLast(4)), array: try NumberArray(npy: contents)))
      } catch {
        throw error.within(member.name)
      }
    }
    self.entries = entries
  }

  private static func header(
    of member: ZipArchive.Member, in archive: ZipArchive
  ) throws(ArrayFileError) -> NPYHeader {
    guard member.name.hasSuffix(".npy") else {
      throw ArrayFileError(
        .unsupported, in: member.name,
        "this is no NPY file; an NPZ file holds nothing else (archives of PyTorch and Keras hold "
          + "pickles, which are not read, because reading one runs code)")
    }
    let beginning = try archive.beginning(of: member, limit: NPYHeader.lengthLimit)
    do throws(ArrayFileError) {
      let header = try NPYHeader(beginning)
      let payload = member.size - header.payloadStart
      guard payload == header.payloadCount else {
        throw ArrayFileError(
          .damaged,
          "\(payload) bytes follow its header, the shape \(header.extents) needs "
            + "\(header.payloadCount)")
      }
      return header
    } catch {
      throw error.within(member.name)
    }
  }
}
