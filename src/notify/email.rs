//! Email: one plain text for all that is new.

use std::fmt::Write as _;

use super::digest::Digest;
use super::message::{Mail, Message};
use super::words;
use crate::model::receiver::Email;
use crate::secret::ClientSecret;

/// Longer mails are read by nobody.
const MOST: usize = 100;

pub(super) fn message(digest: &Digest, email: &Email, password: Option<ClientSecret>) -> (Message, usize) {
    let mut text: String = digest.notices.iter().take(MOST).map(|notice| words::text(notice) + "\n").collect();
    if digest.notices.len() > MOST {
        text.push_str(&words::more(digest.notices.len() - MOST));
        text.push('\n');
    }
    let _ = writeln!(text, "run {}", digest.run_id);
    let subject = match digest.notices.as_slice() {
        [only] => format!("rotator: {}", words::headline(only)),
        _ => words::title(digest),
    };
    let mail = Mail {
        server: email.server.clone(),
        login: email.username.clone().zip(password),
        from: email.from.clone(),
        to: email.to.clone(),
        subject: words::cut(&subject, 200),
        text,
        id: digest.id(),
    };
    (Message::Mail(Box::new(mail)), digest.notices.len().min(MOST))
}
