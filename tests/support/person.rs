//! A person with a browser that has no scripts, and a sign-in that waits for one.

use std::collections::HashMap;

use reqwest::{Client, Proxy, Response, Url};
use rotator::sandbox::entra::directory::USER;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr};

use super::{Outcome, Rig, soon};

/// A `rotator consent` that waits for somebody to sign in.
pub(crate) struct Consent {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
    pub(crate) url: Url,
    /// Where it waits.
    pub(crate) redirect: String,
}

impl Consent {
    /// Starts one, and reads as far as the address.
    pub(crate) async fn start(rig: &Rig, arguments: &[&str]) -> Self {
        let arguments = [&["consent", super::TOKEN, "--log-level", "off"], arguments].concat();
        Self::of(rig.start(&arguments)).await
    }

    pub(crate) async fn of(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let url = loop {
            let mut line = String::new();
            let read = soon(stderr.read_line(&mut line)).await.unwrap();
            seen.push_str(&line);
            assert!(read > 0, "no address: {seen}");
            if let Ok(url) = Url::parse(line.trim()) {
                break url;
            }
        };
        let redirect = query(&url)["redirect_uri"].clone();
        Self { child, stderr, seen, url, redirect }
    }

    /// Reads on until stderr says this.
    pub(crate) async fn says(&mut self, what: &str) {
        while !self.seen.contains(what) {
            let mut line = String::new();
            let read = soon(self.stderr.read_line(&mut line)).await.unwrap();
            assert!(read > 0, "{what:?} was never said: {}", self.seen);
            self.seen.push_str(&line);
        }
    }

    pub(crate) fn stdin(&mut self) -> &mut tokio::process::ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }

    /// Whether it is still waiting.
    pub(crate) fn waits(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) async fn ended(mut self) -> Outcome {
        drop(self.child.stdin.take());
        soon(self.stderr.read_to_string(&mut self.seen)).await.unwrap();
        let output = soon(self.child.wait_with_output()).await.unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Outcome { code: output.status.code(), stdout, stderr: self.seen }
    }
}

/// The parameters of an address.
pub(crate) fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// What a browser shows.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) address: Url,
    pub(crate) text: String,
    pub(crate) headers: HashMap<String, String>,
}

pub(crate) struct Person {
    client: Client,
    user: String,
    mfa: bool,
}

impl Person {
    /// Ada, with MFA.
    pub(crate) fn of(rig: &Rig) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let environment: HashMap<&str, String> = rig.sandbox.environment().into_iter().collect();
        let ca = reqwest::Certificate::from_pem(&std::fs::read(rig.sandbox.ca_file()).unwrap()).unwrap();
        let proxy = Proxy::https(&environment["HTTPS_PROXY"]).unwrap();
        let client = Client::builder().proxy(proxy).tls_certs_only([ca]).redirect(reqwest::redirect::Policy::none());
        Self { client: client.build().unwrap(), user: USER.to_owned(), mfa: true }
    }

    pub(crate) fn without_mfa(mut self) -> Self {
        self.mfa = false;
        self
    }

    pub(crate) fn named(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// Presses a button of the sign-in page, and returns the address that this leads to.
    pub(crate) async fn answer(&self, url: &Url, button: &str) -> Url {
        let page = self.get(url.as_str()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let mut form = query(url);
        form.insert("user".into(), self.user.clone());
        form.insert("answer".into(), button.into());
        if self.mfa {
            form.insert("mfa".into(), "yes".into());
        }
        let mut action = url.clone();
        let tenant = url.path_segments().unwrap().next().unwrap().to_owned();
        action.set_path(&format!("/{tenant}/login"));
        action.set_query(None);
        let answer = soon(self.client.post(action).form(&form).send()).await.unwrap();
        assert_eq!(answer.status(), 302);
        Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
    }

    /// Signs in, and follows as a browser does until a page stays.
    pub(crate) async fn sign_in(&self, url: &Url) -> Shown {
        let back = self.answer(url, "accept").await;
        self.follow(&back).await
    }

    pub(crate) async fn follow(&self, to: &Url) -> Shown {
        let mut shown = self.get(to.as_str()).await;
        // A page that refreshes itself is not the last.
        while shown.status == 303 || shown.text.contains("http-equiv=\"refresh\"") {
            let next =
                shown.headers.get("location").map_or(shown.address.clone(), |to| shown.address.join(to).unwrap());
            shown = self.get(next.as_str()).await;
        }
        shown
    }

    /// Types a code in at the page for other devices, and returns what that says.
    pub(crate) async fn type_in(&self, code: &str, button: &str) -> String {
        let mut form = HashMap::from([("user_code", code), ("user", self.user.as_str()), ("answer", button)]);
        if self.mfa {
            form.insert("mfa", "yes");
        }
        let answer = soon(self.client.post("https://microsoft.com/devicelogin").form(&form).send()).await.unwrap();
        soon(answer.text()).await.unwrap()
    }

    pub(crate) async fn get(&self, url: &str) -> Shown {
        Self::shown(soon(self.client.get(url).send()).await.unwrap()).await
    }

    pub(crate) async fn shown(response: Response) -> Shown {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let (status, address) = (response.status().as_u16(), response.url().clone());
        Shown { status, address, headers, text: soon(response.text()).await.unwrap() }
    }
}
