internal import Ebb
internal import EbbRuns
internal import EbbSystem

/// How training went: losses, metrics, gradients, spreads.
extension RunReport {
  /// What has the same meaning has the same colour in all pictures.
  private enum Colours {
    static let training = 0
    static let validation = 1
  }

  private var epochs: [Double] { history.epochs.map { Double($0.epoch) } }

  private var bestMark: (x: Double, label: String)? {
    history.epochs.count > 1 ? (Double(bestEpoch), "best") : nil
  }

  var learning: Section {
    guard !history.epochs.isEmpty else { return Section(id: "learning", name: "", content: "") }
    var curves = [
      LineChart.Curve(
        name: "training", values: history.epochs.map(\.trainingLoss), colour: Colours.training)
    ]
    if history.epochs.contains(where: { $0.validationLoss != nil }) {
      curves.append(
        .init(
          name: "validation", values: history.epochs.map { $0.validationLoss ?? .nan },
          colour: Colours.validation))
    }
    var caption = "What training makes small: \(settings.loss.spelling)"
    if settings.task == .regression { caption += ", of the standardized target" }
    if settings.classWeights != .none { caption += ", with class weights" }
    var content = LineChart(title: "Loss", x: epochs, curves: curves, mark: bestMark)
      .figure(caption + ".").html
    for name in metricNames {
      let values = history.epochs.map { epoch in
        epoch.validationMetrics.first { $0.name == name }?.value ?? .nan
      }
      content +=
        LineChart(
          title: Words.capitalized(Words.metricName(name)), x: epochs,
          curves: [.init(name: "validation", values: values, colour: Colours.validation)],
          mark: bestMark
        ).figure(Self.meaning(of: name)).html
    }
    content +=
      LineChart(
        title: "Learning rate", x: epochs,
        curves: [.init(name: "rate", values: history.epochs.map(\.learningRate))]
      ).figure("Schedule: \(settings.fit.schedule.spelling).").html
    return Section(
      id: "learning", name: "Learning", content: "<div class=\"figures\">\(content)</div>\n")
  }

  private var metricNames: [String] {
    history.epochs.first { !$0.validationMetrics.isEmpty }?.validationMetrics.map(\.name) ?? []
  }

  private static func meaning(of metric: String) -> String {
    switch metric {
    case "accuracy": "The share of validation rows that were predicted right."
    case "rmse": "Root mean squared error on validation rows, in the target's unit."
    case "mae": "Mean absolute error on validation rows, in the target's unit."
    case "r2": "The share of the validation rows' spread that is explained."
    default: ""
    }
  }

  // MARK: Gradients

  /// The epochs in which layers were looked at.
  private var watched: [EpochRecord] { history.epochs.filter { !$0.layers.isEmpty } }

  var gradients: Section {
    var content: HTML = diagnosisText
    let figures = gradientFigures
    if !figures.isEmpty {
      content += "<div class=\"figures\">\(figures.map(\.html).joined())</div>\n"
    }
    return Section(id: "gradients", name: "Gradient flow", content: content)
  }

  private var gradientFigures: [Figure] {
    guard let names = watched.first?.layers.map(\.name) else { return [] }
    let x = watched.map { Double($0.epoch) }
    func curves(
      _ suffix: String = "", _ value: (LayerRecord) -> Double?
    ) -> [LineChart.Curve] {
      names.indices.map { index in
        LineChart.Curve(
          name: names[index] + suffix,
          values: watched.map { epoch in
            index < epoch.layers.count ? value(epoch.layers[index]) ?? .nan : .nan
          }, colour: index)
      }
    }
    let ratios = curves { $0.updateRatio }
    var figures = [
      LineChart(
        title: "Gradient by layer", x: x, curves: curves { $0.gradientNorm }, mark: bestMark
      )
      .figure("The length ‖∂L/∂w‖ of the gradient by each layer's weights and biases.")
    ]
    if ratios.contains(where: \.hasValues) {
      figures.append(
        LineChart(
          title: "Update ratio", x: x, curves: ratios,
          reference: ratios.reachesOver(1e-3) ? (1e-3, "usual: about 0.001") : nil
        ).figure("How far one step moves a layer: ‖Δw‖/‖w‖."))
    }
    let flat =
      curves(" dead") { $0.dead }.filter(\.isEverPositive)
      + curves(" saturated") { $0.saturated }.filter(\.isEverPositive)
    if !flat.isEmpty {
      figures.append(
        LineChart(title: "Units that do not learn", x: x, curves: flat).figure(
          "The share of units whose activation is flat on every row that was looked at."))
    }
    return figures
  }

