/// The version of Ebb.
package enum EbbVersion {
  /// Major, minor and patch (semver.org).
  package static let text = "0.1.0"
}
