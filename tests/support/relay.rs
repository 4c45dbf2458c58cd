//! Relay between plugin and daemon that breaks the connection after a given number of bytes.

use pagewire_client::Endpoint;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How a connection ends when its byte budget is spent.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// With FIN, as the kernel ends connections of a killed process.
    Fin,
    /// With RST, as the kernel does when data is unread.
    Reset,
}

/// Relay of connections to a daemon.
#[derive(Clone)]
pub struct Relay {
    address: SocketAddr,
    budget: Arc<Mutex<Budget>>,
    cut: CancellationToken,
}

/// Bytes that may still be sent to the daemon.
struct Budget {
    left: usize,
    /// Bytes sent since the budget was set.
    spent: usize,
    cut: Cut,
}

impl Relay {
    /// Starts a relay to the daemon at this address, without a limit for now.
    pub async fn start(daemon: &str) -> Self {
        let daemon: SocketAddr = daemon.parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = Self {
            address: listener.local_addr().expect("an address"),
            budget: Arc::new(Mutex::new(Budget {
                left: usize::MAX,
                spent: 0,
                cut: Cut::Fin,
            })),
            cut: CancellationToken::new(),
        };
        let accepting = relay.clone();
        tokio::spawn(async move {
            while let Some(Ok((plugin, _))) =
                accepting.cut.run_until_cancelled(listener.accept()).await
            {
                tokio::spawn(accepting.clone().carry(plugin, daemon));
            }
        });
        relay
    }

    /// Returns the daemon's endpoint through this relay.
    pub fn endpoint(&self, token: &str) -> Endpoint {
        let endpoint: Endpoint = self.address.to_string().parse().expect("an endpoint");
        endpoint.with_token(token)
    }

    /// Lets this many more bytes reach the daemon, then ends all connections.
    pub fn cut_after(&self, bytes: usize, cut: Cut) {
        let mut budget = self.lock();
        (budget.left, budget.spent, budget.cut) = (bytes, 0, cut);
        if bytes == 0 {
            self.cut.cancel();
        }
    }

    /// Returns how many bytes reached the daemon since the limit was set.
    pub fn spent(&self) -> usize {
        self.lock().spent
    }

    async fn carry(self, mut plugin: TcpStream, daemon: SocketAddr) {
        let mut daemon = TcpStream::connect(daemon).await.expect("the daemon");
        for stream in [&plugin, &daemon] {
            stream.set_nodelay(true).expect("an option");
        }
        let (mut from_plugin, mut to_plugin) = plugin.split();
        let (mut from_daemon, mut to_daemon) = daemon.split();
        let up = async {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = from_plugin.read(&mut piece).await {
                let allowed = self.take(read);
                if to_daemon.write_all(&piece[..allowed]).await.is_err() {
                    break;
                }
                if self.lock().left == 0 {
                    self.cut.cancel();
                    break;
                }
            }
        };
        tokio::select! {
            () = up => {}
            _ = tokio::io::copy(&mut from_daemon, &mut to_plugin) => {}
            () = self.cut.cancelled() => {}
        }
        if let Cut::Reset = self.lock().cut {
            for stream in [&plugin, &daemon] {
                stream.set_zero_linger().expect("an option");
            }
        }
    }

    fn take(&self, bytes: usize) -> usize {
        let mut budget = self.lock();
        let allowed = bytes.min(budget.left);
        budget.left -= allowed;
        budget.spent += allowed;
        allowed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
