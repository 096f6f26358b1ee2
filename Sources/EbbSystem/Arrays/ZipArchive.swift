/// The members of a zip archive (APPNOTE 6.3.10), as far as NPZ files need it: stored or deflated,
/// with 64-bit sizes where there are any, on one disk, not encrypted.
///
/// Nothing in it is believed: members must lie in the file without overlapping, both headers must
/// agree, names are compared and never used as paths, and a member unpacks to exactly the size that
/// its directory entry says, with its checksum.
package struct ZipArchive: Sendable {
  /// One member.
  package struct Member: Sendable, Equatable {
    package let name: String
    /// The size unpacked, in bytes, as the directory says.
    package let size: Int
    let isDeflated: Bool
    let checksum: UInt32
    /// Where its bytes lie in the file.
    var range: Range<Int>
  }

  /// In the order of the archive's directory.
  package let members: [Member]
  private let bytes: [UInt8]

  /// The bytes with which an archive with members begins.
  package static let magic: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
  /// The most members that are read.
  package static let memberLimit = 100_000

  /// Reads the directory of an archive.
  package init(_ bytes: [UInt8]) throws(ArrayFileError) {
    self.bytes = bytes
    let directory = try ZipDirectory(bytes)
    members = try directory.members()
    var names: Set<String> = []
    for member in members where !names.insert(member.name).inserted {
      throw ArrayFileError(.damaged, in: member.name, "two members have this name")
    }
    let places = members.filter { !$0.range.isEmpty }.sorted {
      $0.range.lowerBound < $1.range.lowerBound
    }
    for (member, next) in zip(places, places.dropFirst())
    where member.range.upperBound > next.range.lowerBound {
      throw ArrayFileError(
        .damaged, in: next.name, "its bytes overlap those of \(MessageText.name(member.name))")
    }
  }

  /// The first bytes of a member, at most `limit`; they are not checked against its checksum.
  package func beginning(of member: Member, limit: Int) throws(ArrayFileError) -> [UInt8] {
    let limit = min(limit, member.size)
    guard member.isDeflated else { return Array(bytes[member.range].prefix(limit)) }
    do throws(ArrayFileError) {
      return try Inflate.bytes(of: bytes[member.range], limit: limit).bytes
    } catch {
      throw error.within(member.name)
    }
  }

  /// A member's bytes: as many as its directory entry says, and with its checksum.
  package func contents(of member: Member) throws(ArrayFileError) -> [UInt8] {
    let result: [UInt8]
    if member.isDeflated {
      do throws(ArrayFileError) {
        let (unpacked, isWhole) = try Inflate.bytes(of: bytes[member.range], limit: member.size)
        result = unpacked
        guard isWhole else {
          throw ArrayFileError(
            .damaged, "it unpacks to more than the \(member.size) bytes declared")
        }
      } catch {
        throw error.within(member.name)
      }
    } else {
      result = Array(bytes[member.range])
    }
    guard result.count == member.size else {
      throw ArrayFileError(
        .damaged, in: member.name,
        "it has \(result.count) bytes, the archive's directory says \(member.size)")
    }
    guard Inflate.crc32(result) == member.checksum else {
      throw ArrayFileError(
        .damaged, in: member.name, "its checksum differs: the file was changed or copied wrong")
    }
    return result
  }
}
