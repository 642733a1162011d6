//! Damaged files, full disks, files that may not be written, other versions.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

/// Lets the file grow by no page more, as a full disk does.
async fn fill(history: &History) {
    history
        .ask(|store| {
            let pages: i64 =
                store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).during("read")?;
            let set = format!("PRAGMA max_page_count = {pages}");
            store.connection.query_row(&set, [], |_| Ok(())).during("write")
        })
        .await
        .expect("set");
    let big = Event::Source { state: SourceState::Stale, detail: "x".repeat(5000) };
    history.record(&[(noon(), big)]);
    let error = history.flush().await.expect_err("no room");
    assert_eq!(error.to_string(), "entries of the history wait in memory: cannot write the history: the disk is full");
}

async fn make_room(history: &History) {
    history
        .ask(|store| store.connection.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).during("write"))
        .await
        .expect("set");
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    let dir = Dir::with(&[started()]).await;
    let mode = || std::fs::metadata(dir.file()).expect("is there").mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(dir.file(), std::fs::Permissions::from_mode(0o644)).expect("set");
    drop(dir.open());
    assert_eq!(mode(), 0o600);
}

#[tokio::test]
async fn on_a_full_disk_entries_wait_and_are_written_when_there_is_room() {
    let dir = Dir::new();
    let history = dir.open();
    history.record(&[started()]);
    history.flush().await.expect("written");
    fill(&history).await;
    assert_eq!(history.degraded().as_deref(), Some("cannot write the history: the disk is full"));
    history.record(&[(noon(), Event::Stopped)]);
    assert!(history.flush().await.is_err());
    assert_eq!(history.waiting(), 2);
    assert_eq!(history.list(Filter::default()).await.expect("still reads").len(), 1);
    make_room(&history).await;
    history.flush().await.expect("written");
    assert_eq!((history.degraded(), history.waiting(), history.dropped()), (None, 0, 0));
    let kinds: Vec<String> =
        history.list(Filter::default()).await.expect("lists").into_iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["stopped", "source", "started"]);
    assert!(history.verify(None).await.expect("reads").is_ok());
}

#[tokio::test]
async fn too_many_that_wait_are_dropped_counted_and_told_in_the_history_itself() {
    let dir = Dir::new();
    let history = dir.open();
    fill(&history).await;
    history.record(&vec![started(); MAX_WAITING + 6]);
    assert!(history.flush().await.is_err());
    assert_eq!((history.waiting(), history.dropped()), (MAX_WAITING, 7));
    make_room(&history).await;
    history.flush().await.expect("written");
    let entries = history.list(Filter::default()).await.expect("lists");
    assert_eq!(entries.len(), MAX_WAITING + 1);
    let oldest = entries.last().expect("is there");
    assert_eq!((oldest.kind.as_str(), oldest.line().as_str()), ("lost", "7 entries that could not be written"));
    assert_eq!(history.dropped(), 7);
}

