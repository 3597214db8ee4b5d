//! The XML of WebDAV, as small trees of bounded size.

use xml::reader::{EventReader, XmlEvent};

use super::error::CaldavError;

/// Most elements of an answer, and how deep they lie.
const ELEMENTS_MAX: usize = 200_000;
const DEPTH_MAX: usize = 32;

pub(super) const DAV: &str = "DAV:";
pub(super) const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
pub(super) const CALENDARSERVER: &str = "http://calendarserver.org/ns/";

/// An element with what is in it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Element {
    space: String,
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    /// Reads a document.
    pub(super) fn parse(what: &'static str, text: &str) -> Result<Self, CaldavError> {
        let malformed = |reason: String| CaldavError::Malformed { what, reason };
        let mut open: Vec<Self> = vec![Self::default()];
        let mut count = 0usize;
        for event in EventReader::new(text.as_bytes()) {
            match event.map_err(|error| malformed(error.to_string()))? {
                XmlEvent::StartElement { name, attributes, .. } => {
                    count += 1;
                    if count > ELEMENTS_MAX || open.len() > DEPTH_MAX {
                        return Err(malformed("it has too many elements".into()));
                    }
                    open.push(Self {
                        space: name.namespace.unwrap_or_default(),
                        name: name.local_name,
                        attributes: attributes
                            .into_iter()
                            .map(|attribute| (attribute.name.local_name, attribute.value))
                            .collect(),
                        ..Self::default()
                    });
                }
                XmlEvent::EndElement { .. } => {
                    if let Some(done) = open.pop()
                        && let Some(parent) = open.last_mut()
                    {
                        parent.children.push(done);
                    }
                }
                XmlEvent::Characters(text) | XmlEvent::CData(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        let root = open.pop().and_then(|mut top| top.children.pop());
        root.ok_or_else(|| malformed("it is empty".into()))
    }

    pub(super) fn is(&self, space: &str, name: &str) -> bool {
        self.space == space && self.name == name
    }

    pub(super) fn child(&self, space: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(space, name))
    }

    pub(super) fn children<'a>(
        &'a self,
        space: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(space, name))
    }

    pub(super) fn all(&self) -> &[Self] {
        &self.children
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its text without the spaces around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    pub(super) fn raw_text(&self) -> &str {
        &self.text
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// One response of a multistatus.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) href: &'a str,
    /// The status of the whole resource, where the server gives one.
    pub(super) status: Option<u16>,
    properties: Vec<&'a Element>,
}

impl Part<'_> {
    /// A property that the server found.
    pub(super) fn property(&self, space: &str, name: &str) -> Option<&Element> {
        self.properties.iter().find_map(|properties| properties.child(space, name))
    }
}

/// The responses of a multistatus.
pub(super) fn parts<'a>(
    what: &'static str,
    root: &'a Element,
) -> Result<Vec<Part<'a>>, CaldavError> {
    if !root.is(DAV, "multistatus") {
        let reason = format!("<{}> where a multistatus belongs", root.name());
        return Err(CaldavError::Malformed { what, reason });
    }
    let part = |response: &'a Element| {
        let found = |propstat: &&Element| {
            status(propstat.child(DAV, "status")).is_none_or(|status| status / 100 == 2)
        };
        Some(Part {
            href: response.child(DAV, "href")?.text(),
            status: status(response.child(DAV, "status")),
            properties: response
                .children(DAV, "propstat")
                .filter(found)
                .filter_map(|propstat| propstat.child(DAV, "prop"))
                .collect(),
        })
    };
    Ok(root.children(DAV, "response").filter_map(part).collect())
}

/// The number in "HTTP/1.1 200 OK".
fn status(element: Option<&Element>) -> Option<u16> {
    element?.text().split_whitespace().nth(1)?.parse().ok()
}

/// Text as it stands in XML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A PROPFIND for these properties.
pub(super) fn propfind(properties: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:" xmlns:c="{CALDAV}" xmlns:s="{CALENDARSERVER}"><d:prop>{properties}</d:prop></d:propfind>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multistatus_is_read_with_any_prefixes() {
        let text = r#"<?xml version="1.0"?><multistatus xmlns="DAV:" xmlns:X="urn:ietf:params:xml:ns:caldav">
            <response><href> /a/ </href><propstat><prop><getetag>"1"</getetag><X:calendar-data>BEGIN
            </X:calendar-data></prop><status>HTTP/1.1 200 OK</status></propstat>
            <propstat><prop><displayname/></prop><status>HTTP/1.1 404 Not Found</status></propstat>
            </response>
            <response><href>/b/</href><status>HTTP/1.1 404 Not Found</status></response></multistatus>"#;
        let root = Element::parse("a test", text).unwrap();
        let parts = parts("a test", &root).unwrap();
        assert_eq!(parts[0].href, "/a/");
        assert_eq!(parts[0].property(DAV, "getetag").unwrap().text(), "\"1\"");
        assert!(parts[0].property(CALDAV, "calendar-data").unwrap().text().starts_with("BEGIN"));
        assert!(parts[0].property(DAV, "displayname").is_none());
        assert_eq!((parts[1].href, parts[1].status), ("/b/", Some(404)));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX + 1));
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;"><!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;">]><a>&h;&h;&h;&h;</a>"#;
        for text in ["", "no xml", "<a>", "<a></b>", "<a><![CDATA[", deep.as_str(), &wide, bomb] {
            let refused = Element::parse("a test", text);
            assert!(matches!(refused, Err(CaldavError::Malformed { .. })), "{:.40}", text);
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
