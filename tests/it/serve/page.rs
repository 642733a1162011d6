//! The page.

use std::sync::Arc;

use driftless::report::{Cause, SourceReport, SourceState};
use driftless::serve::Options;
use driftless::source::Signature;
use driftless::source::signature::SignatureKind;

use super::story::Story;
use super::{beside, over, usual};
use crate::support::fleet;
use crate::support::http::get;

/// The page with a line for each element, so that a recorded one can be read.
fn lines(html: &str) -> String {
    html.replace("><", ">\n<")
}

#[tokio::test]
async fn the_pages_are_as_recorded() {
    let server = usual().await;
    server.board.begin_sweep(Cause::Demand, fleet::ago(1), 9);
    server.board.advance_sweep(fleet::now());
    for (name, path) in [
        ("page_fleet", "/"),
        ("page_bucket", "/buckets/default/ai-training-raw"),
        ("page_bucket_repaired", "/buckets/default/ai-model-data"),
        ("page_bucket_unknown", "/buckets/default/checkpoints"),
        ("page_policies", "/policies"),
        ("page_policy", "/policies/versioned"),
        ("page_source", "/source"),
        ("page_held", "/held"),
    ] {
        let answer = get(server.at, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        insta::assert_snapshot!(name, lines(&answer.body));
    }
}

fn title(html: &str) -> &str {
    html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).expect("a title").0
}

#[tokio::test]
async fn the_title_says_how_many_problems_there_are() {
    let server = usual().await;
    // Five buckets, one document, one breaker.
    assert_eq!(title(&get(server.at, "/").await.body), "7 problems - driftless");
    assert_eq!(title(&get(server.at, "/findings").await.body), "2 findings - driftless");
    assert_eq!(title(&get(server.at, "/buckets/default/checkpoints").await.body), "checkpoints: unknown - driftless");
    assert_eq!(title(&get(server.at, "/buckets/minio/scratch").await.body), "minio/scratch: in sync - driftless");

    server.board.keep_buckets(|id| id.name.as_str() == "ai-model-data");
    server.board.put_breaker("loop", None);
    server.board.put_source(SourceReport { findings: Vec::new(), ..fleet::source() });
    assert_eq!(title(&get(server.at, "/").await.body), "all in sync - driftless");
}

#[tokio::test]
async fn a_tile_counts_what_its_link_lists() {
    let server = usual().await;
    let html = get(server.at, "/").await.body;
    for state in ["in-sync", "drifted", "unknown", "held", "suspended", "exempt", "undeclared"] {
        let tiles = html.split_once("class=\"tiles\"").expect("tiles").1;
        let tile = tiles.split_once(&format!("href=\"/?state={state}\"")).expect("a tile").1;
        let count: usize =
            tile.split_once("<strong>").and_then(|(_, rest)| rest.split('<').next()?.parse().ok()).expect("a count");
        let listed = get(server.at, &format!("/?state={state}")).await.body.matches("<th scope=\"row\">").count();
        assert_eq!(count, listed, "{state}");
    }
}

#[tokio::test]
async fn a_source_in_trouble_is_the_first_thing_that_the_page_says() {
    let server = usual().await;
    server.board.put_source(SourceReport {
        state: SourceState::Held,
        detail: Some("history was rewritten: 1234567 does not descend from 4f1c2b7".to_owned()),
        hint: Some("when this was meant, set the source's `accept: 1234567`".to_owned()),
        held_revision: Some("1234567890abcdef".to_owned()),
        ..fleet::source()
    });
    let html = get(server.at, "/").await.body;
    let main = html.split_once("<main").expect("a main part").1;
    let notice = main.split_once("The source is held").expect("a notice").0;
    assert!(!notice.contains("<table") && !notice.contains("class=\"tiles\""));
    assert!(main.contains("history was rewritten: 1234567 does not descend from 4f1c2b7"));
    assert!(main.contains("set the source's `accept: 1234567`") || main.contains("set the source&#39;s"), "{main}");
}

