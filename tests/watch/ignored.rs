//! What is ignored, by whom, and what is watched nevertheless.

use super::{acting_page, next_changes, save};
use crate::support::{Site, TestServer};
use serde_json::json;
use std::fs;

#[tokio::test]
async fn an_ignored_file_is_watched_once_it_was_served() {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let site = Site::page();
        site.write(".gitignore", "dist/\n*.gen.js\n");
        for file in [
            "dist/assets/bundle.js",
            "dist/assets/other.js",
            "a.gen.js",
            "node_modules/lit/index.js",
            "node_modules/lit/other.js",
        ] {
            site.write(file, "1");
        }
        let server = TestServer::start_with(&site, &["--watch", poll]).await;
        let mut page = acting_page(&server, 0).await;
        for file in [
            "dist/assets/bundle.js",
            "a.gen.js",
            "node_modules/lit/index.js",
        ] {
            assert_eq!(server.get(&format!("/{file}")).await.status, 200);
            // The watcher knows what was served before this change.
            save(&site, "known.css", file);
            assert_eq!(next_changes(&mut page).await, ["/known.css"], "{poll}");
            for unused in [
                "dist/assets/other.js",
                "node_modules/lit/other.js",
                "b.gen.js",
            ] {
                site.write(unused, file);
            }
            site.write(file, "12");
            assert_eq!(
                next_changes(&mut page).await,
                [format!("/{file}")],
                "{poll}"
            );
        }
        // As bundlers do.
        for round in 0..5 {
            fs::remove_dir_all(site.path().join("dist")).expect("removed");
            let path = "/dist/assets/bundle.js";
            assert_eq!(next_changes(&mut page).await, [path], "{poll}");
            site.write("dist/assets/bundle.js", format!("{round}"));
            assert_eq!(next_changes(&mut page).await, [path], "{poll}");
            site.write("dist/assets/bundle.js", format!("again {round}"));
            assert_eq!(next_changes(&mut page).await, [path], "{poll}");
        }
    }
}

#[tokio::test]
async fn patterns_name_what_is_watched_and_what_is_not() {
    let site = Site::page();
    site.write(".gitignore", "dist/\n");
    site.write("logs/a.log", "1");
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let arguments = [
            "--watch",
            poll,
            "--watch-ignore=*.log",
            "--watch-ignore=dist/*.map",
            "--watch-include=dist/",
            "--watch-include=data.sqlite3",
        ];
        let server = TestServer::start_with(&site, &arguments).await;
        let mut page = acting_page(&server, 0).await;
        // What is ignored by a pattern is not watched, even if it is served.
        server.get("/logs/a.log").await;
        for unseen in [
            "logs/a.log",
            "db.sqlite3",
            "db.sqlite3-journal",
            "__pycache__/a.pyc",
            ".ipynb_checkpoints/a.ipynb",
        ] {
            site.write(unseen, poll);
        }
        save(&site, "known.css", poll);
        assert_eq!(next_changes(&mut page).await, ["/known.css"], "{poll}");
        site.write("dist/a.map", poll);
        save(&site, "dist/a.js", poll);
        assert_eq!(next_changes(&mut page).await, ["/dist/a.js"], "{poll}");
        save(&site, "data.sqlite3", poll);
        assert_eq!(next_changes(&mut page).await, ["/data.sqlite3"], "{poll}");
        site.write("logs/a.log", "not reported");
        save(&site, "known.css", "the end");
        assert_eq!(next_changes(&mut page).await, ["/known.css"], "{poll}");
    }
}

#[tokio::test]
async fn an_app_index_is_watched_and_names_the_routes_that_it_answered() {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let site = Site::page();
        site.write(".gitignore", "dist/\n");
        site.write("dist/app.html", "first");
        let arguments = ["--watch", poll, "--app-index", "dist/app.html"];
        let server = TestServer::start_with(&site, &arguments).await;
        let mut page = acting_page(&server, 0).await;
        let routes = ["/dist/7", "/dist/a%20b/", "/dist/john.doe", "/dist/users/"];
        for route in routes {
            assert!(server.navigate(route).await.text().starts_with("first"));
        }
        // The watcher knows what was served before this change.
        save(&site, "known.css", "");
        assert_eq!(next_changes(&mut page).await, ["/known.css"], "{poll}");
        site.write("dist/app.html", "second");
        let frame = page.receive_json().await;
        let index = "/dist/app.html";
        assert_eq!(frame["paths"], json!([index]), "{poll}");
        assert_eq!(frame["users"], json!({index: routes}), "{poll}");
    }
}
