//! The layers between a port and the network, outside in: the run's deadline, retries, the vault's budget, the
//! time of one try, the client.

pub mod answer;
pub mod budget;
pub mod client;
pub mod deadline;
pub mod network;
pub mod retry;
pub mod transport;