/// A loop that stands still was told by `/readyz` alone; whoever looked at the page saw all in sync.
#[tokio::test]
async fn a_daemon_that_is_not_ready_says_so_on_the_first_page() {
    let server = usual().await;
    assert!(!get(server.at, "/").await.body.contains("What is shown may be old"));
    server.board.begin_sweep(Cause::Schedule, fleet::ago(30), 9);
    server.board.touch_sweep(fleet::ago(11));
    server.heartbeat.beat(fleet::ago(3));
    let html = get(server.at, "/").await.body;
    has(
        &html,
        &[
            "What is shown may be old: </strong>the loop has given no sign of life for 180 s; 120 s are allowed.",
            "What is shown may be old: </strong>the sweep is stuck: 0 of 9 buckets done, none for 660 s; 600 s are allowed.",
        ],
    );
    assert_eq!(title(&html), "9 problems - driftless");
}

/// After the head of a column had been clicked twice, another order chosen in the form came the wrong
/// way round: the direction went along in a field that nobody saw.
#[tokio::test]
async fn an_order_that_is_chosen_is_not_turned_round_by_the_one_before() {
    let server = usual().await;
    let html = get(server.at, "/?sort=name&order=reverse").await.body;
    assert!(!html.contains("name=\"order\""), "{html}");
    has(
        &html,
        &[
            "<option value=\"-name\" selected>by name, turned round</option>",
            "<option value=\"since\">oldest drift first</option>",
        ],
    );
    let first = |html: &str| {
        html.split("<th scope=\"row\"><a href=\"").nth(1).map(|it| it.split('"').next().unwrap().to_owned())
    };
    let turned = get(server.at, "/?sort=-name").await.body;
    assert_eq!(first(&turned), first(&html));
    let oldest = get(server.at, "/?sort=since").await.body;
    assert_eq!(first(&oldest).as_deref(), Some("/buckets/default/old-logs"));
}

/// A tile dropped what somebody had searched for.
#[tokio::test]
async fn a_tile_keeps_the_search_and_counts_within_it() {
    let server = usual().await;
    let html = get(server.at, "/?q=ai-&policy=private").await.body;
    has(
        &html,
        &[
            "href=\"/?state=held&amp;q=ai-&amp;policy=private\"><strong>1</strong> <span>held</span>",
            "href=\"/?q=ai-&amp;policy=private\" aria-current=\"true\"><strong>2</strong> <span>buckets</span>",
        ],
    );
}

#[tokio::test]
async fn labels_and_tags_of_the_spec_are_searched_as_well() {
    use crate::support::looped::{desired, id};
    let text = "---\napiVersion: driftless/v1\nkind: Bucket\nmetadata: {name: ai-one, labels: {team: vision}}\n\
                spec: {tags: {Purpose: Training}}\n";
    let desired = desired(text);
    let board = fleet::board();
    let wish = desired.buckets[&id("ai-one")].clone();
    board.put_bucket(driftless::report::BucketReport { wish: Some(wish), ..fleet::bucket("default", "ai-one") });
    let server = over(board, Options::default()).await;
    for (query, found) in [("team%3Dvision", 1), ("VISION", 1), ("purpose%3Dtrain", 1), ("team%3Daudio", 0)] {
        let rows = get(server.at, &format!("/?q={query}")).await.body.matches("<th scope=\"row\">").count();
        assert_eq!(rows, found, "{query}");
    }
}

#[tokio::test]
async fn commits_and_files_are_links_where_the_forge_is_known() {
    let board = fleet::board();
    board.put_source(SourceReport { url: "git@github.com:acme/buckets.git (live)".to_owned(), ..fleet::source() });
    let server = beside(board, Options::default(), false, Arc::new(Story)).await;
    let html = get(server.at, "/buckets/default/ai-training-raw").await.body;
    let repository = "https://github.com/acme/buckets";
    let revision = "4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203";
    has(
        &html,
        &[
            &format!(
                "<a href=\"{repository}/blob/{revision}/live/buckets/ai-training-raw.yaml#L8\" rel=\"noreferrer noopener external\">"
            ),
            &format!(
                "<a href=\"{repository}/commit/9c3e5d7f1b2a4c6e8f0a1b3c5d7e9f0a2b4c6d8e\" rel=\"noreferrer noopener external\">"
            ),
        ],
    );
    assert!(!html.contains("/blob/4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203/live/built-in"), "{html}");
    assert!(!deep("/buckets/default/ai-training-raw").await.contains("external"));
}

