//! A copy of a calendar that asks only for what changed.

use std::collections::BTreeMap;

use personas::calendar::{BYTES_MAX, EVENTS_MAX};

use super::{
    client::{Collection, multiget},
    error::CaldavError,
    xml::{self, CALDAV, DAV, Part},
};

/// Events fetched with one request.
const BATCH: usize = 100;

/// Rounds of one synchronisation; a server may give its changes in portions.
const ROUNDS_MAX: usize = 200;

/// What is known of one calendar.
#[derive(Debug, Default)]
pub struct Mirror {
    /// The server's word for how far we have read. `None` before the first time and where the
    /// server has none.
    token: Option<String>,
    objects: BTreeMap<String, Object>,
}

#[derive(Debug)]
struct Object {
    etag: String,
    text: String,
}

impl Mirror {
    /// Brings the copy up to date, and says how many events were fetched or removed.
    ///
    /// # Errors
    /// [`CaldavError`]; the copy is then as old as before or partly newer, and the next try goes
    /// on from there.
    pub async fn sync(&mut self, calendar: &Collection) -> Result<usize, CaldavError> {
        match self.sync_changes(calendar).await {
            Err(CaldavError::Refused {
                status: 400 | 403 | 404 | 405 | 409 | 412 | 501, ..
            }) => {
                if self.token.take().is_some() {
                    // The token is too old, and everything is compared anew.
                    return self.compare(calendar).await;
                }
                self.compare(calendar).await
            }
            done => done,
        }
    }

    /// The calendars as one text: one VCALENDAR with everybody's components.
    pub fn text<'a>(mirrors: impl IntoIterator<Item = &'a Self>) -> Result<String, CaldavError> {
        let mut text =
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Conclave//Conclave//EN\r\n".to_owned();
        for object in mirrors.into_iter().flat_map(|mirror| mirror.objects.values()) {
            push_components(&mut text, &object.text);
            if text.len() > BYTES_MAX {
                let what = "for the calendars";
                return Err(CaldavError::TooLarge { what, max: BYTES_MAX });
            }
        }
        text.push_str("END:VCALENDAR\r\n");
        Ok(text)
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// RFC 6578: what changed since the token.
    async fn sync_changes(&mut self, calendar: &Collection) -> Result<usize, CaldavError> {
        let what = "for what changed";
        let mut changes = 0;
        // Without a token the server tells everything it has; what it does not name is gone.
        let mut named = self.token.is_none().then(Vec::new);
        for _ in 0..ROUNDS_MAX {
            let token = xml::escape(self.token.as_deref().unwrap_or_default());
            let body = format!(
                r#"<?xml version="1.0" encoding="utf-8"?><d:sync-collection xmlns:d="DAV:"><d:sync-token>{token}</d:sync-token><d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>"#
            );
            let (status, root, _) = calendar.report(what, "REPORT", "0", &body).await?;
            let Some(root) = root else { return Err(CaldavError::Refused { what, status }) };
            let next = root.child(DAV, "sync-token").map(|token| token.text().to_owned());
            let Some(next) = next.filter(|token| !token.is_empty()) else {
                return Err(CaldavError::Refused { what, status: 501 });
            };
            let parts = xml::parts(what, &root)?;
            let is_partial = parts.iter().any(|part| part.status == Some(507));
            let mut wanted = Vec::new();
            for part in parts.iter().filter(|part| part.status != Some(507)) {
                let href = calendar.resolve(part.href)?;
                let href = href.path().to_owned();
                if href == calendar.url().path() {
                    continue;
                }
                if part.status.is_some_and(|status| status / 100 == 4) {
                    changes += usize::from(self.objects.remove(&href).is_some());
                    continue;
                }
                if let Some(named) = &mut named {
                    named.push(href.clone());
                }
                wanted.extend(self.outdated(&href, part).then_some(href));
            }
            changes += self.fetch(calendar, &wanted).await?;
            let stuck = self.token.as_deref() == Some(next.as_str());
            self.token = Some(next);
            if !is_partial || stuck {
                if let Some(named) = named {
                    changes += self.keep_only(named);
                }
                return Ok(changes);
            }
        }
        Err(CaldavError::Malformed { what, reason: "it has no end".into() })
    }

    /// Without sync-collection: every entity tag is compared.
    async fn compare(&mut self, calendar: &Collection) -> Result<usize, CaldavError> {
        let what = "for the entity tags";
        let body = xml::propfind("<d:getetag/><d:resourcetype/>");
        let (status, root, _) = calendar.report(what, "PROPFIND", "1", &body).await?;
        let Some(root) = root else { return Err(CaldavError::Refused { what, status }) };
        let mut named = Vec::new();
        let mut wanted = Vec::new();
        for part in xml::parts(what, &root)? {
            let href = calendar.resolve(part.href)?.path().to_owned();
            let kind = part.property(DAV, "resourcetype");
            let is_folder = kind.is_some_and(|kind| kind.child(DAV, "collection").is_some());
            if is_folder || part.property(DAV, "getetag").is_none() {
                continue;
            }
            wanted.extend(self.outdated(&href, &part).then(|| href.clone()));
            named.push(href);
        }
        let changes = self.fetch(calendar, &wanted).await?;
        Ok(changes + self.keep_only(named))
    }

    fn outdated(&self, href: &str, part: &Part<'_>) -> bool {
        let etag = part.property(DAV, "getetag").map(|etag| etag.text());
        let known = self.objects.get(href).map(|object| object.etag.as_str());
        known.is_none() || etag.is_none() || known != etag
    }

    fn keep_only(&mut self, named: Vec<String>) -> usize {
        let named: std::collections::BTreeSet<String> = named.into_iter().collect();
        let before = self.objects.len();
        self.objects.retain(|href, _| named.contains(href));
        before - self.objects.len()
    }

    async fn fetch(
        &mut self,
        calendar: &Collection,
        hrefs: &[String],
    ) -> Result<usize, CaldavError> {
        let what = "for events";
        let mut fetched = 0;
        for batch in hrefs.chunks(BATCH) {
            let (status, root, _) = calendar.report(what, "REPORT", "1", &multiget(batch)).await?;
            let Some(root) = root else { return Err(CaldavError::Refused { what, status }) };
            for part in xml::parts(what, &root)? {
                let href = calendar.resolve(part.href)?.path().to_owned();
                let Some(data) = part.property(CALDAV, "calendar-data") else {
                    // Removed between the two requests; the next synchronisation says so again.
                    self.objects.remove(&href);
                    continue;
                };
                let etag = part.property(DAV, "getetag").map(|etag| etag.text().to_owned());
                let object =
                    Object { etag: etag.unwrap_or_default(), text: data.raw_text().to_owned() };
                self.objects.insert(href, object);
                fetched += 1;
            }
            let bytes: usize = self.objects.values().map(|object| object.text.len()).sum();
            if bytes > BYTES_MAX || self.objects.len() > EVENTS_MAX {
                // What a persona cannot read is not kept either.
                self.objects.clear();
                self.token = None;
                return Err(CaldavError::TooLarge { what, max: BYTES_MAX });
            }
        }
        Ok(fetched)
    }
}

