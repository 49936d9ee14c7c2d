//! The competitor: what one writes in a day with axum to answer 200 only for what is stored. A handler hands the body
//! to a writer thread, which appends all that wait to a file, syncs once, and lets them answer.

use std::fs::{self, File};
use std::io::{self, Write};
use std::process::exit;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, post};
use bench_common::Args;
use tokio::sync::oneshot;

const BODY_BYTES_MAX: usize = 10_000_000;

/// Bodies that share one sync at most.
const GROUP_MAX: usize = 4096;

type Append = (Bytes, oneshot::Sender<()>);

fn main() {
    let args = Args::parse();
    args.pin();
    if let Err(error) = serve(&args) {
        eprintln!("axum-group: {error}");
        exit(1);
    }
}

fn serve(args: &Args) -> io::Result<()> {
    fs::create_dir_all(args.data())?;
    let file = File::options().create(true).append(true).open(args.data().join("bodies"))?;
    let (sender, receiver) = channel();
    thread::spawn(move || {
        if let Err(error) = write_groups(file, &receiver) {
            eprintln!("axum-group: write: {error}");
            exit(1);
        }
    });
    let app = Router::new()
        .route("/v1/web/i", post(append).options(preflight))
        .route("/v1/web/start", post(append).options(preflight))
        .route("/", any(|| async { StatusCode::OK }))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(sender);
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await?;
        axum::serve(listener, app).await
    })
}

async fn append(State(writer): State<Sender<Append>>, body: Bytes) -> StatusCode {
    let (stored, is_stored) = oneshot::channel();
    if writer.send((body, stored)).is_err() || is_stored.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}

async fn preflight() -> impl IntoResponse {
    [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, GET, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type,Authorization,Content-Encoding,datatype"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ]
}

fn write_groups(file: File, appends: &Receiver<Append>) -> io::Result<()> {
    let mut file = io::BufWriter::with_capacity(1 << 20, file);
    let mut group = Vec::new();
    while let Ok((body, stored)) = appends.recv() {
        file.write_all(&body)?;
        group.push(stored);
        while group.len() < GROUP_MAX
            && let Ok((body, stored)) = appends.try_recv()
        {
            file.write_all(&body)?;
            group.push(stored);
        }
        file.flush()?;
        file.get_ref().sync_data()?;
        for stored in group.drain(..) {
            // The client may have gone meanwhile.
            let _ = stored.send(());
        }
    }
    Ok(())
}