/// The page said of drift that a commit caused that nobody knows who made it.
#[tokio::test]
async fn drift_that_a_commit_caused_names_the_commit_and_its_author() {
    let html = deep("/buckets/default/ai-training-raw").await;
    let entry =
        html.split("<li>").find(|it| it.contains("spec lifecycle: rules[raw].expiration.days")).expect("an entry");
    has(
        entry,
        &["What is wanted of it changed with revision \
           <code title=\"9c3e5d7f1b2a4c6e8f0a1b3c5d7e9f0a2b4c6d8e\">9c3e5d7f1b2a</code> \
           “Keep raw data for 30 days” by Grace Hopper &lt;grace@example.com&gt;."],
    );
    assert!(!entry.contains("Who made it?"), "{entry}");
}

#[tokio::test]
async fn a_large_fleet_comes_in_pages_that_keep_the_filter() {
    let server = over(fleet::large(450), Options::default()).await;
    let first = get(server.at, "/?q=training&sort=name").await.body;
    assert_eq!(first.matches("<th scope=\"row\">").count(), 200);
    assert!(first.contains("1 to 200 of 450 buckets") && first.contains("Page 1 of 3"));
    assert!(first.contains("href=\"/?q=training&amp;sort=name&amp;page=2\"") && !first.contains("rel=\"prev\""));
    let last = get(server.at, "/?q=training&sort=name&page=3").await.body;
    assert_eq!(last.matches("<th scope=\"row\">").count(), 50);
    assert!(last.contains("401 to 450 of 450 buckets") && !last.contains("rel=\"next\""));
    let beyond = get(server.at, "/?page=9").await.body;
    assert!(beyond.contains("There is no such page; 450 buckets in all."));
}

#[tokio::test]
async fn a_list_of_ten_thousand_buckets_is_a_page_of_two_hundred_however_it_is_ordered() {
    let server = over(fleet::large(10_000), Options::default()).await;
    for path in ["/", "/?sort=since&order=reverse", "/?q=team-07", "/?state=in-sync&sort=checked&page=3"] {
        let html = get(server.at, path).await.body;
        assert_eq!(html.matches("<th scope=\"row\">").count(), 200, "{path}");
        assert!(html.len() < 400_000, "{path}: {} bytes", html.len());
    }
    let few = get(server.at, "/?q=training-data-000099").await.body;
    assert_eq!(few.matches("<th scope=\"row\">").count(), 1);
    assert!(few.len() < 12_000, "{} bytes", few.len());
}

#[tokio::test]
async fn the_head_of_a_column_orders_the_list_and_turns_it_round() {
    let server = usual().await;
    let names = |html: &str| -> Vec<String> {
        let rows = html.split("<th scope=\"row\"><a href=\"").skip(1);
        rows.map(|row| row.split('"').next().expect("an address").to_owned()).collect()
    };
    let by_name = get(server.at, "/?sort=name").await.body;
    assert!(by_name.contains("aria-sort=\"ascending\"><a href=\"/?sort=name&amp;order=reverse\">Bucket"), "{by_name}");
    let reverse = get(server.at, "/?sort=name&order=reverse").await.body;
    assert!(reverse.contains("aria-sort=\"descending\"><a href=\"/?sort=name\">Bucket"), "{reverse}");
    let mut names_back = names(&reverse);
    names_back.reverse();
    assert_eq!((names(&by_name), 9), (names_back.clone(), names_back.len()));
}

