internal import Ebb
internal import EbbRuns
internal import EbbSystem

/// What the network predicts, and where it is wrong.
extension RunReport {
  var predictions: Section {
    var content = partsTable
    switch evaluation?.metrics {
    case .classification(let metrics): content += classes(metrics)
    case .regression: content += numbers
    case nil: break
    }
    return Section(id: "predictions", name: "Predictions", content: content)
  }

  /// Losses and metrics of all parts, side by side.
  private var partsTable: HTML {
    let parts = Split.Part.allCases.filter { evaluations[$0] != nil }
    var table = NumberTable([""] + parts.map(\.rawValue))
    let known = parts.compactMap { evaluations[$0] }
    table.add(["rows"] + known.map { NumberFormat.grouped($0.rows) })
    table.add(["loss"] + known.map { Words.number($0.loss) })
    for figure in known.first?.metrics.figures ?? [] {
      table.add(
        [Words.metricName(figure.name)]
          + known.map { Words.metric($0.metrics[figure.name]?.value, of: figure.name) })
    }
    return "<div class=\"scroll plain\">\(table.table)</div>\n"
  }

  // MARK: Classes

  private func classes(_ metrics: ClassificationMetrics) -> HTML {
    let chart = ConfusionChart(metrics: metrics)
    let matrix = Figure(
      title: "Confusion",
      caption:
        "Rows are the truth, columns what was predicted; darker: a larger share of the class."
        + (chart.omission.map { " \($0)" } ?? ""),
      picture: "<div class=\"natural\">\(chart.svg)</div>", numbers: chart.numbers.details(),
      isWide: chart.shown.count > 12)
    var table: HTML = """
      <table class="classes"><thead><tr><th scope="col">class<th scope="col">rows\
      <th scope="col">found<th scope="col">share found<th scope="col">right when named</tr></thead><tbody>

      """
    let all = metrics.perClass
    let shown = metrics.mostConfused(min(all.count, ClassificationMetrics.mostClassesInMatrix))
    for part in shown.map({ all[$0] }) {
      let precision =
        part.named == 0
        ? "never named" : Words.percent(Double(part.correct) / Double(part.named))
      let recall = part.accuracy
      table += """
        <tr><td><bdi>\(part.name)</bdi><td>\(NumberFormat.grouped(part.count))\
        <td>\(NumberFormat.grouped(part.correct))\
        <td>\(recall.map(Words.percent) ?? "no rows")\(recall.map(Self.bar) ?? "")<td>\(precision)

        """
    }
    table += "</tbody></table>"
    let omitted =
      shown.count == all.count
      ? ""
      : " These are the \(shown.count) with the most mistakes; there are"
        + " \(NumberFormat.grouped(all.count - shown.count)) more classes."
    let perClass = Figure(
      title: "Class by class",
      caption:
        "Share found: of the class's rows (recall). Right when named: of the rows predicted as"
        + " the class (precision).\(omitted)",
      picture: "<div class=\"scroll\">\(table)</div>", isWide: metrics.classes.count > 12)
    return "<div class=\"figures\">\(matrix.html)\(perClass.html)</div>\n"
  }

  /// A share as a bar.
  private static func bar(_ share: Double) -> HTML {
    let width = NumberFormat.fixed(100 * share, decimals: 1)
    return "<span class=\"bar\" aria-hidden=\"true\"><i style=\"width:\(width)%\"></i></span>"
  }

  // MARK: Numbers

  private var numbers: HTML {
    let numbers = judged.values(schema: schema)
    let scatter = ScatterChart(
      title: "Predicted against true", truth: numbers.truth, predicted: numbers.predicted,
      lines: judged.lines)
    var caption = "Each dot is one of the \(judged.part.rawValue) rows; on the line both are equal."
    if scatter.isThinned {
      caption =
        "\(NumberFormat.grouped(ScatterChart.mostPoints)) of \(judged.part.rawValue) rows, evenly"
        + " spread, and those farthest out; on the line both are equal."
    }
    var figures = Figure(
      title: scatter.title, caption: caption, picture: scatter.svg,
      numbers: scatter.numbers.details()
    ).html
    let errors = zip(numbers.predicted, numbers.truth).map { $0 - $1 }
    if let histogram = Histogram(counting: errors, intervals: 24) {
      let chart = HistogramChart(
        title: "Errors", histogram: histogram, name: "rows", width: 480, height: 318,
        xName: "predicted − true")
      figures +=
        Figure(
          title: chart.title, caption: "Predicted minus true, in the unit of \(settings.target).",
          picture: chart.svg, numbers: chart.numbers.details()
        ).html
    }
    return "<div class=\"figures\">\(figures)</div>\n"
  }

  // MARK: Worst rows