/// What lies between BEGIN:VCALENDAR and END:VCALENDAR, without the calendar's own properties.
fn push_components(text: &mut String, object: &str) {
    let mut depth = 0usize;
    for line in object.lines() {
        let upper = line.trim_end().to_ascii_uppercase();
        let is_calendar = upper.ends_with(":VCALENDAR");
        if upper.starts_with("BEGIN:") && !is_calendar {
            depth += 1;
        }
        if depth > 0 {
            text.push_str(line.trim_end_matches('\r'));
            text.push_str("\r\n");
        }
        if upper.starts_with("END:") && !is_calendar {
            depth = depth.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(texts: &[&str]) -> Mirror {
        let object = |text: &&str| Object { etag: String::new(), text: (*text).into() };
        let objects = texts.iter().enumerate().map(|(n, text)| (n.to_string(), object(text)));
        Mirror { token: None, objects: objects.collect() }
    }

    #[test]
    fn several_calendars_become_one_text() {
        let event = |uid: &str| {
            format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-A:b\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            )
        };
        let (one, other) = (mirror(&[&event("a"), &event("b")]), mirror(&[&event("c")]));
        let text = Mirror::text([&one, &other]).unwrap();
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 3);
        assert_eq!(text.matches("BEGIN:VCALENDAR").count(), 1);
        assert!(!text.contains("X-A"));
        assert!(personas::Calendar::parse(&text).is_ok());
    }

    #[test]
    fn damaged_objects_do_not_close_the_calendar_of_others() {
        let text = Mirror::text([&mirror(&["END:VCALENDAR\r\nBEGIN:VEVENT", "x", ""])]).unwrap();
        assert!(text.ends_with("END:VCALENDAR\r\n"));
        assert_eq!(text.matches("END:VCALENDAR").count(), 1);
    }
}
