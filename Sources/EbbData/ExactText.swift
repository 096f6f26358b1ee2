internal import EbbSystem

/// A text as its bytes. Swift's `String` holds texts equal whose bytes differ, if Unicode does: an
/// accent as part of a letter, or beside it. In data they are different texts.
struct ExactText: Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (left: ExactText, right: ExactText) -> Bool {
    left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    let isDone: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isDone == nil { for byte in text.utf8 { hasher.combine(byte) } }
  }

  /// A text that looks like another one of several different ones; nil: there is none.
  static func lookAlike(among texts: [String]) -> String? {
    var seen: Set<String> = []
    return texts.first { !seen.insert($0).inserted }
  }

  /// A note on texts that look alike, as the end of a sentence on a column.
  static func note(onLookAlikesAmong texts: [String]) -> String? {
    lookAlike(among: texts).map {
      "holds texts that look alike and differ in their bytes, such as \($0.quotedForMessage); they "
        + "are taken as different, so write them alike if they are meant as one"
    }
  }

  /// Where each text stands.
  static func positions(of texts: [String]) -> [ExactText: Int] {
    Dictionary(
      texts.enumerated().map { (ExactText($1), $0) }, uniquingKeysWith: { first, _ in first })
  }
}