  private var diagnosisText: HTML {
    let diagnosis: Diagnosis
    switch health {
    case .known(let known): diagnosis = known
    case .unknown(let reason): return "<p>No diagnosis: \(reason).</p>\n"
    }
    let all = data.training.rowCount
    let rows =
      diagnosis.rows == all
      ? "all \(NumberFormat.counted(all, "training row"))"
      : "\(NumberFormat.grouped(diagnosis.rows)) of the \(NumberFormat.counted(all, "training row")),"
        + " evenly spread"
    var text: HTML = """
      <p class="verdict \(diagnosis.isHealthy ? "good" : isAlarming ? "bad" : "")">\
      \(diagnosis.isHealthy ? "No fault found" : NumberFormat.counted(diagnosis.faults.count, "fault")) \
      on \(rows); each row looked at alone.\
      \(diagnosis.isHealthy || isAlarming ? "" : " The result is good all the same.")</p>

      """
    if !diagnosis.findings.isEmpty {
      text += "<ul class=\"findings\">"
      for finding in diagnosis.findings.prefix(12) {
        text += """
          <li class="\(finding.severity.rawValue)"><strong>\(finding.severity.rawValue): \
          \(finding.layer)</strong> \(finding.explanation); \(finding.advice).</li>

          """
      }
      let more = diagnosis.findings.count - 12
      if more > 0 { text += "<li>and \(more) more</li>" }
      text += "</ul>\n"
    }
    var table = NumberTable([
      "layer", "parameters", "without gradient", "inputs", "gradient by the sums", "weights pass",
      "slopes pass",
    ])
    for layer in diagnosis.layers {
      table.add([
        layer.name, NumberFormat.grouped(layer.parameters),
        NumberFormat.grouped(layer.withoutGradient),
        NumberTable.number(layer.inputScale, digits: 4),
        NumberTable.number(layer.gradientScale, digits: 4),
        layer.weightGain.map { "× \(NumberTable.number($0, digits: 4))" } ?? "",
        "× \(NumberTable.number(layer.slopeGain, digits: 4))",
      ])
    }
    text += """
      <details class="numbers"><summary>Layer by layer: what arrives, and what passes</summary>
      <ul class="note"><li>without gradient: parameters that get none on any of these rows</li>
      <li>inputs: the size (root mean square) of what the layer is given</li>
      <li>gradient by the sums: the size of the loss's gradient by the layer's sums, before its \
      activation; what the layer learns from</li>
      <li>weights pass: what the layer's weights multiply the gradient by on its way to the layer \
      below</li>
      <li>slopes pass: what the slopes of its activation multiply it by; 1 changes nothing, near 0 \
      next to nothing gets through</li></ul>
      <div class="scroll">\(table.table)</div></details>

      """
    return text
  }

  // MARK: Spreads

  var distributions: Section {
    let name = "Weights, activations, gradients"
    let known = history.epochs.filter { epoch in epoch.layers.contains { $0.weights != nil } }
    guard let first = known.first, let last = known.last else {
      return Section(id: "spreads", name: name, content: "")
    }
    let isOne = first.epoch == last.epoch
    var table = NumberTable(["of", "epoch", "from", "to", "count"])
    var rows: HTML = ""
    for layer in last.layers {
      let before = isOne ? nil : first.layers.first { $0.name == layer.name }
      var charts: HTML = ""
      for (what, now, then) in [
        ("weights", layer.weights, before?.weights),
        ("activations", layer.activations, before?.activations),
        ("gradients", layer.gradients, before?.gradients),
      ] {
        guard let now else { continue }
        let chart = HistogramChart(
          title: "\(layer.name): \(what)", histogram: now, earlier: then,
          name: "\(last.epoch)", earlierName: "\(first.epoch)")
        chart.add(to: &table, as: "\(layer.name) \(what)")
        charts += "<div><h4>\(what)</h4>\(chart.svg)</div>\n"
      }
      rows += "<div class=\"multiples\"><h3>\(layer.name)</h3>\n\(charts)</div>\n"
    }
    var caption =
      isOne
      ? "Epoch \(last.epoch)." : "Bars: epoch \(last.epoch). Outline: epoch \(first.epoch)."
    if let end = history.epochs.last?.epoch, end != last.epoch {
      caption += " Layers are recorded in some epochs only, \(last.epoch) of \(end) last."
    }
    return Section(
      id: "spreads", name: name, shortName: "Spreads",
      content: """
        <p class="note">\(caption) Areas are shares of all numbers of a picture.</p>
        \(rows)\(table.details())
        """)
  }
}

extension LineChart.Curve {
  fileprivate var hasValues: Bool { values.contains { $0.isFinite } }
  fileprivate var isEverPositive: Bool { values.contains { $0 > 0 } }
}

extension [LineChart.Curve] {
  /// Whether a reference lies near enough to the curves to be drawn with them.
  fileprivate func reachesOver(_ reference: Double) -> Bool {
    let values = flatMap(\.values).filter { $0 > 0 && $0.isFinite }
    guard let least = values.min(), let most = values.max() else { return false }
    return least < reference * 30 && most > reference / 30
  }
}
