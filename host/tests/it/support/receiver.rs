//! A real HTTP server for tests: a page that goes up and down, and a receiver of notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use super::client::PATIENCE;

/// A server on loopback with `/page` and `/hook`.
pub struct Server {
    /// `127.0.0.1:PORT`.
    pub address: String,
    page: Arc<AtomicU16>,
    hook: Arc<AtomicU16>,
    received: Mutex<mpsc::UnboundedReceiver<Value>>,
}

#[derive(Clone)]
struct Shared {
    page: Arc<AtomicU16>,
    hook: Arc<AtomicU16>,
    sender: mpsc::UnboundedSender<Value>,
}

impl Server {
    /// Both answer 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, received) = mpsc::unbounded_channel();
        let (page, hook) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicU16::new(200)));
        let shared = Shared { page: page.clone(), hook: hook.clone(), sender };
        let router = Router::new()
            .route("/page", get(|State(shared): State<Shared>| async move { (status(&shared.page), "hello, shop") }))
            .route("/hook", post(take))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, page, hook, received: Mutex::new(received) }
    }

    /// What `/page` answers from now on.
    pub fn page(&self, status: u16) {
        self.page.store(status, Ordering::SeqCst);
    }

    /// What `/hook` answers from now on.
    pub fn hook(&self, status: u16) {
        self.hook.store(status, Ordering::SeqCst);
    }

    /// The next body that was posted to `/hook`.
    pub async fn received(&self) -> Value {
        tokio::time::timeout(PATIENCE, self.received.lock().await.recv()).await.expect("nothing was posted in time").unwrap()
    }
}

async fn take(State(shared): State<Shared>, body: String) -> StatusCode {
    shared.sender.send(serde_json::from_str(&body).unwrap()).unwrap();
    status(&shared.hook)
}

fn status(code: &AtomicU16) -> StatusCode {
    StatusCode::from_u16(code.load(Ordering::SeqCst)).unwrap()
}