#[tokio::test]
async fn good_files_that_find_no_room_leave_those_before() {
    let dir = Dir::new();
    let history = dir.open();
    let files = |size: usize| vec![("a.yaml".to_owned(), vec![b'x'; size])];
    history.put_good_files("a".to_owned(), HERE.into(), files(10), Vec::new()).await.expect("written");
    fill(&history).await;
    let error =
        history.put_good_files("b".to_owned(), HERE.into(), files(100_000), Vec::new()).await.expect_err("no room");
    assert_eq!(error.to_string(), "cannot write the history: the disk is full");
    assert_eq!(error.hint(), Some("make room; what waits is written then"));
    let good = history.good_files(HERE.into()).await.expect("reads");
    assert_eq!((good.revision.as_deref(), good.files), (Some("a"), files(10)));
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_a_new_one_begun() {
    let junk = || b"this is no database, and long enough to be taken for one ".repeat(20);
    let dir = Dir::with(&vec![started(); 500]).await;
    let sound = std::fs::read(dir.file()).expect("reads");
    let mut broken = sound.clone();
    broken[5000..9000].fill(0xAA);
    for damaged in [junk(), sound[..sound.len() / 2].to_vec(), broken] {
        std::fs::write(dir.file(), &damaged).expect("damaged");
        let before = dir.names().len();
        let history = dir.open();
        history.record(&[started()]);
        assert_eq!(history.verify(None).await.expect("reads").map(|it| it.entries), Ok(1));
        history.close().await.expect("written");
        assert_eq!(dir.names().len(), before + 1);
    }
    let aside: Vec<String> = dir.names().into_iter().filter(|name| name.contains("corrupt")).collect();
    let stem = "history.db.corrupt-20261122T120000Z";
    assert_eq!(aside, [stem.to_owned(), format!("{stem}-1"), format!("{stem}-2")]);
    let first = dir.file().with_file_name(stem);
    assert_eq!(std::fs::read(first).expect("kept"), junk());
}

#[tokio::test]
async fn a_newer_form_and_a_foreign_database_are_refused_and_left_alone() {
    let dir = Dir::with(&[started()]).await;
    let set = |sql: &str| {
        let connection = rusqlite::Connection::open(dir.file()).expect("opens");
        connection.execute_batch(sql).expect("set");
    };
    set("PRAGMA user_version = 99");
    let error = History::open(&dir.file(), clock()).expect_err("newer");
    let path = dir.file().display().to_string();
    let known = store::MIGRATIONS.len();
    let said = format!("the history `{path}` has the form 99, and this driftless knows up to {known}");
    assert_eq!(error.to_string(), said);
    assert!(Store::open_read_only(&dir.file()).is_err());
    set(&format!("PRAGMA user_version = {known}; PRAGMA application_id = 7"));
    let error = History::open(&dir.file(), clock()).expect_err("foreign");
    assert_eq!(error.to_string(), format!("`{path}` is no history of driftless"));
    set("PRAGMA application_id = 1684434035");
    assert_eq!(dir.read().list(&Filter::default()).expect("lists").len(), 1);
}

#[test]
fn an_older_form_is_brought_to_the_present_one_with_what_is_in_it() {
    let mut connection = rusqlite::Connection::open_in_memory().expect("opens");
    let first = store::MIGRATIONS;
    store::migrate(&mut connection, first, 0).expect("made");
    connection.execute_batch("INSERT INTO good_revision (only, revision) VALUES (1, 'a')").expect("written");
    let mut all = first.to_vec();
    all.push("ALTER TABLE good_revision ADD COLUMN branch TEXT NOT NULL DEFAULT 'main'");
    store::migrate(&mut connection, &all, first.len()).expect("migrated");
    let row: (String, String) = connection
        .query_row("SELECT revision, branch FROM good_revision", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("reads");
    assert_eq!(row, ("a".to_owned(), "main".to_owned()));
    let form: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
    assert_eq!(form, first.len() as i64 + 1);
    all.push("no SQL");
    assert!(store::migrate(&mut connection, &all, first.len() + 1).is_err());
    let form: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
    assert_eq!(form, first.len() as i64 + 1, "all or nothing");
}

#[tokio::test]
async fn where_no_file_can_be_the_history_is_kept_in_memory_and_says_why() {
    let dir = Dir::new();
    std::fs::write(dir.0.path().join("data"), "a file where the directory should be").expect("written");
    assert!(matches!(History::open(&dir.file(), clock()), Err(Error::File { .. })));
    let history = History::open_or_in_memory(&dir.file(), clock()).expect("in memory");
    history.record(&[started()]);
    history.flush().await.expect("in memory");
    assert_eq!(history.list(Filter::default()).await.expect("lists").len(), 1);
    let path = dir.file().display().to_string();
    let why = format!("cannot make the directory of the history `{path}`; kept in memory until the daemon ends");
    assert_eq!(history.degraded(), Some(why));
}

#[tokio::test]
async fn a_history_in_memory_stays_small_and_verifies() {
    let history = History::in_memory("no disk", clock()).expect("opens");
    for _ in 0..5 {
        history.record(&vec![started(); MAX_WAITING]);
        history.flush().await.expect("in memory");
    }
    let verified = history.verify(None).await.expect("reads").expect("holds");
    assert!((10_000..=20_001).contains(&verified.entries), "{}", verified.entries);
    assert_eq!(history.degraded().as_deref(), Some("no disk"));
}

/// The superuser may write everything; such a test runs itself again as somebody who may not.
fn as_somebody_else(test: &str, what: impl FnOnce(&std::path::Path), check: impl FnOnce(&std::path::Path)) {
    use std::os::unix::process::CommandExt;
    const MARK: &str = "DRIFTLESS_TEST_FILE";
    if let Some(file) = std::env::var_os(MARK) {
        check(file.as_ref());
        return;
    }
    let dir = Dir::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("builds");
    runtime.block_on(async {
        let history = dir.open();
        let events = [drift("data", "private", "", noon()), repair("data", noon(), RepairResult::Applied)];
        history.record(&events);
        let files = vec![("a.yaml".to_owned(), b"kind: Bucket".to_vec())];
        history.put_good_files("a".to_owned(), HERE.into(), files, Vec::new()).await.expect("written");
        history.close().await.expect("written");
    });
    let root = std::fs::metadata(dir.file()).expect("is there").uid() == 0;
    std::fs::set_permissions(dir.0.path(), std::fs::Permissions::from_mode(0o755)).expect("set");
    what(&dir.file());
    if root {
        let output = std::process::Command::new("/proc/self/exe")
            .args(["--exact", test, "--nocapture"])
            .env(MARK, dir.file())
            .current_dir("/")
            .uid(65534)
            .gid(65534)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    } else {
        check(&dir.file());
    }
}

fn degrades_with_what_it_can_read(file: &std::path::Path) {
    let error = History::open(file, clock()).expect_err("read-only");
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("builds");
    runtime.block_on(async {
        let history = History::open_or_in_memory(file, clock()).expect("in memory");
        let path = file.display();
        let why = format!("cannot write the history `{path}`: it is read-only; kept in memory until the daemon ends");
        assert_eq!(history.degraded(), Some(why));
        assert_eq!(history.open_drifts().await.expect("reads").len(), 1);
        assert_eq!(history.recent_repairs(noon()).await.expect("reads").len(), 1);
        assert_eq!(history.good_revision(HERE.into()).await.expect("reads").as_deref(), Some("a"));
        history.record(&[started()]);
        history.flush().await.expect("in memory");
        let store = Store::open_read_only(file).expect("reads").expect("is there");
        assert_eq!(store.list(&Filter::default()).expect("lists").len(), 2, "the file is as it was");
    });
}

#[test]
fn a_read_only_file_degrades_to_memory_with_what_it_can_still_read() {
    as_somebody_else(
        "history::tests::faults::a_read_only_file_degrades_to_memory_with_what_it_can_still_read",
        |file| std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o444)).expect("set"),
        degrades_with_what_it_can_read,
    );
}

