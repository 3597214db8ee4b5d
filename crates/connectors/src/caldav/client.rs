//! One calendar on the server: reading it, and writing meetings under conditions.

use hyper::StatusCode;
use personas::{Booking, TimeRange, book};
use url::Url;

use super::{
    error::CaldavError,
    http::{Answer, Ask, Http},
    xml::{self, CALDAV, Element},
};

const ICALENDAR: &str = "text/calendar; charset=utf-8";
const XML: &str = "application/xml; charset=utf-8";

/// One calendar of an account.
#[derive(Clone)]
pub struct Collection {
    http: Http,
    url: Url,
    writable: bool,
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collection")
            .field("url", &self.url.as_str())
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}

/// A time that is kept free in a calendar until it is confirmed or released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The event.
    pub url: Url,
    /// What it was when we last wrote it. `None` where the server does not tell.
    pub etag: Option<String>,
    booking: Booking,
}

impl Collection {
    pub(super) fn new(http: Http, url: Url, writable: bool) -> Self {
        Self { http, url, writable }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Writes a meeting as confirmed. Booking the same one again changes nothing.
    ///
    /// # Errors
    /// [`CaldavError`]; [`CaldavError::Changed`] when another event lies where it would.
    pub async fn book(&self, booking: &Booking) -> Result<(), CaldavError> {
        match self.put_new(booking, true).await {
            Err(CaldavError::Changed) => self.is_there(booking).await,
            done => done.map(|_| ()),
        }
    }

    /// Keeps a time free, as a tentative event. Holding the same one again changes nothing.
    ///
    /// # Errors
    /// [`CaldavError`]; [`CaldavError::Changed`] when another event lies where it would.
    pub async fn hold(&self, booking: &Booking) -> Result<Held, CaldavError> {
        match self.put_new(booking, false).await {
            Err(CaldavError::Changed) => {
                self.is_there(booking).await?;
                self.look(booking).await
            }
            done => done,
        }
    }

    /// Makes a held time a meeting, unless somebody else changed it meanwhile.
    ///
    /// # Errors
    /// [`CaldavError::Changed`] when it is not what was held any more.
    pub async fn confirm(&self, held: &Held) -> Result<Held, CaldavError> {
        let held = self.with_etag(held).await?;
        let text = event(&held.booking, true)?;
        let etag = held.etag.clone().unwrap_or_default();
        let answer = self.put(&held.url, &text, ("if-match", etag)).await?;
        self.written(answer, held.booking).await
    }

    /// Gives a held time free again, unless somebody else changed it meanwhile. One that is gone
    /// already is released.
    ///
    /// # Errors
    /// [`CaldavError::Changed`] when it is not what was held any more.
    pub async fn release(&self, held: &Held) -> Result<(), CaldavError> {
        let held = match self.with_etag(held).await {
            Err(CaldavError::Changed) => return Ok(()),
            held => held?,
        };
        let headers = held.etag.into_iter().map(|etag| ("if-match", etag)).collect();
        let answer = self.ask("to delete an event", "DELETE", &held.url, headers, "", XML).await?;
        match answer.status {
            200 | 202 | 204 | 404 | 410 => Ok(()),
            412 => Err(CaldavError::Changed),
            status => Err(CaldavError::Refused { what: "to delete an event", status }),
        }
    }

    /// When the server itself says that its owner is busy (RFC 4791, 7.10): the text of a
    /// VFREEBUSY component.
    ///
    /// # Errors
    /// [`CaldavError`]; many servers do not answer this question.
    pub async fn free_busy(&self, window: TimeRange) -> Result<String, CaldavError> {
        let body = format!(
            r#"<?xml version="1.0" encoding="utf-8"?><c:free-busy-query xmlns:c="{CALDAV}"><c:time-range start="{}" end="{}"/></c:free-busy-query>"#,
            basic(window.start_ms),
            basic(window.end_ms),
        );
        let what = "for free and busy times";
        let depth = vec![("depth", "1".to_owned())];
        let answer = self.ask(what, "REPORT", &self.url, depth, &body, XML).await?;
        Ok(answer.expecting(what, &[StatusCode::OK])?.body)
    }

    /// Asks for a report or properties of the calendar itself.
    pub(super) async fn report(
        &self,
        what: &'static str,
        method: &'static str,
        depth: &str,
        body: &str,
    ) -> Result<(u16, Option<Element>, Url), CaldavError> {
        let headers = vec![("depth", depth.to_owned())];
        let answer = self.ask(what, method, &self.url, headers, body, XML).await?;
        let root = match answer.status {
            207 => Some(Element::parse(what, &answer.body)?),
            _ => None,
        };
        Ok((answer.status, root, answer.url))
    }

    /// An address the server names in an answer.
    pub(super) fn resolve(&self, href: &str) -> Result<Url, CaldavError> {
        self.http.account().resolve(&self.url, href)
    }

    async fn put_new(&self, booking: &Booking, is_certain: bool) -> Result<Held, CaldavError> {
        if !self.writable {
            return Err(CaldavError::ReadOnly);
        }
        let text = event(booking, is_certain)?;
        let url = self.place_of(booking)?;
        let answer = self.put(&url, &text, ("if-none-match", "*".to_owned())).await?;
        self.written(answer, booking.clone()).await
    }

    async fn written(&self, answer: Answer, booking: Booking) -> Result<Held, CaldavError> {
        Ok(Held { url: answer.url, etag: answer.etag, booking })
    }

    async fn put(
        &self,
        url: &Url,
        text: &str,
        condition: (&'static str, String),
    ) -> Result<Answer, CaldavError> {
        if !self.writable {
            return Err(CaldavError::ReadOnly);
        }
        let what = "to write an event";
        let answer = self.ask(what, "PUT", url, vec![condition], text, ICALENDAR).await?;
        match answer.status {
            200 | 201 | 204 => Ok(answer),
            // A server may also see that another resource has this UID.
            404 | 409 | 412 => Err(CaldavError::Changed),
            403 => Err(CaldavError::ReadOnly),
            status => Err(CaldavError::Refused { what, status }),
        }
    }

    /// The event that stands in a meeting's place, if it is that meeting.
    async fn is_there(&self, booking: &Booking) -> Result<(), CaldavError> {
        let url = self.place_of(booking)?;
        let what = "to read an event";
        let answer = self.ask(what, "GET", &url, Vec::new(), "", XML).await?;
        let uid = answer.body.replace("\r\n ", "").replace("\n ", "");
        let uid = uid.lines().find_map(|line| line.trim_end().strip_prefix("UID:"));
        match (answer.status, uid) {
            (200, Some(uid)) if uid == booking.uid => Ok(()),
            _ => Err(CaldavError::Changed),
        }
    }

    async fn look(&self, booking: &Booking) -> Result<Held, CaldavError> {
        let url = self.place_of(booking)?;
        let answer = self.ask("to read an event", "GET", &url, Vec::new(), "", XML).await?;
        match answer.status {
            200 => Ok(Held { url, etag: answer.etag, booking: booking.clone() }),
            _ => Err(CaldavError::Changed),
        }
    }

    /// The same with an entity tag, asked for where the server did not give one when it was
    /// written.
    async fn with_etag(&self, held: &Held) -> Result<Held, CaldavError> {
        match held.etag {
            Some(_) => Ok(held.clone()),
            None => self.look(&held.booking).await,
        }
    }

    /// Where a meeting lies: its UID is chosen by us, so that two nodes never choose one place.
    fn place_of(&self, booking: &Booking) -> Result<Url, CaldavError> {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let name: String = booking.uid.chars().map(safe).take(200).collect();
        let mut url = self.url.clone();
        let mut segments =
            url.path_segments_mut().map_err(|()| CaldavError::Address("it has no path"))?;
        segments.pop_if_empty().push(&format!("{name}.ics"));
        drop(segments);
        Ok(url)
    }

    async fn ask(
        &self,
        what: &'static str,
        method: &'static str,
        url: &Url,
        headers: Vec<(&'static str, String)>,
        body: &str,
        content_type: &'static str,
    ) -> Result<Answer, CaldavError> {
        self.http.ask(url, &Ask { what, method, headers, content_type, body }).await
    }
}

/// The text of a meeting alone in its calendar object, confirmed or tentative.
fn event(booking: &Booking, is_certain: bool) -> Result<String, CaldavError> {
    let text = book("", booking)?;
    Ok(match is_certain {
        true => text,
        false => text.replacen("\r\nSTATUS:CONFIRMED\r\n", "\r\nSTATUS:TENTATIVE\r\n", 1),
    })
}

/// An instant as `20261201T090000Z`.
fn basic(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The body of a calendar-multiget for these addresses.
pub(super) fn multiget(hrefs: &[String]) -> String {
    let hrefs: String =
        hrefs.iter().map(|href| format!("<d:href>{}</d:href>", xml::escape(href))).collect();
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><c:calendar-multiget xmlns:d="DAV:" xmlns:c="{CALDAV}"><d:prop><d:getetag/><c:calendar-data/></d:prop>{hrefs}</c:calendar-multiget>"#
    )
}
