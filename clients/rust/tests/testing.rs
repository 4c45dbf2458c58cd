//! The module for tests of plugins, with a real daemon.

use pagewire_client::{Change, Content, Failure, Filter, HandlerResult, Plugin, testing::Daemon};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tempfile::TempDir;

/// A site of one page.
fn site() -> HandlerResult<TempDir> {
    let site = tempfile::tempdir()?;
    fs::write(site.path().join("index.html"), "<h1>file</h1>")?;
    Ok(site)
}

fn hello() -> Plugin {
    Plugin::new("hello").serve(Filter::path("/hello"), |request| async move {
        Ok(Content::text(format!("hello {}", request.query())))
    })
}

#[tokio::test]
async fn a_plugin_serves_while_it_runs() -> HandlerResult {
    let site = site()?;
    let daemon = Daemon::start(site.path()).await?;
    assert_eq!(daemon.get("/").await?.text(), "<h1>file</h1>");

    let plugin = daemon.run(hello()).await?;
    let response = daemon.get("/hello?x=1").await?;
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "hello x=1")
    );
    assert_eq!(
        response.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let plugins = daemon.client().plugins().await?;
    assert_eq!(plugins[0].plugin_name, "hello");

    plugin.stop().await?;
    assert_eq!(daemon.get("/hello").await?.status, 404);
    daemon.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_plugin_has_started_when_the_test_continues() -> HandlerResult {
    let site = site()?;
    let daemon = Daemon::start(site.path()).await?;
    let started = Arc::new(AtomicBool::new(false));
    let plugin = {
        let started = started.clone();
        hello().server_start(move |context| {
            let started = started.clone();
            async move {
                context.client().info().await?;
                started.store(true, Ordering::Relaxed);
                Ok(())
            }
        })
    };
    let _plugin = daemon.run(plugin).await?;
    assert!(started.load(Ordering::Relaxed));
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_does_not_start_fails_the_test_with_its_error() -> HandlerResult {
    let site = site()?;
    let daemon = Daemon::start(site.path()).await?;
    let broken = hello().server_start(|_| async { Err("no license".into()) });
    let refused = daemon.run(broken).await.expect_err("server_start fails");
    let error = refused.to_string();
    assert!(error.contains("server_start failed: no license"), "{error}");

    let _first = daemon.run(hello()).await?;
    let taken = daemon.run(hello()).await;
    let taken = taken.expect_err("the name is taken");
    assert_eq!(taken.reason(), Some("PLUGIN_NAME_TAKEN"));
    Ok(())
}

#[tokio::test]
async fn a_failure_of_a_handler_is_in_the_response_and_in_the_log() -> HandlerResult {
    let site = site()?;
    let daemon = Daemon::start(site.path()).await?;
    let colors = Plugin::new("colors").transform(Filter::path("/index.html"), |_| async {
        let failure = Failure::new("no such color").at("a.css", 3, 7);
        Err::<Change, _>(failure.into())
    });
    let _plugin = daemon.run(colors).await?;
    let page = daemon.get("/index.html").await?;
    assert_eq!(page.status, 500);
    assert!(page.text().contains("no such color"), "{}", page.text());
    let line = daemon.wait_for_log("no such color").await?;
    assert!(line.contains("colors"), "{line}");
    assert!(daemon.log().contains(&line));
    Ok(())
}

#[tokio::test]
async fn a_daemon_has_the_arguments_and_the_configuration_of_the_test() -> HandlerResult {
    let site = site()?;
    fs::write(site.path().join("pagewire.toml"), "listing = true\n")?;
    fs::create_dir(site.path().join("folder"))?;
    let daemon = Daemon::start_with(site.path(), ["--base-path", "/app"]).await?;
    assert!(daemon.url().starts_with("http://127.0.0.1:"));
    let listing = daemon.get("/app/folder/").await?;
    assert_eq!(listing.status, 200, "{}", listing.text());
    Ok(())
}

#[tokio::test]
async fn a_daemon_that_does_not_start_fails_the_test_with_its_own_text() -> HandlerResult {
    let site = site()?;
    let started = Daemon::start(site.path().join("missing")).await;
    let error = started.expect_err("there is no folder").to_string();
    assert!(error.contains("the daemon has not started:"), "{error}");
    assert!(error.contains("missing"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_dropped_plugin_is_disconnected() -> HandlerResult {
    let site = site()?;
    let daemon = Daemon::start(site.path()).await?;
    drop(daemon.run(hello()).await?);
    daemon.wait_for_log("plugin disconnected").await?;
    Ok(())
}
