//! An embedded Entra ID, Key Vault and managed identity on loopback, for demonstrations and tests.
//!
//! It is an environment, not a mode of the product: everything is reached under its production name over TLS, through
//! a proxy that refuses every host it does not play. It is written from what the services are documented and recorded
//! to do, and imports nothing of the product, so that the two cannot share a bug. Time passes by ageing records.

pub mod entra;
pub mod fault;
mod http;
mod identity;
pub mod journal;
pub mod partner_center;
pub mod pipeline;
pub mod route;
pub mod scenario;
pub mod seed;
mod server;
pub mod setting;
pub mod state;
mod tls;
pub mod vault;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use fault::Rule;
use journal::Journal;
use setting::Setting;
use state::State;

/// What the fakes share with whoever looks at them.
#[derive(Debug, Default)]
pub struct World {
    state: Mutex<State>,
    rules: Mutex<Vec<Rule>>,
    journal: Mutex<Journal>,
}

impl World {
    #[must_use]
    pub fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), ..Self::default() })
    }

    /// The records of all fakes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests so far.
    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault.
    pub fn fault(&self, rule: Rule) {
        self.rules().push(rule);
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.rules().clear();
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sandbox. It ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    pub world: Arc<World>,
    proxy: SocketAddr,
    identity: SocketAddr,
    receiver: SocketAddr,
    mail: SocketAddr,
    folder: TempDir,
    servers: Vec<JoinHandle<()>>,
}

/// What a client must know of a sandbox.
pub const IDENTITY_HEADER: &str = "b1f6d08e94c24a7fa3d5";

impl Sandbox {
    /// Starts the fakes on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// The system's, for ports and the folder of the certificate.
    pub async fn start(world: Arc<World>) -> io::Result<Self> {
        let authority = Arc::new(tls::Authority::new().map_err(io::Error::other)?);
        let folder = TempDir::with_prefix("rotator-sandbox-")?;
        std::fs::File::create(folder.path().join("ca.pem"))?.write_all(authority.pem().as_bytes())?;
        for (name, file) in &world.state().files {
            write(&folder.path().join(name), file)?;
        }
        let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let identity = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let receiver = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (proxy_address, identity_address) = (proxy.local_addr()?, identity.local_addr()?);
        let mail = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (receiver_address, mail_address) = (receiver.local_addr()?, mail.local_addr()?);
        let servers = vec![
            tokio::spawn(server::serve_proxy(proxy, Arc::clone(&world), authority)),
            tokio::spawn(server::serve_plain(identity, "identity", Arc::clone(&world))),
            tokio::spawn(server::serve_plain(receiver, server::RECEIVER, Arc::clone(&world))),
            tokio::spawn(server::serve_mail(mail)),
        ];
        Ok(Self {
            world,
            proxy: proxy_address,
            identity: identity_address,
            receiver: receiver_address,
            mail: mail_address,
            folder,
            servers,
        })
    }

    /// The certificate that the fakes' certificates are signed by, as a file.
    #[must_use]
    pub fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// A folder that lives as long as the sandbox.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The environment that leads a client here, with a managed identity.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.environment_of(&setting::USUAL)
    }

    /// The environment of a setting.
    #[must_use]
    pub fn environment_of(&self, setting: &Setting) -> Vec<(&'static str, String)> {
        let own = setting.environment.iter().map(|(name, value)| (*name, self.filled(value)));
        [("HTTPS_PROXY", format!("http://{}", self.proxy))].into_iter().chain(own).collect()
    }

    /// A text of a setting with the places of this sandbox.
    #[must_use]
    pub fn filled(&self, text: &str) -> String {
        text.replace("{folder}", &self.folder.path().display().to_string())
            .replace("{identity}", &format!("http://{}/msi/token", self.identity))
            .replace("{mail}", &self.mail.to_string())
            .replace("{receiver}", &format!("http://{}", self.receiver))
    }

    /// The address of the managed-identity endpoint in the form that virtual machines have.
    #[must_use]
    pub fn imds(&self) -> String {
        format!("http://{}/metadata/identity/oauth2/token", self.identity)
    }
}

fn write(path: &std::path::Path, file: &state::File) -> io::Result<()> {
    std::fs::File::create(path)?.write_all(file.content.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if file.program { 0o700 } else { 0o600 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}
