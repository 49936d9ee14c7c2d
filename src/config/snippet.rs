//! The snippet to paste into a page.

/// The tracker version that the plain snippet loads.
const TRACKER: &str = "https://cdn.jsdelivr.net/npm/@openreplay/tracker@19.0.1/+esm";

/// Two ways to record a page with this server: a script to paste as is, and the lines for a bundler.
///
/// `ingest_point` is the server's address as the browser sees it, with its scheme and without a trailing slash. The tracker refuses to
/// record pages served over http unless a switch allows it, so a plain-http ingest point, which only such pages can reach, comes with that
/// switch.
pub fn snippet(ingest_point: &str, project_key: &str) -> String {
    let insecure = if ingest_point.starts_with("http://") { "\n    __DISABLE_SECURE_MODE: true," } else { "" };
    format!(
        r#"<script type="module">
  import Tracker from "{TRACKER}";
  const tracker = new Tracker({{
    projectKey: "{project_key}",
    ingestPoint: "{ingest_point}",{insecure}
  }});
  tracker.start();
</script>

or, with a bundler (npm install @openreplay/tracker):

  import Tracker from '@openreplay/tracker'
  new Tracker({{
    projectKey: '{project_key}',
    ingestPoint: '{ingest_point}',{insecure}
  }}).start()
"#
    )
}
