internal import CZlib

/// zlib's decompression and checksum.
enum Inflate {
  /// The bytes that a deflate stream without envelope unpacks to: at most `limit`, even if there
  /// were more.
  ///
  /// Memory grows with what really comes out, never by what a file says.
  static func bytes(
    of input: ArraySlice<UInt8>, limit: Int
  ) throws(ArrayFileError) -> (bytes: [UInt8], isWhole: Bool) {
    var stream = z_stream()
    let version = ZLIB_VERSION
    let size = Int32(MemoryLayout<z_stream>.size)
    // Negative window bits: no zlib or gzip envelope around the stream.
    guard inflateInit2_(&stream, -15, version, size) == Z_OK else {
      throw ArrayFileError(.tooLarge, "there is not enough memory to decompress it")
    }
    defer { inflateEnd(&stream) }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var consumed = input.startIndex
    while true {
      let wanted = min(chunk.count, limit - output.count)
      // One byte more than wanted tells whether the stream goes on.
      let room = min(chunk.count, wanted + 1)
      let slice = input[consumed..<min(consumed + 1 << 20, input.endIndex)]
      let (status, left, unused) = step(&stream, slice, &chunk, room: room)
      consumed = slice.endIndex - unused
      let produced = room - left
      if produced > wanted {
        output.append(contentsOf: chunk[..<wanted])
        return (output, false)
      }
      output.append(contentsOf: chunk[..<produced])
      switch status {
      case Z_STREAM_END: return (output, consumed == input.endIndex)
      case Z_OK where produced > 0 || unused < slice.count: continue
      case Z_OK, Z_BUF_ERROR:
        throw ArrayFileError(.damaged, "the compressed bytes end too early")
      default: throw ArrayFileError(.damaged, "the compressed bytes are damaged")
      }
    }
  }

  private static func step(
    _ stream: inout z_stream, _ input: ArraySlice<UInt8>, _ chunk: inout [UInt8], room: Int
  ) -> (status: Int32, left: Int, unused: Int) {
    input.withUnsafeBufferPointer { source in
      chunk.withUnsafeMutableBufferPointer { target in
        // zlib does not write through next_in, its type only lacks the const.
        stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.avail_in = UInt32(truncatingIfNeeded: source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(truncatingIfNeeded: room)
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, Int(stream.avail_out), Int(stream.avail_in))
      }
    }
  }

  /// The checksum that zip files hold.
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CZlib.crc32(0, nil, 0)
    bytes.withUnsafeBufferPointer { all in
      for start in stride(from: 0, to: all.count, by: 1 << 28) {
        let part = UnsafeBufferPointer(rebasing: all[start..<min(start + 1 << 28, all.count)])
        checksum = CZlib.crc32(checksum, part.baseAddress, UInt32(part.count))
      }
    }
    return UInt32(truncatingIfNeeded: checksum)
  }
}
