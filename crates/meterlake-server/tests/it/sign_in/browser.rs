//! As much of a browser as the pages need: cookies, forms, no script.

use std::collections::BTreeMap;

use axum::body::Body;
use http::Request;

use super::{PASSWORD, encode};
use crate::world::{Answer, World};

pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, String::new()).await
    }

    pub(crate) async fn send(&mut self, method: &str, target: &str, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", "usage.example.org");
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = self.world.send(request.body(Body::from(body)).unwrap()).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("; Path=/"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Sends the form of a page with these fields filled in.
    pub(crate) async fn submit(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let form = Form::of(page);
        let hidden = form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = encode(hidden.chain(fields.iter().copied()));
        self.send("POST", &form.action, body).await
    }

    pub(crate) async fn sign_in(&mut self, page: &Answer) -> Answer {
        self.submit(page, &[("name", "olga"), ("password", PASSWORD), ("action", "sign-in")]).await
    }

    /// Signs in, and allows where that is asked.
    pub(crate) async fn sign_in_and_allow(&mut self, page: &Answer) -> Answer {
        let consent = self.sign_in(page).await;
        if consent.status == 302 {
            return consent;
        }
        assert!(consent.status == 200 && consent.text().contains("Allow access?"), "{}", consent.text());
        self.submit(&consent, &[("action", "allow")]).await
    }
}

/// The form of a page.
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) hidden: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn of(page: &Answer) -> Self {
        let text = page.text();
        let form = text.split_once("<form ").unwrap_or_else(|| panic!("no form: {text}")).1;
        let hidden = form
            .split("<input type=\"hidden\" ")
            .skip(1)
            .map(|input| (attribute(input, "name"), attribute(input, "value")))
            .collect();
        Self { action: attribute(form, "action"), hidden }
    }
}

/// The first attribute of that name, with its entities replaced.
fn attribute(text: &str, name: &str) -> String {
    let rest = text.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name}: {text}")).1;
    let value = rest.split_once('"').unwrap().0;
    value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}
