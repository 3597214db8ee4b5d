//! Names people see (`did:key`, fingerprints and handles), and the names of purposes.

use protocol::identity::{
    Domain, Handle, HandleError, IdError, NodeId, NodeKey, PersonaId, PersonaKey,
};

use crate::vector_file::{array, cases, text, vectors};

#[test]
fn personas_are_as_the_vectors_say() {
    for case in cases(&vectors("wire"), "personas") {
        let persona = PersonaKey::from_seed(&array(case, "seed")).id();
        assert_eq!(persona, PersonaId(array(case, "public_key")));
        assert_eq!(text(case, "persona").parse(), Ok(persona));
        assert_eq!(persona.to_string(), text(case, "persona"));
        assert_eq!(persona.fingerprint(usize::MAX), text(case, "fingerprint"));
        let handle: Handle = text(case, "handle").parse().unwrap();
        assert_eq!(handle, Handle::new(text(case, "name"), &persona).unwrap());
        assert!(handle.belongs_to(&persona));
    }
}

#[test]
fn nodes_are_as_the_vectors_say() {
    for case in cases(&vectors("wire"), "nodes") {
        let node = NodeKey::from_seed(&array(case, "seed")).id();
        assert_eq!(text(case, "node").parse::<NodeId>(), Ok(node));
        assert_eq!(node.to_string(), text(case, "node"));
    }
}

#[test]
fn spellings_the_vectors_refuse_are_refused() {
    let file = vectors("wire");
    for case in cases(&file, "refused_personas") {
        let spelling = text(case, "persona");
        assert_eq!(spelling.parse::<PersonaId>(), Err(IdError::NotDidKey), "{spelling}");
    }
    for case in cases(&file, "refused_handles") {
        let error = match text(case, "field") {
            "name" => HandleError::Name,
            "tag" => HandleError::Tag,
            other => panic!("{other}"),
        };
        assert_eq!(text(case, "handle").parse::<Handle>(), Err(error), "{case}");
    }
}

#[test]
fn a_handle_of_another_persona_is_recognised() {
    let persona = |seed| PersonaKey::from_seed(&[seed; 32]).id();
    let handle = Handle::new("maya", &persona(1)).unwrap();
    assert!(handle.belongs_to(&persona(1)));
    assert!(!handle.belongs_to(&persona(2)));
}

#[test]
fn the_specification_lists_every_domain_and_no_other() {
    let readme = include_str!("../../../spec/README.md");
    let table = readme.split("## Domains").nth(1).unwrap().split("## Versions").next().unwrap();
    let listed: Vec<&str> = table.lines().filter(|line| line.contains("| `conclave/")).collect();
    assert_eq!(listed.len(), Domain::ALL.len());
    for (row, domain) in listed.iter().zip(Domain::ALL) {
        let begin = format!("| {domain:?} | `{}` |", domain.as_str());
        assert!(row.starts_with(&begin), "{row}");
    }
}
