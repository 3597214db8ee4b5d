//! From an address to the calendars behind it (RFC 6764, RFC 4791 section 6.2).

use hyper::StatusCode;
use url::Url;

use super::{
    account::Account,
    client::Collection,
    error::CaldavError,
    http::{Ask, Http},
    xml::{self, CALDAV, DAV, Element},
};

/// Most calendars of one account.
const CALENDARS_MAX: usize = 100;

/// Longest name of a calendar that is kept.
const NAME_CHARS_MAX: usize = 100;

/// A calendar that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub url: Url,
    /// What its owner calls it.
    pub name: String,
    /// Whether the account may write it.
    pub writable: bool,
}

impl Account {
    /// The calendars that can hold events, by the address the owner gave: a calendar itself, its
    /// home, the principal, or just the server.
    ///
    /// # Errors
    /// [`CaldavError`]; [`CaldavError::NoCalendar`] when the server is none for calendars.
    pub async fn discover(&self) -> Result<Vec<Found>, CaldavError> {
        let http = Http::new(self.clone())?;
        let principal_there = self.url().path() != "/";
        let well_known = self.resolve(self.url(), "/.well-known/caldav")?;
        let mut starts = vec![well_known, self.resolve(self.url(), "/")?];
        if principal_there {
            starts.insert(0, self.url().clone());
        }
        let mut refused = None;
        for start in starts {
            match calendars_from(&http, &start).await {
                Ok(calendars) if calendars.is_empty() => {}
                Ok(calendars) => return Ok(calendars),
                // A server that only knows one of these addresses refuses the others.
                Err(error @ CaldavError::Refused { .. }) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(match refused {
            Some(error @ CaldavError::Refused { status: 500.., .. }) => error,
            _ => CaldavError::NoCalendar(self.url().to_string()),
        })
    }

    /// One calendar of the account, ready to be read and written.
    ///
    /// # Errors
    /// [`CaldavError::Invalid`] when TLS cannot be set up.
    pub fn open(&self, found: &Found) -> Result<Collection, CaldavError> {
        Ok(Collection::new(Http::new(self.clone())?, found.url.clone(), found.writable))
    }
}

async fn calendars_from(http: &Http, start: &Url) -> Result<Vec<Found>, CaldavError> {
    let properties = "<d:current-user-principal/><c:calendar-home-set/><d:resourcetype/>";
    let (root, at) = propfind(http, start, "0", properties).await?;
    let parts = xml::parts("where are calendars", &root)?;
    let Some(part) = parts.first() else { return Ok(Vec::new()) };
    let is_calendar = part
        .property(DAV, "resourcetype")
        .is_some_and(|kind| kind.child(CALDAV, "calendar").is_some());
    if is_calendar {
        let calendars = list(http, &at, "0").await?;
        if !calendars.is_empty() {
            return Ok(calendars);
        }
    }
    let mut homes = homes(http, &at, part.property(CALDAV, "calendar-home-set"))?;
    if homes.is_empty() {
        let principal = part
            .property(DAV, "current-user-principal")
            .and_then(|principal| principal.child(DAV, "href"))
            .map(|href| http.account().resolve(&at, href.text()))
            .transpose()?;
        if let Some(principal) = principal {
            let (root, at) = propfind(http, &principal, "0", "<c:calendar-home-set/>").await?;
            let parts = xml::parts("the calendar home", &root)?;
            let home = parts.first().and_then(|part| part.property(CALDAV, "calendar-home-set"));
            homes = self::homes(http, &at, home)?;
        }
    }
    let mut calendars = Vec::new();
    for home in homes {
        calendars.extend(list(http, &home, "1").await?);
    }
    calendars.truncate(CALENDARS_MAX);
    Ok(calendars)
}

fn homes(http: &Http, base: &Url, set: Option<&Element>) -> Result<Vec<Url>, CaldavError> {
    let hrefs = set.into_iter().flat_map(|set| set.children(DAV, "href"));
    hrefs.take(8).map(|href| http.account().resolve(base, href.text())).collect()
}

/// The calendars at and below an address that can hold events.
async fn list(http: &Http, home: &Url, depth: &str) -> Result<Vec<Found>, CaldavError> {
    let properties = "<d:resourcetype/><d:displayname/><d:current-user-privilege-set/>\
         <c:supported-calendar-component-set/>";
    let (root, at) = propfind(http, home, depth, properties).await?;
    let mut found = Vec::new();
    for part in xml::parts("the list of calendars", &root)? {
        let kind = part.property(DAV, "resourcetype");
        if kind.is_none_or(|kind| kind.child(CALDAV, "calendar").is_none()) {
            continue;
        }
        let components = part.property(CALDAV, "supported-calendar-component-set");
        let events = components.is_none_or(|components| {
            components.children(CALDAV, "comp").any(|comp| {
                comp.attribute("name").is_some_and(|name| name.eq_ignore_ascii_case("VEVENT"))
            })
        });
        if !events {
            continue;
        }
        let url = http.account().resolve(&at, part.href)?;
        let name = part.property(DAV, "displayname").map(Element::text).unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        let last = url.path_segments().into_iter().flatten().rfind(|part| !part.is_empty());
        let name = if name.is_empty() { last.unwrap_or("calendar").to_owned() } else { name };
        let writable = part.property(DAV, "current-user-privilege-set").is_none_or(may_write);
        found.push(Found { url, name, writable });
    }
    Ok(found)
}

fn may_write(privileges: &Element) -> bool {
    let grants = ["write", "all", "write-content", "bind"];
    privileges
        .children(DAV, "privilege")
        .flat_map(Element::all)
        .any(|privilege| grants.iter().any(|name| privilege.is(DAV, name)))
}

async fn propfind(
    http: &Http,
    url: &Url,
    depth: &str,
    properties: &str,
) -> Result<(Element, Url), CaldavError> {
    let body = xml::propfind(properties);
    let ask = Ask {
        what: "to look for calendars",
        method: "PROPFIND",
        headers: vec![("depth", depth.to_owned())],
        content_type: "application/xml; charset=utf-8",
        body: &body,
    };
    let answer = http.ask(url, &ask).await?.expecting(ask.what, &[StatusCode::MULTI_STATUS])?;
    Ok((Element::parse(ask.what, &answer.body)?, answer.url))
}
