/// A whole page in one file: nothing is loaded from anywhere.
struct Page {
  let title: String
  let styles: String
  let script: String
  let body: HTML

  /// What the page may do: show what it holds, and nothing else.
  static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

  /// The file's text.
  var text: String {
    let page: HTML = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(HTML(trusted: Self.policy))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="Ebb">
      <title>\(title)</title>
      <style>
      \(HTML(trusted: styles))</style>
      </head>
      <body>
      \(body)
      <script>
      \(HTML(trusted: script))</script>
      </body>
      </html>

      """
    return page.text
  }
}
