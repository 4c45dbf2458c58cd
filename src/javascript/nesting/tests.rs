//! Tests of the bounds on nested code.

use super::*;

#[test]
fn refuses_brackets_nested_past_the_bound() {
    let flat = "[](){}".repeat(MAX_DEPTH);
    assert_eq!(too_deep(&flat), None);
    let deep = "[".repeat(MAX_DEPTH);
    assert_eq!(too_deep(&format!("{flat}{deep}")), None);
    assert_eq!(too_deep(&format!("é;{deep}{{")), Some(3 + MAX_DEPTH));
}

#[test]
fn brackets_outside_of_code_do_not_count() {
    for unit in [
        "'(';",
        "\"[{(\";",
        "'\\'(';",
        "'\\\r\n(';",
        "`(`;",
        "`\\`(`;",
        "`(${'('}(`;",
        "`(${`(`}(`;",
        "/*(*/",
        "//(\n",
        "//(\u{2028}",
        "<!--(\n",
        "/\\(/;",
        "x=/[(/]{/g;",
        "a=b?/\\(/:/{/;",
        "return/[(]/;",
        "if(a)/\\(/.test(b);",
        "a/b/'(';",
        "a[0]/b/'(';",
        "f(a)/b/'(';",
        "1/2/'(';",
        "a.if(b)/c/'(';",
        "a.return/b/'(';",
        "a\u{00A0}/b/'(';",
        "x={}/b/'(';",
        "}\n/\\(/.test(a)\n",
        "a++/b/'(';",
        "\\u{61}/b/'(';",
    ] {
        assert_eq!(too_deep(&unit.repeat(2 * MAX_DEPTH)), None, "{unit}");
    }
}

#[test]
fn no_source_can_hide_its_depth() {
    for unit in [
        "[/*]*/",
        "[//]\n",
        "[']',",
        "[\"]\",",
        "[`]`,",
        "[/]/,",
        "[/[/]]/,",
        "[`${']'}]`,",
        "[/'/,",
        "[/`/,",
        "[/*'*/",
        // Only a parser knows which of these slashes divide.
        "{}/'/;[/'/,",
        "x={}/'/;[1/'/1,",
        "[{}/1,']',",
        "[{}/'/1,/]/,'",
        "[a++/'/1,/]/,'",
        "{}\n/'/;[",
        "if\u{00A0}(a)/'/;[/'/,",
        "\\u{69}f(a)/'/;[/'/,",
        "[\u{FEFF}/']/,",
        "var a\n/'/;[/'/,",
        "of/'/;[/'/,",
        "[a\u{2028}/'/,",
    ] {
        assert!(too_deep(&unit.repeat(2 * MAX_DEPTH)).is_some(), "{unit}");
    }
}

#[test]
fn refuses_what_the_parser_would_read_again_and_again() {
    for (open, close) in [
        ("([a=", "])"),
        ("({a=", "})"),
        ("(a=", ")"),
        ("(b,a=", ")"),
        ("(/**/[/**/a/**/=", "])"),
        ("async(a=", ")"),
        ("({[", "]:a})"),
        ("([a,[b=", "]])"),
        ("(a=/*)*/", ")"),
    ] {
        let nested = |levels| format!("{}0{};", open.repeat(levels), close.repeat(levels));
        assert_eq!(too_deep(&nested(100)), None, "{open}");
        assert!(too_deep(&nested(100).repeat(200)).is_some(), "{open}");
        // The parser reads an arrow function once.
        let arrows = nested(100).replace(close, &format!("{close}=>0"));
        assert_eq!(too_deep(&arrows.repeat(200)), None, "{open}");
    }
    // Calls and groups are not read again.
    for (open, close) in [
        ("a(b=", ")"),
        ("(1,b=", ")"),
        ("(a.b,c=", ")"),
        ("({a:1,b:c=", "})"),
    ] {
        let source = format!("{}0{};", open.repeat(100), close.repeat(100)).repeat(200);
        assert_eq!(too_deep(&source), None, "{open}");
    }
}

#[test]
fn slashes_of_unclear_meaning_take_linear_time() {
    for unit in ["}/", "}/[", "}/'", "{}/a/", "{}\n/a/\n", "[{}/"] {
        let source = unit.repeat(100_000);
        let _ = too_deep(&source);
    }
}
