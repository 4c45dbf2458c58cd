//! Tests of classic scripts.

use super::{imports, specifiers};

#[test]
fn finds_the_dynamic_imports_of_classic_scripts() {
    for (source, expected) in [
        (
            "<!-- hide\nvar x = 010, await = 1; with (Math) { import('a') }\n// -->",
            &["~a"][..],
        ),
        ("var yield = '\\07'; delete x; import('a')", &["~a"]),
        ("a = 1\n--> import('b')\nimport('a')\nvar let", &["~a"]),
        (
            "(function () { arguments = 1; function static() {} })()",
            &[],
        ),
    ] {
        assert_eq!(specifiers(source), expected, "{source}");
    }
    // Neither a module nor a script: the error is that of the module.
    let error = imports("import 'a'; <!-- b").unwrap_err();
    assert_eq!((error.line, error.column), (1, 13), "{error}");
}