#[tokio::test]
async fn a_bucket_page_shows_live_and_wanted_line_by_line_and_what_happened() {
    let server = beside(fleet::board(), Options::default(), false, Arc::new(Story)).await;
    let html = get(server.at, "/buckets/default/ai-training-raw").await.body;
    for part in [
        "<del>blockPublicPolicy: false</del>",
        "<ins>blockPublicPolicy: true</ins>",
        "<span>ignorePublicAcls: true</span>",
        "Read <time datetime=\"2026-11-22T",
        "by Ada Lovelace",
        "drift</span> private: the public access block leaves public policies in force (critical)",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    // Without them the page says why.
    let html = get(usual().await.at, "/buckets/default/ai-training-raw").await.body;
    assert!(html.contains("The live values are not shown: this server reads no bucket."), "{html}");
    assert!(html.contains("The history is not shown: this server keeps no history."), "{html}");
}

/// The bucket of the small fleet with everything that can be looked up.
async fn deep(path: &str) -> String {
    let board = fleet::board();
    board.put_endpoints(fleet::endpoints());
    let server = beside(board, Options::default(), false, Arc::new(Story)).await;
    let answer = get(server.at, path).await;
    assert_eq!(answer.status, 200, "{path}");
    answer.body
}

#[track_caller]
fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[tokio::test]
async fn a_setting_says_in_which_file_on_which_line_and_by_which_commit_it_is_asked() {
    let html = deep("/buckets/default/ai-training-raw").await;
    has(
        &html,
        &[
            "<code>buckets/ai-training-raw.yaml:8</code>, last changed by \
             <code title=\"9c3e5d7f1b2a4c6e8f0a1b3c5d7e9f0a2b4c6d8e\">9c3e5d7f1b2a</code> \
             “Keep every version of the training data” by Ada Lovelace &lt;ada@example.com&gt;, ",
            "policy <a href=\"/policies/versioned\">versioned</a> <code>built-in/versioned.yaml:11</code>, \
             which comes with driftless",
        ],
    );
}

#[tokio::test]
async fn a_policy_of_a_bucket_comes_with_its_text_and_the_exemptions_of_this_bucket() {
    let html = deep("/buckets/default/ai-training-raw").await;
    has(
        &html,
        &[
            "<details class=\"setting\" id=\"policy-private\" open>",
            "<p>the public access block leaves public policies in force</p>",
            "  require:\n    publicAccessBlock: all</pre>",
            // One that ends soon, and one that ended; the third is for other buckets.
            "<span class=\"badge unknown\">exemption ends soon</span>",
            "<h3>Exemption scratch <span class=\"badge unknown\">ends soon</span></h3>",
            "<dd>moves to the new schema in December</dd><dt>Owner</dt><dd>data-platform@example.com</dd>",
            "<dd><code>exemptions.yaml:11</code></dd>",
            "<h3>Exemption old <span class=\"badge unsupported\">ended, has no effect</span></h3>",
            "With these parameters, after all that changes them:",
        ],
    );
    assert!(!html.contains("Exemption datasets "), "{html}");
    let html = deep("/policies/tagged").await;
    has(&html, &["3 exemptions", "Exemption datasets ", "<code>datasets-*</code>", "params.required.all(key"]);
}

#[tokio::test]
async fn who_made_a_difference_is_asked_of_cloudtrail_and_only_on_aws() {
    let html = deep("/buckets/default/ai-training-raw").await;
    // Seen four minutes ago; sweeps are an hour apart, and a quarter is for clocks and the sweep itself.
    has(
        &html,
        &[
            "Not known: S3 does not say. CloudTrail does",
            "aws cloudtrail lookup-events --region us-east-1 \\\n  \
             --lookup-attributes AttributeKey=ResourceName,AttributeValue=ai-training-raw \\\n  \
             --start-time 2026-11-22T10:41:00Z \\\n  --end-time 2026-11-22T11:57:00Z \\\n  \
             --query &quot;Events[?ReadOnly=='false'].[EventTime,EventName,Username]&quot; --output table",
        ],
    );
    let html = deep("/buckets/minio/scratch").await;
    has(&html, &["Not known: S3 does not say. The log of the store itself may."]);
    assert!(!html.contains("cloudtrail"), "{html}");
}

#[tokio::test]
async fn the_source_says_which_key_a_signature_names_and_that_nobody_verified_it() {
    let html = deep("/source").await;
    has(
        &html,
        &["SSH signature that names the key <code>SHA256:WqlW08KMNAQ2Mj5tmrWD0QYc+fFFlKHCRf11rdoTO+M</code>; \
           <strong>not verified</strong>: this version checks no signatures, and anybody can name any key"],
    );
    let server = usual().await;
    let signature = |signature| SourceReport { signature, ..fleet::source() };
    server.board.put_source(signature(None));
    has(&get(server.at, "/source").await.body, &["<dt>Signer</dt><dd>not signed</dd>"]);
    server.board.put_source(signature(Some(Signature { kind: SignatureKind::X509, key: None })));
    has(&get(server.at, "/source").await.body, &["X.509 signature, its certificate is not read; "]);
}

#[tokio::test]
async fn a_held_revision_says_who_made_it_and_what_to_write_to_have_it_obeyed() {
    let server = usual().await;
    server.board.put_source(fleet::held_source());
    let html = get(server.at, "/source").await.body;
    has(
        &html,
        &[
            "“Start the buckets over” by Mallory &lt;mallory@example.com&gt;",
            "OpenPGP signature that names the key",
            "# in the agent's configuration; then start it anew\nsource:\n  accept: &quot;d4b9a1c2e3f4&quot;",
            "If it was not, revert it in git",
        ],
    );
}

#[tokio::test]
async fn an_empty_fleet_says_what_to_do() {
    let server = over(Arc::default(), Options::default()).await;
    let html = get(server.at, "/").await.body;
    // No revision, and no sweep.
    assert_eq!(title(&html), "2 problems - driftless");
    assert!(html.contains("No bucket.") && html.contains("Commit a document of kind Bucket to the source"));
    assert!(html.contains("none has ended yet"));
}

#[tokio::test]
async fn a_bucket_page_says_why_and_what_to_commit() {
    let server = usual().await;
    let html = get(server.at, "/buckets/default/ai-training-raw").await.body;
    for part in [
        "needs-approval",
        "objects would be deleted",
        "buckets/ai-training-raw.yaml:16",
        "<del>365</del>",
        "<ins>30</ins>",
        "kind: Approval",
        "change: &quot;9f86d081884c&quot;",
        "repaired 3 times in 20 minutes, and something writes it back",
        "arn:aws:s3:::ai-training-raw",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    let html = get(server.at, "/buckets/default/checkpoints").await.body;
    assert!(html.contains("IAM action: <code>s3:GetBucketTagging</code>"), "{html}");
}

#[tokio::test]
async fn the_page_has_one_script_of_its_own_and_nothing_from_elsewhere() {
    let server = usual().await;
    for path in ["/", "/buckets/default/ai-training-raw", "/policies", "/source", "/held"] {
        let html = get(server.at, path).await.body;
        assert_eq!(html.matches("<script").count(), 1, "{path}");
        assert!(
            html.contains("<script src=\"/assets/page.js\" defer></script>")
                && !html.contains("<style")
                && !html.contains(" style="),
            "{path}"
        );
        assert_eq!(html.matches("<link ").count(), 2, "{path}");
    }
    let style = get(server.at, "/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!style.body.contains("url(") && !style.body.contains("@import"));
    let script = get(server.at, "/assets/page.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    for sink in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"] {
        assert!(!script.body.contains(sink), "{sink}");
    }
}

#[tokio::test]
async fn the_version_is_told_by_the_metrics_and_by_nothing_else() {
    let server = usual().await;
    for path in ["/", "/nothing", "/api/v1/status", "/healthz"] {
        let answer = get(server.at, path).await;
        assert!(!answer.body.contains(env!("CARGO_PKG_VERSION")), "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
}

/// Relative luminance (WCAG 2.2, "relative luminance") of `#rgb` or `#rrggbb`.
fn luminance(colour: &str) -> f64 {
    let hex: String = match colour.len() {
        4 => colour[1..].chars().flat_map(|c| [c, c]).collect(),
        _ => colour[1..].to_owned(),
    };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[tokio::test]
async fn every_text_stands_out_from_its_ground_in_light_and_in_dark() {
    let server = usual().await;
    let style = get(server.at, "/style.css").await.body;
    let schemes: Vec<&str> = style.split(":root {").skip(1).map(|it| it.split('}').next().expect("an end")).collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let colour = |name: &str| {
            let value = scheme.split(&format!("--{name}: ")).nth(1).unwrap_or_else(|| panic!("no {name} in {scheme}"));
            luminance(value.split(';').next().expect("an end"))
        };
        for (text, ground) in [
            ("text", "ground"),
            ("text", "soft"),
            ("muted", "ground"),
            ("muted", "soft"),
            ("link", "ground"),
            ("ground", "link"),
            ("good", "good-ground"),
            ("bad", "bad-ground"),
            ("bad", "ground"),
            ("warn", "warn-ground"),
            ("held", "held-ground"),
            ("calm", "calm-ground"),
        ] {
            let (a, b) = (colour(text), colour(ground));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
        }
    }
}
