//! The socket of the process that owns a profile, through which another command asks it.
//!
//! One line of JSON each way: a [`Request`], then its [`Reply`]. The socket lies in the profile's folder, which only
//! its owner can enter, and answers nobody else.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::engine::request::{Asked, Reply, Request};

/// Longest request or reply; a contact list of some thousands fits.
const MAX_LINE: u64 = 4 << 20;
/// Whom no file is closed to.
const ROOT: u32 = 0;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the socket until dropped, then takes it away.
pub struct Owner {
    socket: PathBuf,
    /// Tells our socket from one that somebody else put in its place.
    inode: Option<u64>,
    task: JoinHandle<()>,
}

impl Owner {
    /// Opens the socket in `directory`. One that nobody listens at is taken away.
    pub fn serve(directory: &Path, engine: mpsc::Sender<Asked>) -> Result<Self> {
        let socket = path(directory);
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            bail!("another Vesper serves this profile already");
        }
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).with_context(|| format!("{} cannot be opened", socket.display()))?;
        restrict(&socket)?;
        let owner = std::fs::metadata(&socket).with_context(|| format!("{} cannot be read", socket.display()))?.uid();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The folder may be one that others can enter, and the socket was theirs to open until its mode was set.
                if stream.peer_cred().is_ok_and(|peer| peer.uid() != owner && peer.uid() != ROOT) {
                    continue;
                }
                let engine = engine.clone();
                tokio::spawn(async move {
                    if let Err(error) = tokio::time::timeout(PATIENCE, answer(stream, engine)).await.unwrap_or(Ok(())) {
                        tracing::debug!("a command on the profile's socket went wrong: {error:#}");
                    }
                });
            }
        });
        Ok(Self { inode: inode(&socket), socket, task })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.task.abort();
        if self.inode.is_some() && inode(&self.socket) == self.inode {
            let _ = std::fs::remove_file(&self.socket);
        }
    }
}

/// Hands `request` to whoever owns the profile in `directory`.
pub async fn ask(directory: &Path, request: &Request) -> Result<Reply> {
    let asked = async {
        let mut stream = UnixStream::connect(path(directory)).await?;
        stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes()).await?;
        Ok::<_, anyhow::Error>(serde_json::from_str(&read_line(stream).await?.0)?)
    };
    let reply = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| anyhow!("it did not answer in time"));
    reply.and_then(|reply| reply).context("another Vesper has this profile open, but does not answer; close it and try again")
}

/// Asks the window that has the profile in `directory` open to come up, and hands it a `vesper:` link. False if there is none.
pub async fn raise(directory: &Path, link: Option<String>) -> Result<bool> {
    if UnixStream::connect(path(directory)).await.is_err() {
        return Ok(false);
    }
    ask(directory, &Request::Raise { link }).await?.map(|_| true).map_err(|sentence| anyhow!(sentence))
}

fn inode(socket: &Path) -> Option<u64> {
    std::fs::symlink_metadata(socket).ok().map(|about| about.ino())
}

async fn answer(stream: UnixStream, engine: mpsc::Sender<Asked>) -> Result<()> {
    let (line, mut stream) = read_line(stream).await?;
    let (reply_to, reply) = oneshot::channel();
    engine.send((serde_json::from_str(&line)?, reply_to)).await?;
    stream.write_all(format!("{}\n", serde_json::to_string(&reply.await?)?).as_bytes()).await?;
    Ok(())
}

async fn read_line(stream: UnixStream) -> Result<(String, UnixStream)> {
    let mut reader = BufReader::new(stream.take(MAX_LINE));
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    Ok((line, reader.into_inner().into_inner()))
}

fn path(directory: &Path) -> PathBuf {
    directory.join("control.sock")
}

fn restrict(socket: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600)).context("the socket could not be closed to others")
}
