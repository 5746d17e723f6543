//! The database of Mosquitto's plugin `persist_sqlite`.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use martlet_db::{ImportError, SourceProblem};
use support::{Folder, import_two};

#[cfg(not(feature = "import-sqlite"))]
#[test]
fn without_sqlite_it_is_told_how_to_get_it() {
    let folder = Folder::new("sqlite-absent");
    let from = folder.file("mosquitto.sqlite3", b"SQLite format 3\0and more");
    let error = import_two(&from, &folder.join("store"), true).unwrap_err();
    let ImportError::Source { cause, .. } = &error else { panic!("{error}") };
    assert_eq!(cause.problem, SourceProblem::SqliteNotBuiltIn);
    assert!(error.to_string().contains("--features import-sqlite"), "{error}");
}

#[cfg(feature = "import-sqlite")]
mod with_sqlite {
    use std::fs;
    use std::path::Path;

    use martlet_db::{LeftOut, Note, Show, Source, SourceError, SourcePlace};
    use rusqlite::Connection;

    use super::*;
    use crate::support::{lines, without};

    /// The tables, with the types that the plugin declares.
    const TABLES: &str = "
        CREATE TABLE base_msgs (store_id INT64 PRIMARY KEY, expiry_time INT64, topic STRING NOT NULL, payload BLOB,
            source_id STRING, source_username STRING, payloadlen INTEGER, source_mid INTEGER, source_port INTEGER,
            qos INTEGER, retain INTEGER, properties STRING);
        CREATE TABLE retains (topic STRING PRIMARY KEY, store_id INT64);
        CREATE TABLE clients (client_id TEXT PRIMARY KEY, username TEXT, connection_time INT64,
            will_delay_time INT64, session_expiry_time INT64, listener_port INT, max_packet_size INT, max_qos INT,
            retain_available INT, session_expiry_interval INT, will_delay_interval INT);
        CREATE TABLE subscriptions (client_id TEXT NOT NULL, topic TEXT NOT NULL, subscription_options INTEGER,
            subscription_identifier INTEGER, PRIMARY KEY (client_id, topic));
        CREATE TABLE client_msgs (client_id TEXT NOT NULL, cmsg_id INT64, store_id INT64, dup INTEGER,
            direction INTEGER, mid INTEGER, qos INTEGER, retain INTEGER, state INTEGER,
            subscription_identifier INTEGER);
        CREATE TABLE wills (client_id TEXT PRIMARY KEY, payload BLOB, topic STRING NOT NULL, payloadlen INTEGER,
            qos INTEGER, retain INTEGER, properties STRING);
        CREATE TABLE version_info (component TEXT NOT NULL, major INTEGER NOT NULL, minor INTEGER NOT NULL,
            patch INTEGER NOT NULL);
        INSERT INTO version_info VALUES ('database_schema', 1, 1, 0);";

    const ROWS: &str = r#"
        INSERT INTO base_msgs VALUES
            (11, 32503680000, 'a/1', x'6f6e65', 'pub', NULL, 3, 1, 1883, 1, 0,
             '[{"identifier":"content-type","value":"t"},{"identifier":"user-property","name":"k","value":"v"}]'),
            (12, 0, 'a/2', NULL, '', NULL, 0, 2, 1883, 2, 1, NULL),
            (13, 0, '007', x'ff', '12', NULL, 1, 2, 1883, 0, 1, NULL);
        INSERT INTO retains VALUES ('a/2', 12), ('007', 13), ('gone', 99);
        INSERT INTO clients VALUES
            ('c', 'ann', 1, 0, 0, 1883, 0, 2, 1, -1, 30),
            ('5', NULL, 1, 0, 32503680000, 1883, 0, 2, 1, 100000, 0);
        INSERT INTO subscriptions VALUES ('c', '$share/g/a', 1, 7), ('c', 'a/#', 46, 0), ('5', '1e3', 0, 0);
        INSERT INTO client_msgs VALUES
            ('c', 1, 11, 1, 1, 1, 1, 0, 3, 7),
            ('c', 2, 12, 1, 1, 2, 2, 0, 9, 0),
            ('c', 3, 12, 0, 1, 3, 2, 1, 11, 0),
            ('c', 4, 12, 0, 0, 77, 2, 0, 7, 0);
        INSERT INTO wills VALUES ('c', x'627965', 'w', 3, 1, 1, '[{"identifier":"message-expiry-interval"}]');"#;

    fn database(file: &Path) -> Connection {
        let database = Connection::open(file).unwrap();
        database.execute_batch("PRAGMA journal_mode = WAL;").unwrap();
        database.execute_batch(TABLES).unwrap();
        database
    }

    const ONE: &str = r#"topic="a/1" message-qos=1 message-retain=false publisher="pub" expires-at=3000-01-01T00:00:00.000Z properties=[{"identifier":"content-type","value":"t"},{"identifier":"user-property","name":"k","value":"v"}] payload-bytes=3 payload="one""#;
    const TWO: &str =
        r#"topic="a/2" message-qos=2 message-retain=true publisher="" payload-bytes=0 payload="""#;