#[test]
fn a_read_only_directory_degrades_to_memory_with_what_it_can_still_read() {
    as_somebody_else(
        "history::tests::faults::a_read_only_directory_degrades_to_memory_with_what_it_can_still_read",
        |file| {
            // Theirs to write, in a directory that is not: there can be no journal.
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("set");
            if std::fs::metadata(file).expect("is there").uid() == 0 {
                std::os::unix::fs::chown(file, Some(65534), Some(65534)).expect("given");
            }
            let directory = file.parent().expect("has one");
            let _ = std::fs::remove_file(directory.join("history.db-journal"));
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o555)).expect("set");
        },
        degrades_with_what_it_can_read,
    );
}

#[tokio::test]
async fn a_closed_history_takes_nothing_more_and_says_so() {
    let dir = Dir::new();
    let history = dir.open();
    history.record(&[started()]);
    history.close().await.expect("written");
    history.record(&[started()]);
    assert_eq!(history.dropped(), 1);
    assert_eq!(history.flush().await.expect_err("closed").to_string(), "the history is closed");
    assert_eq!(dir.read().head().expect("reads").0, 1);
}

#[tokio::test]
async fn dropping_the_history_writes_what_waits() {
    let dir = Dir::new();
    let history = dir.open();
    history.record(&vec![started(); 1000]);
    drop(history);
    assert_eq!(dir.read().head().expect("reads").0, 1000);
}

#[tokio::test]
async fn a_reader_sees_the_file_while_the_daemon_has_it_open() {
    let dir = Dir::new();
    let history = dir.open();
    history.record(&[started()]);
    history.flush().await.expect("written");
    let store = dir.read();
    assert_eq!(store.list(&Filter::default()).expect("lists").len(), 1);
    history.record(&[started()]);
    history.flush().await.expect("written");
    assert_eq!(store.list(&Filter::default()).expect("lists").len(), 2);
}

#[tokio::test]
async fn two_daemons_on_one_file_keep_one_chain() {
    let dir = Dir::new();
    let (one, two) = (dir.open(), dir.open());
    for _ in 0..20 {
        one.record(&[started()]);
        two.record(&[started()]);
    }
    one.flush().await.expect("written");
    two.flush().await.expect("written");
    assert_eq!(one.verify(None).await.expect("reads").map(|it| it.entries), Ok(40));
}

#[tokio::test]
async fn a_reader_that_stays_long_delays_writing_and_loses_nothing() {
    let dir = Dir::with(&[started()]).await;
    let history = dir.open();
    history.ask(|store| store.connection.busy_timeout(std::time::Duration::ZERO).during("open")).await.expect("set");
    let reader = rusqlite::Connection::open(dir.file()).expect("opens");
    reader.execute_batch("BEGIN; SELECT count(*) FROM entry").expect("reads");
    history.record(&[started()]);
    let error = history.flush().await.expect_err("locked");
    let why = "cannot write the history: database is locked";
    assert_eq!(error.to_string(), format!("entries of the history wait in memory: {why}"));
    assert_eq!(history.degraded().as_deref(), Some(why));
    reader.execute_batch("COMMIT").expect("ends");
    history.flush().await.expect("written");
    assert_eq!((history.degraded(), history.head().await.expect("reads").0), (None, 2));
}