  var mistakes: Section {
    let worst = judged.worst(12, schema: schema)
    let isRegression = settings.task == .regression
    let wrong = worst.count(where: \.isWrong)
    var intro =
      isRegression
      ? "The \(judged.part.rawValue) rows with the largest errors."
      : "The \(judged.part.rawValue) rows whose true class was given the smallest probability."
    if !isRegression && wrong == 0 { intro += " None of them is wrong." }
    let features = worst.map { judged.features(ofRow: $0.row, schema: schema) }
    let content: HTML
    if let pictures = pictures(worst, features) {
      content = pictures
    } else {
      content = mistakeTable(worst, features)
    }
    return Section(
      id: "mistakes", name: "Worst rows",
      content: worst.isEmpty
        ? ""
        : """
        <p class="note">\(intro) Rows and lines are those of \(judged.file). How the network came to \
        the first of them:</p>
        \(Self.command("\(explainCommand(judged.ownPath)) --row \(worst[0].number)"))\(content)
        """)
  }

  /// The rows drawn, if they are pictures.
  private func pictures(
    _ worst: [JudgedRows.Mistake], _ features: [[JudgedRows.Feature]]
  ) -> HTML? {
    let numbers = features.map { row in
      row.compactMap { feature -> Double? in
        if case .number(let value, _) = feature.value { value } else { nil }
      }
    }
    let isPlain = numbers.allSatisfy { row in
      row.count == schema.features.count && row.allSatisfy { $0 >= -1e-6 }
    }
    guard isPlain, let layout = PixelLayout(names: schema.features.map(\.name)),
      let low = numbers.joined().min(), let high = numbers.joined().max()
    else { return nil }
    var content: HTML = "<ul class=\"pictures\">\n"
    for (mistake, values) in zip(worst, numbers) {
      let words = "\(mistake.place): \(mistake.truth), predicted \(mistake.predicted)"
      let image = PixelImage(layout: layout, values: values, range: min(low, high)...high)
      content += """
        <li class="\(mistake.isWrong ? "wrong" : "right")">\(image.svg(words))
        <p><b><bdi>\(mistake.truth)</bdi></b>\
        \(mistake.isWrong ? "<span class=\"as\">taken for <b><bdi>\(mistake.predicted)</bdi></b></span>" as HTML : "")</p>
        <p class="note">\(mistake.place) · \(mistake.measure)</p></li>

        """
    }
    content += "</ul>\n"
    return content
  }

  private func mistakeTable(
    _ worst: [JudgedRows.Mistake], _ features: [[JudgedRows.Feature]]
  ) -> HTML {
    let measure = settings.task == .regression ? "error" : "given"
    var text: HTML = """
      <div class="scroll plain"><table class="rows"><thead><tr><th scope="col">row\
      <th scope="col">true<th scope="col">predicted<th scope="col">\(measure)\
      <th scope="col">what is unusual about the row</tr></thead><tbody>

      """
    for (mistake, row) in zip(worst, features) {
      text += """
        <tr><td>\(mistake.place)<td><bdi>\(Names.short(mistake.truth, 40))</bdi>\
        <td class="\(mistake.isWrong && settings.task == .classification ? "wrong" : "")">\
        <bdi>\(Names.short(mistake.predicted, 40))</bdi><td>\(mistake.measure)\
        <td>\(Self.unusual(row))

        """
    }
    text += "</tbody></table></div>\n"
    return text
  }

  /// The features that are the farthest from the training rows' means, or all if there are few.
  private static func unusual(_ features: [JudgedRows.Feature]) -> String {
    var far: [(distance: Double, text: String)] = []
    var unknown: [String] = []
    var hasNumbers = false
    for feature in features {
      let name = Names.short(feature.name, 24)
      switch feature.value {
      case .number: hasNumbers = true
      case .missing: unknown.append("\(name) is missing")
      case .unknownText(let text):
        unknown.append("\(name) \(Names.short(text, 24)) (in no training row)")
      case .text: break
      }
      guard case .number(let value, let distance) = feature.value else { continue }
      let sign = distance < 0 ? "−" : "+"
      let size = NumberFormat.fixed(distance.magnitude, decimals: 1)
      far.append(
        (
          distance.magnitude,
          "\(name) \(Words.plain(value)) (\(sign)\(size) σ)"
        ))
    }
    let order = far.indices.sorted { (far[$1].distance, $0) < (far[$0].distance, $1) }
    let shown = order.prefix(3).filter { far[$0].distance >= 1 }
    let told = unknown.prefix(3) + shown.map { far[$0].text }
    if !told.isEmpty { return told.joined(separator: ", ") }
    return hasNumbers
      ? "nothing: every number is near its mean" : "nothing: training rows have all of its texts"
  }
}