    fn expected() -> Vec<String> {
        vec![
            r#"session client="5" expiry-interval=100000"#.to_owned(),
            r#"subscription client="5" filter="1e3" qos=0 no-local=false retain-as-published=false retain-handling=0"#.to_owned(),
            r#"session client="c" user-name="ann" expiry-interval=4294967295"#.to_owned(),
            r#"subscription client="c" filter="$share/g/a" qos=1 no-local=false retain-as-published=false retain-handling=0 subscription-identifiers=[7]"#.to_owned(),
            r#"subscription client="c" filter="a/#" qos=2 no-local=true retain-as-published=true retain-handling=2"#.to_owned(),
            format!(r#"incoming client="c" packet-id=77 {TWO}"#),
            format!(r#"in-flight client="c" packet-id=1 awaits="PUBACK" qos=1 retain=false subscription-identifiers=[7] {ONE}"#),
            r#"in-flight client="c" packet-id=2 awaits="PUBCOMP""#.to_owned(),
            format!(r#"queued client="c" qos=2 retain=true {TWO}"#),
            r#"will client="c" delay=30 topic="w" message-qos=1 message-retain=true publisher="c" payload-bytes=3 payload="bye""#.to_owned(),
            // SQLite has made numbers of what looked like some.
            r#"retained topic="7" message-qos=0 message-retain=true publisher="12" payload-bytes=1 payload-hex=ff"#.to_owned(),
            format!("retained {TWO}"),
        ]
    }

    #[test]
    fn all_tables_are_read() {
        let folder = Folder::new("sqlite");
        let (from, store) = (folder.join("100% of it?#.sqlite3"), folder.join("store"));
        database(&from).execute_batch(ROWS).unwrap();
        let imported = import_two(&from, &store, false).unwrap();
        assert_eq!(imported.source, Source::Sqlite { schema: (1, 1) });
        assert_eq!(imported.left_out, [Note { what: LeftOut::WithoutMessage, count: 1 }]);
        assert_eq!(without(&lines(&store, Show::State), &["detached-at"]), expected());
        let names = fs::read_dir(folder.join(".")).unwrap();
        assert_eq!(names.count(), 2, "nothing is left beside the database");
    }

    #[test]
    fn what_a_crash_left_in_the_write_ahead_log_counts() {
        let folder = Folder::new("sqlite-wal");
        let (live, crashed) = (folder.join("live"), folder.join("crashed"));
        fs::create_dir(&live).unwrap();
        fs::create_dir(&crashed).unwrap();
        let open = database(&live.join("mosquitto.sqlite3"));
        open.execute_batch(ROWS).unwrap();
        for name in ["mosquitto.sqlite3", "mosquitto.sqlite3-wal"] {
            fs::copy(live.join(name), crashed.join(name)).unwrap();
        }
        let store = folder.join("store");
        import_two(&crashed.join("mosquitto.sqlite3"), &store, false).unwrap();
        assert_eq!(without(&lines(&store, Show::State), &["detached-at"]), expected());
    }

    #[test]
    fn a_bad_row_is_told_and_passed_over_if_asked() {
        for (change, table, row, problem) in [
            ("UPDATE client_msgs SET qos = 3 WHERE rowid = 2", "client_msgs", 2, SourceProblem::QoS(3)),
            ("UPDATE client_msgs SET state = 'x' WHERE rowid = 3", "client_msgs", 3, {
                SourceProblem::Sqlite("column 8 is Text, not a number".to_owned())
            }),
            ("UPDATE base_msgs SET properties = '{}' WHERE store_id = 11", "base_msgs", 1, {
                SourceProblem::Properties
            }),
            ("UPDATE subscriptions SET topic = 'a+' WHERE client_id = '5'", "subscriptions", 3, {
                SourceProblem::TopicFilter("a+".to_owned())
            }),
            ("UPDATE wills SET topic = '#'", "wills", 1, SourceProblem::TopicName("#".to_owned())),
        ] {
            let folder = Folder::new("sqlite-row");
            let (from, store) = (folder.join("mosquitto.sqlite3"), folder.join("store"));
            let database = database(&from);
            database.execute_batch(ROWS).unwrap();
            assert_eq!(database.execute(change, []).unwrap(), 1);
            drop(database);
            let error = import_two(&from, &store, false).unwrap_err();
            let ImportError::Source { cause, .. } = error else { panic!("{error}") };
            let expected = SourceError { place: SourcePlace::Row { table, row }, problem };
            assert_eq!(cause, expected, "{change}");
            let imported = import_two(&from, &store, true).unwrap();
            assert_eq!((&imported.problems[..], imported.problem_count), (&[expected][..], 1), "{change}");
        }
    }

    #[test]
    fn other_databases_are_refused() {
        let folder = Folder::new("sqlite-other");
        for (change, expected) in [
            ("UPDATE version_info SET major = 2", SourceProblem::Schema(2, 1)),
            ("DROP TABLE version_info", SourceProblem::Sqlite(String::new())),
        ] {
            let from = folder.join("mosquitto.sqlite3");
            let _ = fs::remove_file(&from);
            database(&from).execute_batch(change).unwrap();
            let error = import_two(&from, &folder.join("store"), true).unwrap_err();
            let ImportError::Source { cause, .. } = error else { panic!("{error}") };
            let is_expected = match (&cause.problem, &expected) {
                (SourceProblem::Sqlite(message), SourceProblem::Sqlite(_)) => {
                    message.contains("version_info")
                }
                (found, expected) => found == expected,
            };
            assert!(is_expected, "{cause}");
        }
        let cut = folder.file("cut.sqlite3", b"SQLite format 3\0and no more");
        assert!(matches!(import_two(&cut, &folder.join("store"), true), Err(ImportError::Source { .. })));
    }
}
