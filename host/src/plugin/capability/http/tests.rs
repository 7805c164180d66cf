//! Requests to real servers on this machine: what is granted, and what tries to get around it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use parking_lot::Mutex;
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::event::Fault;
use crate::plugin::capability::secrets::SecretStore;
use crate::plugin::capability::secrets::tests::store;
use crate::plugin::grants::tests::grants;

/// A server that answers each connection's request with the next of its answers, the last again and again.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// How a server ends an answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    Hang,
}

impl Server {
    async fn answering(answers: &[&str]) -> Self {
        Self::start(answers, Then::Close).await
    }

    async fn start(answers: &[&str], then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ears, answers) = (heard.clone(), answers.iter().map(|answer| (*answer).to_owned()).collect::<Vec<_>>());
        tokio::spawn(async move {
            let mut hung = Vec::new();
            for n in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = hear(&mut stream).await;
                ears.lock().push(request);
                let answer = &answers[answers.len().min(n + 1) - 1];
                let _ = stream.write_all(answer.as_bytes()).await;
                if then == Then::Hang {
                    hung.push(stream);
                }
            }
        });
        Self { port, heard }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().clone()
    }
}

/// One request as text, with a body of its content-length.
async fn hear(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
            if body.len() >= length {
                return String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&bytes).into_owned(),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: 1\r\n\r\nhi";

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

/// Names with the addresses that they lead to, one list a question, the last again and again.
#[derive(Default)]
struct Names(Mutex<HashMap<String, Vec<Vec<SocketAddr>>>>);

impl Resolve for Names {
    fn resolve(&self, domain: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let mut names = self.0.lock();
        let answers = names.get_mut(domain).ok_or_else(|| io::Error::other("no such name"))?;
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

fn names(pairs: &[(&str, &[&str])]) -> Reach {
    let names = Names::default();
    for (name, addresses) in pairs {
        let addresses = addresses.iter().map(|list| list.split(' ').map(|a| SocketAddr::new(a.parse().unwrap(), 1)).collect());
        names.0.lock().insert((*name).to_owned(), addresses.collect());
    }
    Reach::new(Client::new(Arc::new(names), TlsProfiles::default()), SecretStore::default())
}

fn get(url: impl Into<String>) -> Request {
    Request { method: "GET".into(), url: url.into(), ..Request::default() }
}

async fn ask(reach: &Reach, granted: &str, request: &Request) -> Result<Response, Refusal> {
    let grants = grants(granted, &[("http", "*"), ("secrets", "*")]);
    let deadline = Instant::now() + Duration::from_secs(60);
    send(reach, &grants, deadline, request).await
}

fn granting(origins: &[&str]) -> String {
    format!("http = {origins:?}")
}

#[tokio::test]
async fn a_granted_origin_is_asked_and_its_answer_told() {
    let server = Server::answering(&[OK]).await;
    let request = Request { headers: vec![("X-B".into(), "2".into())], ..get(format!("{}/x?y=1#z", server.origin())) };
    let response = ask(&Reach::default(), &granting(&[&server.origin()]), &request).await.unwrap();
    assert_eq!((response.status, response.body.as_slice(), response.truncated), (200, &b"hi"[..], false));
    assert!(response.headers.contains(&("x-a".into(), "1".into())));
    assert_eq!(response.remote_address, format!("127.0.0.1:{}", server.port));
    let timing = response.timing;
    assert!(timing.resolve_ms.is_none() && timing.tls_ms.is_none(), "an address is not resolved, http has no handshake");
    assert!(timing.connect_ms.is_some() && timing.first_byte_ms.unwrap() <= timing.total_ms);
    let heard = &server.heard()[0];
    assert!(heard.starts_with("GET /x?y=1 HTTP/1.1\r\n"), "{heard}");
    for line in [&format!("host: 127.0.0.1:{}\r\n", server.port), "x-b: 2\r\n", "user-agent: vigie/", "connection: close\r\n"] {
        assert!(heard.contains(line), "{line} in {heard}");
    }
}

#[tokio::test]
async fn nothing_leaves_without_request_and_grant() {
    let server = Server::answering(&[OK]).await;
    let refusal = ask(&Reach::default(), "", &get(server.origin())).await.unwrap_err();
    assert_eq!(refusal.fault(), Fault::Denied);
    let line = format!("`http = [\"{}\"]` under `[grants]` in test.toml", server.origin());
    assert!(refusal.to_string().contains(&line), "{refusal}");
    let unrequested = grants(&granting(&[&server.origin()]), &[]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let refusal = send(&Reach::default(), &unrequested, deadline, &get(server.origin())).await.unwrap_err();
    assert_eq!(refusal.fault(), Fault::Denied);
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn a_name_is_connected_to_at_the_address_that_was_judged() {
    let server = Server::answering(&[OK]).await;
    let port = server.port;
    // The second answer is what a rebinding name would say to whoever asks again.
    let reach = names(&[("shop.example", &["127.0.0.1", "169.254.169.254"])]);
    let granted = granting(&[&format!("http://shop.example:{port}")]);
    let response = ask(&reach, &granted, &get(format!("http://shop.example:{port}/"))).await.unwrap();
    assert_eq!(response.remote_address, format!("127.0.0.1:{port}"));
    assert!(response.timing.resolve_ms.is_some());
    assert!(server.heard()[0].contains(&format!("host: shop.example:{port}\r\n")));
    let again = ask(&reach, &granted, &get(format!("http://shop.example:{port}/"))).await.unwrap_err();
    assert_eq!(again.fault(), Fault::Denied, "rebound: {again}");
}

#[tokio::test]
async fn a_name_leads_to_no_address_that_only_its_own_name_grants() {
    for (name, granted, address, grant) in [
        ("a.example", "http://a.example", "169.254.169.254", Some("http://169.254.169.254:80")),
        ("a.example", "http://a.example", "::ffff:169.254.169.254", Some("http://[::ffff:a9fe:a9fe]:80")),
        ("a.example", "http://a.example", "fd00:ec2::254", Some("http://[fd00:ec2::254]:80")),
        ("a.example", "http://a.example", "0.0.0.0", Some("http://0.0.0.0:80")),
        ("a.example", "http://a.example", "224.0.0.1", Some("http://224.0.0.1:80")),
        ("a.example", "http://*.example", "127.0.0.1", Some("http://a.example:80")),
        ("a.example", "http://*.example", "10.0.0.1", Some("http://a.example:80")),
    ] {
        let refusal =
            ask(&names(&[(name, &[address])]), &granting(&[granted]), &get(format!("http://{name}/"))).await.unwrap_err();
        assert_eq!(refusal.fault(), Fault::Denied, "{address}: {refusal}");
        let grant = grant.map(|grant| format!("\"{grant}\"]`")).unwrap();
        assert!(refusal.to_string().contains(&grant) && refusal.to_string().contains(address), "{refusal}");
    }
}

#[tokio::test]
async fn of_several_addresses_those_that_may_be_are_tried_in_turn() {
    let server = Server::answering(&[OK]).await;
    let port = server.port;
    // Nobody listens at 127.0.0.2 on this port.
    let reach = names(&[("shop.example", &["169.254.169.254 127.0.0.2 127.0.0.1"])]);
    let granted = granting(&[&format!("http://shop.example:{port}")]);
    let response = ask(&reach, &granted, &get(format!("http://shop.example:{port}/"))).await.unwrap();
    assert_eq!(response.remote_address, format!("127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_redirect_is_followed_within_the_grants_only() {
    let end = Server::answering(&[OK]).await;
    for (to, expected) in [
        (end.origin(), Ok(200)),
        ("http://169.254.169.254/latest/meta-data".to_owned(), Err(Fault::Denied)),
        ("http://localhost:1/".to_owned(), Err(Fault::Denied)),
        ("file:///etc/shadow".to_owned(), Err(Fault::Permanent)),
    ] {
        let server = Server::answering(&[&redirect(&to)]).await;
        let request = Request { redirects_max: 3, ..get(server.origin()) };
        let answer = ask(&Reach::default(), &granting(&[&server.origin(), &end.origin()]), &request).await;
        assert_eq!(answer.as_ref().map(|response| response.status).map_err(Refusal::fault), expected, "{to}");
        if let Ok(response) = answer {
            assert_eq!(response.url, format!("{}/", end.origin()));
        }
    }
}

#[tokio::test]
async fn a_redirect_beyond_the_bound_is_the_answer() {
    let server = Server::answering(&[&redirect("/again")]).await;
    for (redirects_max, asked) in [(0, 1), (2, 1 + 3), (255, 4 + 1 + usize::from(REDIRECTS_MAX))] {
        let request = Request { redirects_max, ..get(server.origin()) };
        let response = ask(&Reach::default(), &granting(&[&server.origin()]), &request).await.unwrap();
        assert_eq!((response.status, server.heard().len()), (302, asked));
    }
}

#[tokio::test]
async fn a_body_is_cut_at_its_bound() {
    let server = Server::answering(&["HTTP/1.1 200 OK\r\n\r\n0123456789"]).await;
    let granted = granting(&[&server.origin()]);
    for (bytes_max, body, truncated) in [(4, "0123", true), (10, "0123456789", false), (11, "0123456789", false), (0, "", true)]
    {
        let request = Request { body_bytes_max: Some(bytes_max), ..get(server.origin()) };
        let response = ask(&Reach::default(), &granted, &request).await.unwrap();
        assert_eq!((response.body.as_slice(), response.truncated), (body.as_bytes(), truncated));
    }
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_a_timeout() {
    for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n012"] {
        let server = Server::start(&[answer], Then::Hang).await;
        let request = Request { timeout_ms: Some(50), ..get(server.origin()) };
        let refusal = ask(&Reach::default(), &granting(&[&server.origin()]), &request).await.unwrap_err();
        assert_eq!(refusal.fault(), Fault::Timeout, "{answer}: {refusal}");
    }
}

#[tokio::test]
async fn what_is_no_answer_says_so() {
    let head = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(300_000));
    for (answer, expected) in [
        ("SSH-2.0-OpenSSH\r\n", "is no HTTP"),
        (&head, "is no HTTP with a head of at most 128 headers"),
        (&long, "is no HTTP with a head of at most"),
        ("", "broke"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n012", "broke"),
    ] {
        let server = Server::answering(&[answer]).await;
        let refusal = ask(&Reach::default(), &granting(&[&server.origin()]), &get(server.origin())).await.unwrap_err();
        assert_eq!(refusal.fault(), Fault::Transient, "{refusal}");
        assert!(refusal.to_string().contains(expected), "{refusal}");
    }
    let nobody = "http://127.0.0.1:1";
    let refusal = ask(&Reach::default(), &granting(&[nobody]), &get(nobody)).await.unwrap_err();
    assert!(refusal.to_string().starts_with("cannot connect to `http://127.0.0.1:1`"), "{refusal}");
    let refusal = ask(&names(&[]), &granting(&["http://gone.example"]), &get("http://gone.example")).await.unwrap_err();
    assert_eq!(refusal, Refusal::transient("cannot resolve `gone.example`: no such name"));
}

/// A reach with the secret `token`.
fn keeping(secret: &str) -> (Reach, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let secrets = store(directory.path(), &[("token", secret)]);
    (Reach::new(Client::default(), secrets), directory)
}

fn fill(encoding: Encoding) -> Vec<Fill> {
    vec![Fill { placeholder: "{{token}}".into(), secret: "token".into(), encoding, user: "me".into() }]
}

#[tokio::test]
async fn a_secret_is_filled_into_url_headers_and_body_and_never_comes_back() {
    let server = Server::answering(&["HTTP/1.1 200 OK\r\nx-echo: s3cr/t\r\n\r\nyou said s3cr/t and s3cr%2Ft"]).await;
    let (reach, _directory) = keeping("s3cr/t");
    let granted = format!("{}\nsecrets = {{ token = [{:?}] }}", granting(&[&server.origin()]), server.origin());
    let request = Request {
        method: "POST".into(),
        headers: vec![("authorization".into(), "Bearer {{token}}".into())],
        body: Some(b"{\"t\":\"{{token}}\"}".to_vec()),
        fills: fill(Encoding::Url),
        ..get(format!("{}/?t={{{{token}}}}", server.origin()))
    };
    let response = ask(&reach, &granted, &request).await.unwrap();
    let heard = &server.heard()[0];
    for part in ["POST /?t=s3cr%2Ft ", "authorization: Bearer s3cr%2Ft\r\n", "{\"t\":\"s3cr%2Ft\"}"] {
        assert!(heard.contains(part), "{part} in {heard}");
    }
    assert_eq!(response.url, request.url);
    assert!(!format!("{response:?}").contains("s3cr"), "{response:?}");
    assert_eq!(response.body, b"you said [secret] and [secret]");
}

#[tokio::test]
async fn a_secret_goes_only_where_it_is_granted_for() {
    let server = Server::answering(&[OK]).await;
    let (reach, directory) = keeping("hunter2");
    let http = granting(&[&server.origin()]);
    let request = Request { fills: fill(Encoding::Plain), ..get(format!("{}/{{{{token}}}}", server.origin())) };
    for granted in [http.clone(), format!("{http}\nsecrets = {{ token = [\"https://shop.example\"] }}")] {
        let refusal = ask(&reach, &granted, &request).await.unwrap_err();
        assert_eq!(refusal.fault(), Fault::Denied);
        assert!(refusal.to_string().contains("`secrets = { token = ["), "{refusal}");
    }
    let granted = format!("{http}\nsecrets = {{ token = [{:?}] }}", server.origin());
    for (secret, fault) in [("", Fault::Config), ("a\r\nb", Fault::Permanent)] {
        std::fs::write(directory.path().join("token"), secret).unwrap();
        let headers = vec![("x-t".into(), "{{token}}".into())];
        let refusal = ask(&reach, &granted, &Request { headers, ..request.clone() }).await.unwrap_err();
        assert_eq!(refusal.fault(), fault, "{refusal}");
    }
    std::fs::write(directory.path().join("token"), "@evil.example:80").unwrap();
    let request = Request { url: "http://127.0.0.1{{token}}/".into(), ..request };
    assert!(ask(&reach, &granted, &request).await.is_err(), "a secret cannot change the origin");
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn a_redirect_elsewhere_takes_no_secret_along() {
    let end = Server::answering(&[OK]).await;
    let (reach, _directory) = keeping("hunter2");
    for status in ["302 Found", "307 Temporary Redirect"] {
        for body in [None, Some(b"{{token}}".to_vec())] {
            let answer = format!("HTTP/1.1 {status}\r\nlocation: {}/?echo\r\ncontent-length: 0\r\n\r\n", end.origin());
            let server = Server::answering(&[&answer]).await;
            let (first, last) = (server.origin(), end.origin());
            // Even where the secret is granted for both.
            let granted = format!("{}\nsecrets = {{ token = [{first:?}, {last:?}] }}", granting(&[&first, &last]));
            let request = Request {
                method: "POST".into(),
                headers: vec![("x-t".into(), "{{token}}".into()), ("x-kept".into(), "1".into())],
                body: body.clone(),
                fills: fill(Encoding::Plain),
                redirects_max: 1,
                ..get(&first)
            };
            let answer = ask(&reach, &granted, &request).await;
            assert!(server.heard()[0].contains("x-t: hunter2"));
            if status.starts_with("307") && body.is_some() {
                assert!(answer.unwrap_err().to_string().contains("would take the body with its secret"));
            } else {
                assert_eq!(answer.unwrap().status, 200);
                let heard = end.heard().pop().unwrap();
                assert!(heard.contains("x-kept: 1") && !heard.contains("hunter2") && !heard.contains("x-t"), "{heard}");
            }
        }
    }
}

#[tokio::test]
async fn a_tls_server_shows_its_certificates_to_who_trusts_it() {
    let key = rcgen::generate_simple_self_signed(vec!["shop.example".into()]).unwrap();
    let chain = vec![key.cert.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain.clone(), private).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            hear(&mut stream).await;
            let _ = stream.write_all(OK.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let trusting = Arc::new(tls::client_config(roots).unwrap());
    let nobody = Arc::new(tls::client_config(RootCertStore::empty()).unwrap());
    let profiles = TlsProfiles::new([("shop".to_owned(), trusting)].into(), Some(nobody));
    let names = Names::default();
    for name in ["shop.example", "other.example"] {
        names.0.lock().insert(name.into(), vec![vec![SocketAddr::from(([127, 0, 0, 1], 1))]]);
    }
    let reach = Reach::new(Client::new(Arc::new(names), profiles), SecretStore::default());
    let granted = granting(&[&format!("https://shop.example:{port}"), &format!("https://other.example:{port}")]);
    let to = |host: &str, profile: Option<&str>| Request {
        tls_profile: profile.map(str::to_owned),
        ..get(format!("https://{host}:{port}/"))
    };
    let response = ask(&reach, &granted, &to("shop.example", Some("shop"))).await.unwrap();
    assert!(response.timing.tls_ms.is_some());
    let certificate = &response.certificates[0];
    assert_eq!((certificate.names.as_slice(), certificate.sha256.len()), (&["shop.example".to_owned()][..], 64));
    assert!(certificate.not_before_ms < certificate.not_after_ms && certificate.subject.contains("rcgen"));
    for (host, profile, fault, says) in [
        ("shop.example", None, Fault::Transient, "TLS with"),
        ("other.example", Some("shop"), Fault::Transient, "TLS with"),
        ("shop.example", Some("shp"), Fault::Config, "unknown tls profile `shp`, known are `shop`"),
    ] {
        let refusal = ask(&reach, &granted, &to(host, profile)).await.unwrap_err();
        assert!(refusal.fault() == fault && refusal.to_string().contains(says), "{refusal}");
    }
}

#[tokio::test]
async fn the_machines_trust_is_there_also_where_the_machine_has_none() {
    assert!(TlsProfiles::default().get(None).await.is_ok());
}
