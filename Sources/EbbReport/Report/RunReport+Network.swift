internal import Ebb
internal import EbbRuns
internal import EbbSystem

/// The network, the proof of its gradients, and everything that is needed to do it again.
extension RunReport {
  var architecture: Section {
    var content: HTML
    do {
      let diagram = try NetworkDiagram(model, schema: schema)
      content = """
        <p class="note">Of wide layers the first and the last neurons. The stronger a line, the larger \
        the weight beside the others of its layer; orange: positive, blue and dashed: negative.</p>
        \(Self.pictures(of: diagram))
        """
    } catch {
      content = "<p>The network cannot be drawn: \("\(error)").</p>\n"
    }
    if let summaries = try? model.network.summary(inputs: model.inputCount) {
      var table = NumberTable(["layer", "what", "outputs", "parameters"])
      for layer in summaries {
        table.add([
          layer.name, layer.layer, "\(layer.outputShape)",
          NumberFormat.grouped(layer.parameterCount),
        ])
      }
      content += table.details("Layers and their settings")
    }
    return Section(id: "network", name: "Network", content: content)
  }

  /// The network, and where a small screen is too narrow for it, once more with its layers close.
  private static func pictures(of diagram: NetworkDiagram) -> HTML {
    let (broad, narrow) = (diagram.width(within: 960), diagram.width(within: 350))
    if broad == narrow {
      return "<div class=\"scroll picture\">\(diagram.svg(within: 960))</div>\n"
    }
    // A little too wide is made smaller, more than that scrolls.
    return """
      <div class="scroll picture broad">\(diagram.svg(within: 960))</div>
      <div class="\(narrow <= 440 ? "natural" : "scroll") picture narrow">\
      \(diagram.svg(within: 350))</div>

      """
  }

  // MARK: The check

  var certificate: Section {
    let content: HTML
    if let check {
      content = text(of: check)
    } else {
      content = """
        <p>Whether backpropagation's gradients are right on this network and these rows was not looked \
        at for this page, because it takes a second or more. This command does it, and writes the page \
        again:</p>
        \(Self.command(checkCommand))
        """
    }
    return Section(
      id: "check", name: "Are the gradients right?", shortName: "Check", content: content)
  }

  private func text(of check: GradientCheck) -> HTML {
    let style = check.verdict.isAgreement ? "good" : check.verdict.isDisagreement ? "bad" : ""
    var text: HTML = """
      <div class="certificate \(style)"><p class="verdict \(style)">\(Words.capitalized(check.sentence)).</p>
      <p class="note">Every parameter's gradient along random directions, and by single elements, beside \
      4-point differences of the loss in double precision; \
      \(NumberFormat.counted(check.evaluations, "forward pass", plural: "forward passes")). Differences \
      do not prove.</p>

      """
    var table = NumberTable(["parameter", "shape", "verdict", "gradient", "difference"])
    for tensor in check.tensors {
      let worst = tensor.worst?.comparison
      table.add([
        tensor.label, "\(tensor.shape)", "\(tensor.verdict)",
        worst.map { NumberTable.number($0.gradient) } ?? "",
        worst.map { NumberTable.number($0.difference) } ?? "",
      ])
    }
    text += "<div class=\"scroll plain\">\(table.table)</div>\n<ul class=\"laws\">"
    for law in check.laws { text += "<li>\(law.statement): <b>\(law.outcome)</b></li>\n" }
    text += "</ul></div>\n"
    return text
  }

  // MARK: Settings

  var configuration: Section {
    var content: HTML = ""
    for command in commands {
      content += "<p>\(command.purpose):</p>\n\(Self.command(command.line))"
    }
    var table = NumberTable(["setting", "value"])
    Self.flatten(settings.json, "", into: &table)
    content += "<h3>All settings</h3>\n<div class=\"scroll plain settings\">\(table.table)</div>\n"
    return Section(
      id: "settings", name: "Settings, and how to do it again", shortName: "Settings",
      content: content)
  }

  /// A command line that can be copied.
  static func command(_ line: String) -> HTML {
    "<pre class=\"command\"><code>\(line)</code></pre>\n"
  }

  /// The plain values of a JSON value, each under its path.
  private static func flatten(_ value: JSONValue, _ path: String, into table: inout NumberTable) {
    switch value {
    case .object(let members):
      for member in members {
        flatten(member.value, path.isEmpty ? member.key : "\(path).\(member.key)", into: &table)
      }
    case .array(let elements):
      let isPlain = elements.allSatisfy { element in
        switch element {
        case .object, .array: false
        default: true
        }
      }
      if isPlain {
        table.add([path, elements.isEmpty ? "none" : elements.map(plain).joined(separator: ", ")])
      } else {
        for (index, element) in elements.enumerated() {
          flatten(element, "\(path)[\(index)]", into: &table)
        }
      }
    default: table.add([path, plain(value)])
    }
  }

  private static func plain(_ value: JSONValue) -> String {
    switch value {
    case .null: "none"
    case .string(let text): text
    default: JSONWriter.text(value)
    }
  }
}
