//! What is sent, complete and not yet sent.

use crate::model::receiver::MailServer;
use crate::secret::{ClientSecret, ReceiverAddress};

/// One message to one receiver.
#[derive(Debug)]
pub enum Message {
    Post(Post),
    Mail(Box<Mail>),
    Input { words: Vec<String>, text: String },
}

/// An HTTP request. Its address, headers and body may hold secrets.
pub struct Post {
    pub url: ReceiverAddress,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Post({} bytes)", self.body.len())
    }
}

#[derive(Debug)]
pub struct Mail {
    pub server: MailServer,
    pub login: Option<(String, ClientSecret)>,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    /// The same for messages of one conversation.
    pub id: String,
}

impl Post {
    #[must_use]
    pub fn json(url: ReceiverAddress, body: String) -> Self {
        Self { url, headers: vec![("Content-Type", "application/json".to_owned())], body }
    }
}
