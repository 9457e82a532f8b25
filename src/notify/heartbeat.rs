//! Pings that say that the job runs, after the way of healthchecks.io (`healthchecks.io/docs/http_api`): somebody else notices
//! when they stop coming.

use super::message::{Message, Post};
use crate::secret::ReceiverAddress;

/// The job has begun.
#[must_use]
pub fn started(url: &ReceiverAddress, run_id: &str) -> Message {
    ping(url, "start", run_id, String::new())
}

/// The job has ended: 0 is success, everything else a failure.
#[must_use]
pub fn ended(url: &ReceiverAddress, run_id: &str, exit_code: u8, summary: &str) -> Message {
    ping(url, &exit_code.to_string(), run_id, summary.chars().take(10_000).collect())
}

/// The parts of one run are put together by its id.
fn ping(url: &ReceiverAddress, what: &str, run_id: &str, body: String) -> Message {
    let (base, query) = url.expose().split_once('?').unwrap_or((url.expose(), ""));
    let separator = if query.is_empty() { "" } else { "&" };
    let url = format!("{}/{what}?{query}{separator}rid={run_id}", base.trim_end_matches('/'));
    let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
    Message::Post(Post { url: ReceiverAddress::new(url), headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ping_has_its_address() {
        let of = |url: &str| match ended(&ReceiverAddress::new(url.to_owned()), "r1", 3, "dead") {
            Message::Post(post) => (post.url.expose().to_owned(), post.body),
            _ => unreachable!(),
        };
        assert_eq!(of("https://hc-ping.com/u1/"), ("https://hc-ping.com/u1/3?rid=r1".to_owned(), "dead".to_owned()));
        assert_eq!(of("https://hc-ping.com/k/job?create=1").0, "https://hc-ping.com/k/job/3?create=1&rid=r1");
    }
}
