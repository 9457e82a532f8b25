//! The listener on this machine: whoever is not the answer to this sign-in is told so, and ends nothing.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::support::person::{Consent, Person, query};
use crate::support::{Rig, TOKEN, due, soon};
use rotator::consent::landing::Listener;
use rotator::model::kind::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Sends bytes, and returns what comes back until the connection ends.
async fn raw(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    // A listener that has seen enough closes while this still writes.
    let _ = stream.write_all(bytes.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn strangers_are_told_so_and_end_nothing() {
    let rig = Rig::new(&due()).await;
    let mut consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let port: u16 = consent.redirect.rsplit_once(':').unwrap().1.parse().unwrap();
    let state = query(&consent.url)["state"].clone();
    let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (here, right) = (format!("localhost:{port}"), format!("/?code=abc&state={state}"));
    let too_long = format!("GET /?code={} HTTP/1.1\r\nHost: {here}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: {here}\r\n{}\r\n", "X-A: b\r\n".repeat(500));
    for (request, status) in [
        (get("/?code=abc&state=other", &here), "400"),
        (get("/?code=abc", &here), "400"),
        (get("/?error=access_denied&state=other", &here), "400"),
        (get("/", &here), "200"),
        (get("/favicon.ico", &here), "404"),
        (get("/result", &here), "404"),
        (get("/result/00000000000000000000000000000000", &here), "404"),
        (get(&right, "evil.example"), "421"),
        (get(&right, &format!("evil.example:{port}")), "421"),
        (get(&right, "localhost:1"), "421"),
        (format!("GET {right} HTTP/1.0\r\n\r\n"), "421"),
        (format!("POST {right} HTTP/1.1\r\nHost: {here}\r\nContent-Length: 0\r\n\r\n"), "405"),
        (too_long, "431"),
        (many, "431"),
        ("\x16\x03\x01 not http\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = raw(port, &request).await;
        let line = answer.lines().next().unwrap_or_default();
        // Windows drops an answer that is under way when the rest of the request was not read.
        let dropped = cfg!(windows) && status == "431" && line.is_empty();
        assert!(line.contains(status) || dropped, "{}: {line}", request.lines().next().unwrap());
        assert!(!answer.contains("abc"), "{answer}");
    }
    assert!(consent.waits());
    // One that never finishes its request keeps nobody else from finishing theirs.
    let mut slow = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    let person = Person::of(&rig);
    let back = person.answer(&consent.url, "accept").await;
    let first = person.get(back.as_str()).await;
    assert_eq!(first.status, 303);
    let twice = person.get(back.as_str()).await;
    assert!(twice.status == 409 && twice.text.contains("was used already"), "{}", twice.text);
    assert!(person.follow(&back.join(&first.headers["location"]).unwrap()).await.text.contains("The token is stored"));
    assert_eq!(consent.ended().await.code, Some(0));
    assert_eq!(rig.version_count(TOKEN), 2);
}

/// A request that does not come whole is dropped after a while, and the listener goes on.
#[tokio::test]
async fn a_slow_request_is_dropped() {
    let rig = Rig::new(&due()).await;
    let mut consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let port: u16 = consent.redirect.rsplit_once(':').unwrap().1.parse().unwrap();
    let answer = raw(port, "GET / HTTP/1.1\r\nHost: loc").await;
    assert!(answer.is_empty() || answer.contains("408"), "{answer}");
    assert!(consent.waits());
    assert!(Person::of(&rig).sign_in(&consent.url).await.text.contains("The token is stored"));
}

/// Whoever comes after the right one is told so, whatever they bring.
#[tokio::test]
async fn after_the_code_nothing_else_is_waited_for() {
    let rig = Rig::new(&due()).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let person = Person::of(&rig);
    let (accepted, declined) =
        (person.answer(&consent.url, "accept").await, person.answer(&consent.url, "decline").await);
    let first = person.get(accepted.as_str()).await;
    for late in [accepted.as_str(), declined.as_str(), &consent.redirect] {
        let shown = person.get(late).await;
        assert!(shown.status == 409 && !shown.text.contains("id=\"again\""), "{late}: {}", shown.text);
    }
    assert!(
        person.follow(&accepted.join(&first.headers["location"]).unwrap()).await.text.contains("The token is stored")
    );
    assert_eq!(consent.ended().await.code, Some(0));
}

#[tokio::test]
async fn pages_keep_to_themselves() {
    let rig = Rig::new(&due()).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    let policy = &shown.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    for (header, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
    {
        assert_eq!(shown.headers[header], value);
    }
    assert!(!shown.text.contains("<script") && !shown.text.contains("src="), "{}", shown.text);
    assert_eq!(consent.ended().await.code, Some(0));
}

#[tokio::test]
async fn what_people_call_themselves_is_text_in_a_page() {
    let rig = Rig::with(&due(), |state| {
        let user = state.directory.users.values_mut().next().unwrap();
        user.name = "<img src=x onerror=alert(1)> & \"Ada\"\u{1b}[31m".to_owned();
    })
    .await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    assert!(!shown.text.contains("<img") && shown.text.contains("&#60;img src=x"), "{}", shown.text);
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(0) && !outcome.stdout.contains('\u{1b}'), "{outcome:?}");
}

/// A port that somebody holds on one of the two addresses is none: the browser chooses which one it tries.
#[tokio::test]
async fn a_port_that_is_held_on_either_address_is_skipped() {
    let Ok(probe) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    };
    drop(probe);
    for port in 20_000..20_200 {
        let free = async |port| Listener::open(port..=port).await.is_ok();
        if !(free(port).await && free(port + 1).await && free(port + 2).await) {
            continue;
        }
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port + 1)).await.unwrap();
        assert_eq!(Listener::open(port..=port + 2).await.unwrap().port(), port + 2);
        for held in [port, port + 1] {
            assert_eq!(Listener::open(held..=held).await.unwrap_err().kind, Kind::ConsentListener);
        }
        drop((first, second));
        return;
    }
    panic!("no three free ports");
}

#[tokio::test]
async fn both_addresses_answer_at_the_named_port() {
    let rig = Rig::new(&due()).await;
    let port = (21_000..21_200).find(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap();
    let consent = Consent::start(&rig, &["--yes", "--no-browser", "--port", &port.to_string()]).await;
    assert_eq!(consent.redirect, format!("http://localhost:{port}"));
    let person = Person::of(&rig);
    for address in [format!("http://127.0.0.1:{port}/"), format!("http://[::1]:{port}/")] {
        assert!(person.get(&address).await.text.contains("Waiting for the sign-in"), "{address}");
    }
    let second = rig.call(&["consent", TOKEN, "--yes", "--no-browser", "--port", &port.to_string()]).await;
    assert_eq!(second.code, Some(3), "{second:?}");
    // No world of the sandbox holds a port, so the transcript of this is compared here.
    let transcript = std::fs::read_to_string("tests/transcripts/listener.txt").unwrap();
    assert_eq!(second.stderr.replace(&port.to_string(), "PORT"), transcript);
    drop(consent);
}
