//! Plays an editor: pages show unsaved text.
//!
//! Each line of standard input is a state of a buffer. `{"file": "style.css", "text": "h1 { color: red }"}`
//! is its unsaved text, and a `text` of `null` means that the buffer is saved or undone. The end of the
//! input closes the editor and drops all unsaved text.

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

/// A line of standard input.
#[derive(Deserialize)]
struct Edit {
    file: PathBuf,
    text: Option<String>,
}

/// The unsaved buffers, with the filters and the client that publish them.
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
                // The extension of the file, because the request may name its folder (`/` for `index.html`).
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
        // Edits before the hook is open would reach no page.
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
        result = plugin.run() => Ok(result?),
        result = typing => result,
    }
}

impl Editor {
    async fn run(self) -> HandlerResult {
        let mut lines = lines();
        while let Some(line) = lines.recv().await {
            match serde_json::from_str::<Edit>(&line) {
                Ok(Edit { file, text }) => self.change(real(file)?, text).await?,
                Err(error) => eprintln!("invalid line: {error}"),
            }
        }
        let unsaved: Vec<_> = self.with_buffers(|buffers| buffers.keys().cloned().collect());
        for file in unsaved {
            self.change(file, None).await?;
        }
        Ok(())
    }

    /// Sets the unsaved text of a file; `None` shows the file on disk again.
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

/// Returns the path under which the daemon knows the file.
fn real(file: PathBuf) -> io::Result<PathBuf> {
    file.canonicalize().or_else(|_| path::absolute(file))
}

/// Reads the lines of standard input in a thread, which does not keep the process alive.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}
