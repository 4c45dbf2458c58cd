//! A connection that breaks where a test says: all that a plugin sends goes through here.

use pagewire_client::Endpoint;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How a connection ends when its octets are spent.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// In order, as the kernel ends those of a killed process.
    Fin,
    /// At once, as it does when there is something unread.
    Reset,
}

/// Carries connections to a daemon.
#[derive(Clone)]
pub struct Relay {
    address: SocketAddr,
    budget: Arc<Mutex<Budget>>,
    cut: CancellationToken,
}

/// What may still be sent to the daemon.
struct Budget {
    left: usize,
    /// Since the budget was set.
    spent: usize,
    cut: Cut,
}

impl Relay {
    /// To the daemon at this address, without a limit for now.
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

    /// The daemon's endpoint by this way.
    pub fn endpoint(&self, token: &str) -> Endpoint {
        let endpoint: Endpoint = self.address.to_string().parse().expect("an endpoint");
        endpoint.with_token(token)
    }

    /// So many more octets reach the daemon; with the last of them all connections end.
    pub fn cut_after(&self, octets: usize, cut: Cut) {
        let mut budget = self.lock();
        (budget.left, budget.spent, budget.cut) = (octets, 0, cut);
        if octets == 0 {
            self.cut.cancel();
        }
    }

    /// Octets that reached the daemon since the limit was set.
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

    fn take(&self, octets: usize) -> usize {
        let mut budget = self.lock();
        let allowed = octets.min(budget.left);
        budget.left -= allowed;
        budget.spent += allowed;
        allowed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
