package import EbbSystem

extension Network {
  /// The layers that Ebb brings.
  public static let standardLayers: [any Layer.Type] = [
    Dense.self, Dropout.self, ActivationLayer.self,
  ]

  /// The network as JSON: a list of kind, name and settings for each layer.
  package var json: JSONValue {
    JSONValue(
      zip(layers, names).map { layer, name in
        [
          "kind": JSONValue(type(of: layer).kind), "name": JSONValue(name),
          "settings": layer.settings.json,
        ]
      })
  }

  /// The network as JSON text: a list of kind, name and settings for each layer.
  public var jsonText: String { JSONWriter.text(json, layout: .pretty) }

  /// A network from JSON text, as `jsonText` writes it; `name` may be left out.
  ///
  /// - Parameter ownLayers: the kinds of layers that the file may hold beside Ebb's own.
  /// - Throws: `SettingsError` with the place and what was expected.
  public init(jsonText: String, ownLayers: [any Layer.Type] = []) throws {
    do {
      try self.init(json: JSONField(JSONReader.read(jsonText)), ownLayers: ownLayers)
    } catch let error as JSONError {
      throw SettingsError("network", "\(error)")
    }
  }

  /// A network from JSON.
  ///
  /// - Throws: `JSONError` with the path in the document.
  package init(json: JSONField, ownLayers: [any Layer.Type] = []) throws {
    let types = ownLayers + Self.standardLayers
    let kinds = types.map { $0.kind }
    if let twice = kinds.first(where: { kind in kinds.count { $0 == kind } > 1 }) {
      throw json.error("two layers are of the kind \"\(twice)\"; give your own another kind")
    }
    var layers: [any Layer] = []
    var names: [String?] = []
    for field in try json.elements() {
      try field.allowOnly(["kind", "name", "settings"])
      let kind = try field.member("kind")
      let wanted = try kind.string()
      guard let type = types.first(where: { $0.kind == wanted }) else {
        throw kind.error(
          "no layer is of the kind \(wanted.quotedForMessage); known are "
            + kinds.sorted().joined(separator: ", ")
            + "; if it is your own, name its type in ownLayers")
      }
      let settings = try field.optionalMember("settings")
      do {
        layers.append(try type.init(settings: settings.map { try Settings(json: $0) } ?? [:]))
      } catch let error as SettingsError {
        throw field.error("\(error)")
      }
      names.append(try field.optionalMember("name")?.string())
    }
    self.init(layers, names: names)
    do {
      try validate()
    } catch {
      throw json.error("\(error)")
    }
  }
}
