/// Formats of model files that Ebb does not read, known by their first bytes.
enum ForeignFormat {
  case pickle
  case zip
  case hdf5
  case onnx
  case numpy
  case gguf
  case gzip
  case text

  /// The format that a file seems to have; nil if none of these.
  init?(_ bytes: [UInt8]) {
    let isPickle = bytes.count >= 2 && bytes[0] == 0x80 && (2...5).contains(bytes[1])
    // Protocol buffers: field 1, the version of the format, then a text or the graph.
    let isONNX =
      bytes.count >= 3 && bytes[0] == 0x08 && (1...32).contains(bytes[1])
      && [0x12, 0x3A, 0x42].contains(bytes[2])
    if isPickle {
      self = .pickle
    } else if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      self = .zip
    } else if bytes.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .hdf5
    } else if bytes.starts(with: Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) })) {
      self = .numpy
    } else if bytes.starts(with: "GGUF".utf8) {
      self = .gguf
    } else if bytes.starts(with: [0x1F, 0x8B]) {
      self = .gzip
    } else if isONNX {
      self = .onnx
    } else if Self.isText(bytes.prefix(64)) {
      self = .text
    } else {
      return nil
    }
  }

  /// Whether all bytes are printable or blank, the first eight in ASCII: a length would not be.
  private static func isText(_ bytes: some Collection<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.prefix(8).allSatisfy { $0 < 0x80 }
      && bytes.allSatisfy { byte in
        byte >= 0x20 && byte != 0x7F || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(byte)
      }
  }

  /// What the file is.
  var message: String {
    switch self {
    case .pickle: "this is a Python pickle; pickles are not read, because reading one runs code"
    case .zip:
      "this is a zip archive, as PyTorch (.pt, .pth) and Keras (.keras) write; the pickles in such "
        + "files are not read, because reading one runs code"
    case .hdf5: "this is an HDF5 file, as older versions of Keras write; it is not read"
    case .onnx: "this seems to be an ONNX file; it is not read"
    case .numpy: "this is a NumPy array; it is not read"
    case .gguf: "this is a GGUF file; it is not read"
    case .gzip: "this is compressed with gzip"
    case .text: "this is no model file, it looks like a text file"
    }
  }

  /// What to do instead.
  var advice: String {
    switch self {
    case .gzip: "decompress it first"
    case .text:
      "give a model that \"ebb train\" wrote; on the command line MODEL comes first, then DATA"
    default: "Ebb's models are safetensors files, which \"ebb train\" writes"
    }
  }
}
