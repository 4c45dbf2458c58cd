//! The resolve-import hook: imports of modules and inline scripts are found, resolved in one call per
//! module and plugin, and rewritten; every other byte stays the same.

use crate::support::{
    FORWARDED, HookStream, HttpResponse, NAVIGATION, ResolveImport, Session, Site, TestServer,
    Transform, within,
};
use pagewire_client::proto::{self, resolve_import_result::Outcome};

type ResolveHook = HookStream<ResolveImport>;

fn open(specifiers: &[&str]) -> proto::ResolveImportOpen {
    proto::ResolveImportOpen {
        filters: vec![proto::RequestFilter {
            match_all: true,
            ..Default::default()
        }],
        specifier_regexes: specifiers.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

async fn plugin(
    server: &TestServer,
    name: &str,
    open: proto::ResolveImportOpen,
) -> (Session, ResolveHook) {
    Session::with_hook::<ResolveImport>(server, name, open).await
}

fn resolved<const N: usize>(specifiers: [&str; N]) -> Outcome {
    Outcome::Resolved(proto::ResolvedImports {
        specifiers: specifiers.map(str::to_owned).to_vec(),
        ..Default::default()
    })
}

const MODULE: &str = "#!/usr/bin/env node\n// import 'no'\nimport a, { b } from 'a';import 'b';\nexport * from \"./c.js\" ;\nconst e = 'é', d = await import(`d`), f = import('f' + e);\nexport { x } from 'a' with { type: 'json' };\n//# sourceMappingURL=m.js.map";

#[tokio::test]
async fn every_import_is_found_with_its_location_and_unclaimed_ones_stay() {
    let site = Site::new([("m.js", MODULE)]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open(&[])).await;
    let response = resolved(["/lib/a.js", "", "", "/d.js?\"</script>\\\n", ""]);
    let (page, call) = tokio::join!(server.get("/m.js?v=1"), hook.answer_next(response));
    let importer = call.importer.expect("an importer");
    assert_eq!((&*importer.path, &*importer.query), ("/m.js", "v=1"));
    let file = site.path().join("m.js").canonicalize().expect("a file");
    assert_eq!(importer.file_path, file.display().to_string());
    let seen: Vec<_> = call
        .imports
        .iter()
        .map(|import| {
            (
                &*import.specifier,
                import.dynamic,
                import.line,
                import.column,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("a", false, 3, 23),
            ("b", false, 3, 34),
            ("./c.js", false, 4, 16),
            ("d", true, 5, 34),
            ("a", false, 6, 20),
        ]
    );
    let expected = MODULE
        .replacen("from 'a'", "from '/lib/a.js'", 1)
        .replace("`d`", r#""/d.js?\"\x3C/script>\\\n""#);
    assert_eq!(page.text(), expected);
    assert_eq!(page.header("last-modified"), None);
    let tag = page.header("etag").expect("a tag").to_owned();
    let again = server
        .get_with("/m.js?v=1", &format!("If-None-Match: {tag}\r\n"))
        .await;
    assert_eq!(again.status, 304, "no second call");
}

#[tokio::test]
async fn each_plugin_is_called_for_the_imports_that_earlier_ones_left() {
    let site = Site::new([("m.js", "import 'a'; import 'b'; import './c'; import 'd';")]);
    let server = TestServer::start(&site).await;
    let (_s2, mut second) = plugin(&server, "second", open(&["^[^./]"])).await;
    let (_s1, mut first) = plugin(&server, "first", open(&["^[ab]", "c$"])).await;
    let answers = async {
        let one = first.answer_next(resolved(["/a", "", "/c"])).await;
        let two = second.answer_next(resolved(["", "/d"])).await;
        (one, two)
    };
    let (page, (one, two)) = tokio::join!(server.get("/m.js"), answers);
    let names = |call: &proto::ResolveImportCall| {
        let names = call.imports.iter().map(|import| import.specifier.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&one), names(&two)),
        (
            vec!["a".to_owned(), "b".to_owned(), "./c".to_owned()],
            vec!["b".to_owned(), "d".to_owned()]
        )
    );
    assert_eq!(
        page.text(),
        "import '/a'; import 'b'; import '/c'; import '/d';"
    );
}

#[tokio::test]
async fn inline_modules_of_a_page_are_one_call_and_the_rest_is_unchanged() {
    let page = "<!doctype html>\n<script>import('no')</script>\n<script type=module>\n  import 'a';\n</script><p>é</p><script type=\"module\">import('b') }</script>\n<script type=module src=x.js></script><script type=module>import 'c'</script>";
    let site = Site::new([("index.html", page), ("x.js", "export {}")]);
    let mut server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open(&[])).await;
    let answered = hook.answer_next(resolved(["/a.js", "/c.js"]));
    let (response, call) = tokio::join!(server.navigate("/"), answered);
    let seen: Vec<_> = call
        .imports
        .iter()
        .map(|import| (&*import.specifier, import.line, import.column))
        .collect();
    assert_eq!(seen, [("a", 4, 11), ("c", 6, 67)]);
    let expected = page.replace("'a'", "'/a.js'").replace("'c'", "'/c.js'");
    assert_eq!(response.text(), expected);
    server.wait_for_log("index.html:5:").await;
}

#[tokio::test]
async fn a_module_that_does_not_parse_is_reported_once_and_served_unchanged() {
    let source = "import 'a';\nlet x = ;\n";
    let site = Site::new([("m.js", source)]);
    let mut server = TestServer::start(&site).await;
    let (_session, hook) = plugin(&server, "p", open(&[])).await;
    let calls = hook.answering(|_| resolved(["/a"]));
    for _ in 0..2 {
        let response = server.get("/m.js").await;
        assert_eq!((response.status, &*response.text()), (200, source));
    }
    assert_eq!(calls.count(), 0);
    let report = server.wait_for_log("m.js:2:9").await;
    assert!(report.contains("WARN"), "{report}");
    server.wait_for_log("> 2 | let x = ;").await;
}

#[tokio::test]
async fn imports_are_resolved_in_the_transformed_module() {
    let site = Site::new([("m.ts", "type X = 1")]);
    let server = TestServer::start(&site).await;
    let open_ts = proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            path_regexes: vec![r"\.ts$".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_s1, ts) = Session::with_hook::<Transform>(&server, "ts", open_ts).await;
    ts.answering(|_| {
        proto::transform_result::Outcome::Content(proto::TransformContent {
            body: Some("import 'a'".into()),
            content_type: "js".into(),
            ..Default::default()
        })
    });
    let (_s2, hook) = plugin(&server, "p", open(&[])).await;
    let calls = hook.answering(|_| resolved(["/a.js"]));
    for _ in 0..2 {
        assert_eq!(server.get("/m.ts").await.text(), "import '/a.js'");
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn resolutions_are_cached_until_the_module_or_a_dependency_changes() {
    let site = Site::new([("m.js", "import 'a'")]);
    let server = TestServer::start(&site).await;
    let (_session, hook) = plugin(&server, "p", open(&[])).await;
    let missing = site.path().join("node_modules/a/package.json");
    let depends = missing.display().to_string();
    let calls = hook.answering(move |_| {
        let found = missing.exists();
        Outcome::Resolved(proto::ResolvedImports {
            specifiers: vec![if found { "/found.js" } else { "" }.into()],
            depends_on_files: vec![depends.clone()],
            ..Default::default()
        })
    });
    for _ in 0..3 {
        assert_eq!(server.get("/m.js").await.text(), "import 'a'");
    }
    assert_eq!(calls.count(), 1);
    site.write("node_modules/a/package.json", "{}");
    assert_eq!(server.get("/m.js").await.text(), "import '/found.js'");
    site.write("m.js", "import 'a';\n");
    assert_eq!(server.get("/m.js").await.text(), "import '/found.js';\n");
}

#[tokio::test]
async fn a_wrong_result_count_and_a_failure_replace_the_module() {
    let site = Site::new([("m.js", "import 'a'")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open(&[])).await;
    let failure = Outcome::Failure(proto::HookFailure {
        message: "no such package".into(),
        ..Default::default()
    });
    for (outcome, output) in [
        (
            resolved(["/a", "/b"]),
            "called with 1 imports, it returned 2",
        ),
        (failure, "no such package"),
    ] {
        let (response, _) = tokio::join!(server.get("/m.js"), hook.answer_next(outcome));
        assert_eq!(response.status, 500);
        assert!(response.text().contains(output), "{}", response.text());
        assert_eq!(response.header("pagewire-plugin"), Some("p"));
    }
    // Neither was cached.
    let (response, _) = tokio::join!(server.get("/m.js"), hook.answer_next(resolved(["/a"])));
    assert_eq!(response.text(), "import '/a'");
}

#[tokio::test]
async fn an_error_page_that_retries_gets_what_a_navigation_gets_and_its_failures_are_logged_once() {
    let page = "<!doctype html><script type=module>import 'a'</script>";
    let site = Site::new([("index.html", page)]);
    let mut server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open(&[])).await;
    let failure = |message: &str| {
        Outcome::Failure(proto::HookFailure {
            message: message.to_owned(),
            ..Default::default()
        })
    };
    let answered = hook.answer_next(failure("no such package"));
    let (shown, _) = tokio::join!(server.navigate("/"), answered);
    assert_eq!(shown.status, 500);
    let retry = "Accept: text/html\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\nPagewire-Retry: 1\r\n";
    assert!(
        shown.text().contains("'pagewire-retry'"),
        "{}",
        shown.text()
    );
    let answered = hook.answer_next(failure("no such package"));
    let (retried, _) = tokio::join!(server.get_with("/", retry), answered);
    let id = |response: &HttpResponse| response.header("pagewire-failure").map(str::to_owned);
    assert!(id(&shown).is_some());
    assert_eq!((retried.status, id(&retried)), (500, id(&shown)));
    let answered = hook.answer_next(resolved(["/a.js"]));
    let (fixed, _) = tokio::join!(server.get_with("/", retry), answered);
    assert_eq!((fixed.status, id(&fixed)), (200, None));
    // A later line shows that the log has all earlier ones.
    let answered = hook.answer_next(failure("something else"));
    tokio::join!(server.navigate("/?later"), answered);
    server.wait_for_log("something else").await;
    let is_first = |line: &&String| line.contains("no such package");
    assert_eq!(server.logged().iter().filter(is_first).count(), 1);
}

#[tokio::test]
async fn pages_get_hints_for_exactly_the_modules_they_will_load() {
    let site = Site::new([
        (
            "index.html",
            "<!doctype html><script type=module src=a.js></script><script type=module>import './lib/b.js?v=1'</script><body></body>",
        ),
        (
            "a.js",
            "import './lib/c.js'; import('./lazy.js'); import 'bare'; import './data.json' with { type: 'json' };",
        ),
        ("lib/b.js", "export * from '../a.js'; import './made/x.js'"),
        (
            "lib/c.js",
            "import './../lib/./d.js'; import 'https://elsewhere.example/x.js'; import './missing.js'",
        ),
        ("lib/d.js", "import './c.js'"),
        ("lazy.js", ""),
        ("data.json", "{}"),
        ("plain.html", "<!doctype html><body>no module</body>"),
        (
            "map.html",
            "<!doctype html><script type=importmap>{}</script><script type=module src=a.js></script><body></body>",
        ),
    ]);
    let server = TestServer::start_with(&site, &["--inject", "always"]).await;
    let preloads = async |path: &str| {
        let page = server.navigate(path).await.text();
        let links = page.split("<link rel=\"modulepreload\" href=\"").skip(1);
        let links = links.filter_map(|rest| rest.split('"').next().map(str::to_owned));
        links.collect::<Vec<_>>()
    };
    // A page waits only 20 ms for its hints; on a busy machine a later request has them all.
    let hints = ["/lib/b.js?v=1", "/lib/c.js", "/lib/d.js"];
    within("all hints of the page", async {
        while preloads("/").await != hints {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(preloads("/plain.html").await, [""; 0]);
    assert_eq!(preloads("/map.html").await, [""; 0]);

    let quiet = TestServer::start_with(&site, &["--inject", "always", "--preload-modules=false"]);
    let page = quiet.await.navigate("/").await.text();
    assert!(
        page.contains("client.js") && !page.contains("modulepreload"),
        "{page}"
    );
}

#[tokio::test]
async fn a_page_with_many_modules_has_hints_only_for_browsers_on_other_machines() {
    const MODULES: usize = 100;
    let imports: String = (0..MODULES)
        .map(|number| format!("import './{number}.js';\n"))
        .collect();
    let site = Site::new([
        (
            "index.html",
            "<!doctype html><script type=module src=a.js></script><body></body>",
        ),
        ("a.js", imports.as_str()),
    ]);
    for number in 0..MODULES {
        site.write(&format!("{number}.js"), "");
    }
    let server = TestServer::start_with(&site, &["--inject", "always"]).await;
    let hints = async |forwarding: &str| {
        let page = server
            .get_with("/", &format!("{NAVIGATION}{forwarding}"))
            .await;
        page.text().matches("modulepreload").count()
    };
    // A page waits only 20 ms for its hints.
    within("the hints of all modules", async {
        while hints(FORWARDED).await < MODULES {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // As many as a page with fewer modules has, if its 20 ms are over.
    assert!(hints("").await <= 64);
    within("no hints", async {
        while hints("").await > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn modules_made_by_plugins_are_hinted_after_they_were_served() {
    let site = Site::new([
        (
            "index.html",
            "<!doctype html><script type=module src=a.ts></script><body></body>",
        ),
        ("a.ts", "import './b.ts'"),
        ("b.ts", "import './c.js'"),
        ("c.js", ""),
    ]);
    let server = TestServer::start_with(&site, &["--inject", "always"]).await;
    let open_ts = proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            path_regexes: vec![r"\.ts$".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_s1, ts) = Session::with_hook::<Transform>(&server, "ts", open_ts).await;
    let calls = ts.answering(|_| {
        proto::transform_result::Outcome::Content(proto::TransformContent {
            content_type: "js".into(),
            ..Default::default()
        })
    });
    assert!(!server.navigate("/").await.text().contains("modulepreload"));
    assert_eq!(
        calls.count(),
        0,
        "nothing is generated that was not requested"
    );
    for path in ["/a.ts", "/b.ts"] {
        server.get(path).await;
    }
    let hinted = async {
        loop {
            let page = server.navigate("/").await.text();
            if page.contains("modulepreload") {
                return page;
            }
        }
    };
    let page = within("the hints to be looked up again", hinted).await;
    for url in ["/b.ts", "/c.js"] {
        assert!(
            page.contains(&format!("<link rel=\"modulepreload\" href=\"{url}\">")),
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_call_with_more_imports_than_fit_carries_the_first_ones() {
    const IMPORTS: usize = 3000;
    let long = "x".repeat(1000);
    let module: String = (0..IMPORTS)
        .map(|number| format!("import '{number}{long}';\n"))
        .collect();
    let site = Site::new([("m.js", &module)]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open(&[])).await;
    let respond = async {
        let call = hook.call().await;
        let resolved = proto::ResolvedImports {
            specifiers: vec!["/y.js".to_owned(); call.imports.len()],
            ..Default::default()
        };
        hook.answer(call.call_id, Outcome::Resolved(resolved)).await;
        call.imports.len()
    };
    let (page, carried) = tokio::join!(server.get("/m.js"), respond);
    assert!((1000..IMPORTS).contains(&carried), "{carried}");
    let text = page.text();
    assert_eq!(text.matches("/y.js").count(), carried);
    assert_eq!(text.matches(&long).count(), IMPORTS - carried);
}
