//! The specifier and the names of an import.

use super::{imports, specifiers};

#[test]
fn an_import_has_the_names_that_its_module_must_export() {
    for (source, expected) in [
        ("import 'a'", &[][..]),
        ("import a, * as b from 'a'; export { a, b }", &[]),
        (
            "import { default as a, b as c, 'd-e' as f } from 'a'",
            &["b", "d-e"],
        ),
        ("import a, { b } from 'a'; export { a, b as c }", &["b"]),
        ("import a from 'a'; export { a as default }", &[]),
        ("export { a, b as c, default as d } from 'a'", &["a", "b"]),
        ("export * from 'a'; export * as b from 'a'", &[]),
    ] {
        let found = imports(source).expect("it is valid");
        let names: Vec<_> = found.into_iter().flat_map(|it| it.names).collect();
        assert_eq!(names, expected, "{source}");
    }
}

#[test]
fn resolves_escapes_in_specifiers() {
    for (literal, expected) in [
        (r"'\x61'", "a"),
        (r#""\u0061\u{62}\'\"\\""#, r#"ab'"\"#),
        ("'a\\\nb\\\r\nc'", "abc"),
        (r"'\n\t\0'", "\n\t\0"),
        (r"'\uD83D\uDE00'", "😀"),
        (r"'\é\😀'", "é😀"),
        ("'\u{2028}'", "\u{2028}"),
        ("''", ""),
    ] {
        assert_eq!(
            specifiers(&format!("import {literal}")),
            [expected],
            "{literal}"
        );
        assert_eq!(
            specifiers(&format!("import({literal})")),
            [format!("~{expected}")],
            "{literal}"
        );
    }
    for (template, expected) in [
        (r"`\x61\`\${`", "~a`${"),
        ("`a$b$`", "~a$b$"),
        ("`a\r\nb\rc\nd`", "~a\nb\nc\nd"),
        ("`\"'`", "~\"'"),
    ] {
        assert_eq!(
            specifiers(&format!("import({template})")),
            [expected],
            "{template}"
        );
    }
    // Lone surrogates are not valid Unicode and cannot be part of a path or URL.
    assert!(specifiers(r"import('\uD800'); import '\uDC00'").is_empty());
}
