/// What is wrong with a run directory or its settings, and what to do about it.
package struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of things that can be wrong.
  package enum Kind: Hashable, Sendable {
    /// A setting that does not suit the data or the other settings.
    case badSetting
    /// A directory that is in the way.
    case alreadyExists
    /// Another process uses the run.
    case inUse
    /// There is no run, or a part of it is missing or damaged.
    case unreadable
    /// The settings are not those that the run was trained with.
    case changedSettings
    /// The data are not those that the run was started with.
    case changedData
  }

  /// What kind of thing is wrong.
  package let kind: Kind
  /// The file or directory; nil if none is to blame.
  package let path: String?
  /// What was expected, what was found.
  package let message: String
  /// What to do next; may be empty.
  package let advice: String

  package init(_ kind: Kind, path: String? = nil, _ message: String, advice: String = "") {
    self.kind = kind
    self.path = path
    self.message = message
    self.advice = advice
  }

  /// Everything in one line.
  package var description: String {
    let head = path.map { "\($0): \(message)" } ?? message
    return advice.isEmpty ? head : "\(head); \(advice)"
  }
}
