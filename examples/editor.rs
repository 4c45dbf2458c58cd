//! An editor without a window: pages show what was typed before it is on any disk.
//!
//! A line of standard input is a pause in typing. `{"file": "style.css", "text": "h1 { color: red }"}`
//! is what the file's buffer holds now, and a `text` of `null` says that it is undone or saved. When the
//! input ends, the editor is closed and everything unsaved is gone.

use pagewire_client::{
    Client, Content, Filter, HandlerResult, LiveFilters, Plugin, ServeOptions, Stale,
};
use serde::Deserialize;
use std::{
    collections::HashMap,
    ffi::OsStr,
    io, path,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
};
use tokio::sync::{Notify, mpsc};

#[derive(Deserialize)]
struct Typed {
    file: PathBuf,
    text: Option<String>,
}

/// The unsaved buffers, and what keeps the daemon informed of them.
struct Editor {
    buffers: Arc<Mutex<HashMap<PathBuf, String>>>,
    filters: LiveFilters,
    client: Client,
}

#[tokio::main]
async fn main() -> HandlerResult {
    let buffers = Arc::new(Mutex::new(HashMap::<PathBuf, String>::new()));
    let options = ServeOptions::new([]).first();
    let filters = options.live_filters();
    let open = Arc::new(Notify::new());

    let texts = buffers.clone();
    let opens = open.clone();
    let plugin = Plugin::new("editor")
        .serve(options, move |request| {
            let texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            let content = request.file_path().and_then(|file| {
                // The request may be for the file's folder, which says no type.
                let extension = file.extension().and_then(OsStr::to_str).unwrap_or_default();
                let text = texts.get(file)?;
                Some(Content::new(extension, text.clone()))
            });
            async { Ok(content) }
        })
        .server_start(move |_context| {
            opens.notify_one();
            async { Ok(()) }
        });
    let typing = async {
        // What is typed before the daemon asks us would reach no page.
        open.notified().await;
        let client = Client::find().await?;
        let editor = Editor {
            buffers,
            filters,
            client,
        };
        editor.run().await
    };
    tokio::select! {
        ended = plugin.run() => Ok(ended?),
        ended = typing => ended,
    }
}

impl Editor {
    async fn run(self) -> HandlerResult {
        let mut lines = lines();
        while let Some(line) = lines.recv().await {
            match serde_json::from_str::<Typed>(&line) {
                Ok(Typed { file, text }) => self.change(real(file)?, text).await?,
                Err(error) => eprintln!("this line says nothing: {error}"),
            }
        }
        let unsaved: Vec<_> = self.with_buffers(|buffers| buffers.keys().cloned().collect());
        for file in unsaved {
            self.change(file, None).await?;
        }
        Ok(())
    }

    /// What pages get of this file from now on; none = what is on the disk.
    async fn change(&self, file: PathBuf, text: Option<String>) -> HandlerResult {
        let unsaved: Vec<_> = self.with_buffers(|buffers| {
            match text {
                Some(text) => buffers.insert(file.clone(), text),
                None => buffers.remove(&file),
            };
            buffers.keys().map(Filter::file).collect()
        });
        self.filters.set(unsaved).await?;
        self.client
            .invalidate(Stale::file(file).refresh_pages())
            .await?;
        Ok(())
    }

    fn with_buffers<T>(&self, act: impl FnOnce(&mut HashMap<PathBuf, String>) -> T) -> T {
        act(&mut self.buffers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// As the daemon names it.
fn real(file: PathBuf) -> io::Result<PathBuf> {
    file.canonicalize().or_else(|_| path::absolute(file))
}

/// The lines of standard input, read by a thread that nobody waits for when the daemon has gone.
fn lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}
