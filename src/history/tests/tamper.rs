//! Each way of changing the file behind the daemon's back, and how it shows.

use super::*;

/// Five entries, then `sql`; what `verify` says.
async fn after(sql: &str) -> Result<Verified, Broken> {
    let events: Vec<_> = (0..5).map(|n| repair("data", noon() + Duration::minutes(n), RepairResult::Applied)).collect();
    let dir = Dir::with(&events).await;
    rusqlite::Connection::open(dir.file()).and_then(|it| it.execute_batch(sql)).expect("tampered");
    dir.read().verify(None).expect("reads")
}

async fn breaks(sql: &str) -> String {
    after(sql).await.expect_err(sql).to_string()
}

#[tokio::test]
async fn nothing_done_is_nothing_found() {
    assert_eq!(after("SELECT 1").await.map(|it| it.entries), Ok(5));
}

#[tokio::test]
async fn a_changed_entry_is_found_whatever_field_was_changed() {
    for field in
        ["at = at || ' '", "kind = 'held'", "account = NULL", "bucket = 'other'", "json = '{}'", "prev = zeroblob(32)"]
    {
        let said = breaks(&format!("UPDATE entry SET {field} WHERE seq = 3")).await;
        assert_eq!(said, "the history is broken at entry 3: it is not as it was recorded", "{field}");
    }
    let said = breaks("UPDATE entry SET hash = zeroblob(32) WHERE seq = 5").await;
    assert_eq!(said, "the history is broken at entry 5: it is not as it was recorded");
    let said = breaks("UPDATE entry SET hash = zeroblob(3) WHERE seq = 5").await;
    assert_eq!(said, "the history is broken at entry 5: its hash is no hash");
}

#[tokio::test]
async fn a_removed_entry_leaves_a_gap() {
    let said = breaks("DELETE FROM entry WHERE seq = 3").await;
    assert_eq!(said, "the history is broken at entry 3: it is missing");
    let said = breaks("DELETE FROM entry WHERE seq IN (1, 2)").await;
    assert_eq!(said, "the history is broken at entry 1: the entries 1 to 2 are missing");
    let said = breaks("DELETE FROM entry WHERE seq = 3; UPDATE entry SET seq = seq - 1 WHERE seq > 3").await;
    assert_eq!(said, "the history is broken at entry 3: it is not as it was recorded");
}

#[tokio::test]
async fn an_inserted_entry_is_found() {
    let said =
        breaks("INSERT INTO entry SELECT 6, at, kind, account, bucket, json, hash, hash FROM entry WHERE seq = 5")
            .await;
    assert_eq!(said, "the history is broken at entry 6: it is not as it was recorded");
    let said =
        breaks("INSERT INTO entry SELECT 0, at, kind, account, bucket, json, prev, hash FROM entry WHERE seq = 1")
            .await;
    assert_eq!(said, "the history is broken at entry 0: it was inserted where entries were pruned");
}

#[tokio::test]
async fn an_entry_that_was_replaced_with_a_hash_of_its_own_does_not_follow() {
    let prev = Hash([7; 32]);
    let fields = chain::Fields { seq: 3, at: "t", kind: "held", account: None, bucket: None, json: "{}" };
    let hash = chain::hash(&prev, &fields);
    let said = breaks(&format!(
        "INSERT OR REPLACE INTO entry VALUES (3, 't', 'held', NULL, NULL, '{{}}', x'{prev}', x'{hash}')"
    ))
    .await;
    let does_not = "it does not follow the entry before it: one of the two was replaced or moved";
    assert_eq!(said, format!("the history is broken at entry 3: {does_not}"));
}

#[tokio::test]
async fn reordered_entries_are_found() {
    let said = breaks("UPDATE entry SET seq = 99 WHERE seq = 2; UPDATE entry SET seq = 2 WHERE seq = 3; UPDATE entry SET seq = 3 WHERE seq = 99").await;
    assert_eq!(said, "the history is broken at entry 2: it is not as it was recorded");
}

#[tokio::test]
async fn a_tail_that_was_cut_off_shows_even_after_the_daemon_wrote_on() {
    let cut = "DELETE FROM entry WHERE seq > 3";
    assert_eq!(breaks(cut).await, "the history is broken at entry 4: the entries 4 to 5 are missing at the end");
    let dir = Dir::with(&vec![started(); 5]).await;
    rusqlite::Connection::open(dir.file()).and_then(|it| it.execute_batch(cut)).expect("tampered");
    let history = dir.open();
    history.record(&[started()]);
    let broken = history.verify(None).await.expect("reads").expect_err("a gap");
    assert_eq!(broken.to_string(), "the history is broken at entry 4: the entries 4 to 5 are missing");
}

#[tokio::test]
async fn a_tail_that_was_cut_off_with_skill_shows_by_a_head_that_was_kept_elsewhere() {
    let dir = Dir::with(&vec![started(); 5]).await;
    let kept = dir.read().head().expect("reads").1;
    let sql = "DELETE FROM entry WHERE seq > 3;
               UPDATE mark SET seq = 3, hash = (SELECT hash FROM entry WHERE seq = 3) WHERE name = 'head'";
    assert_eq!(dir.read().verify(Some(&kept)).expect("reads").map(|it| it.entries), Ok(5));
    rusqlite::Connection::open(dir.file()).and_then(|it| it.execute_batch(sql)).expect("tampered");
    assert!(dir.read().verify(None).expect("reads").is_ok(), "the chain alone cannot know");
    let broken = dir.read().verify(Some(&kept)).expect("reads").expect_err("the head is gone");
    let said = "no entry has the expected hash: the end was cut off or the chain rewritten";
    assert_eq!(broken.to_string(), format!("the history is broken at entry 3: {said}"));
}

#[tokio::test]
async fn a_head_that_was_kept_is_still_found_when_more_was_recorded() {
    let dir = Dir::with(&[started(), started()]).await;
    let kept = dir.read().head().expect("reads").1;
    let history = dir.open();
    history.record(&[started()]);
    assert!(history.verify(Some(kept)).await.expect("reads").is_ok());
}

#[tokio::test]
async fn a_beginning_that_was_cut_off_without_pruning_is_found() {
    let sql =
        "INSERT INTO mark SELECT 'checkpoint', seq, hash FROM entry WHERE seq = 2; DELETE FROM entry WHERE seq <= 2";
    let said = breaks(sql).await;
    assert_eq!(said, "the history is broken at entry 2: the entries up to it were cut off, and no entry tells of it");
}

#[tokio::test]
async fn an_empty_history_holds() {
    let dir = Dir::with(&[]).await;
    let verified = dir.read().verify(None).expect("reads").expect("holds");
    assert_eq!((verified.entries, verified.oldest), (0, None));
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_any_more_hides_no_other() {
    let dir = Dir::with(&vec![started(); 3]).await;
    let sql = "UPDATE entry SET json = '{' WHERE seq = 2; UPDATE entry SET prev = x'00' WHERE seq = 3";
    rusqlite::Connection::open(dir.file()).and_then(|it| it.execute_batch(sql)).expect("tampered");
    let left = dir.read().list(&Filter::default()).expect("lists");
    assert_eq!(left.iter().map(|it| it.seq).collect::<Vec<_>>(), [1]);
}
