//! Walks the syntax tree of a file of a package. Exports are found by the patterns that Node.js recognizes, too
//! (cjs-module-lexer, README): what they miss is still part of the default export.

use super::{CommonJs, PackageSource, Require};
use crate::javascript::code_frame::{LineColumn, LineCounter};
use oxc_ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, CallExpression, ConditionalExpression,
    Expression, IdentifierReference, IfStatement, LogicalExpression, MemberExpression,
    ObjectExpression, ObjectPropertyKind, TryStatement, UnaryExpression, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::GetSpan;
use oxc_syntax::operator::{BinaryOperator, LogicalOperator, UnaryOperator};
use std::collections::{HashMap, HashSet};

/// Functions by which compilers export everything of a required module: `__exportStar(require("./a"), exports)`.
const STAR_FUNCTIONS: [&str; 5] = [
    "__exportStar",
    "__export",
    "_export_star",
    "__reExport",
    "_exportStar",
];

/// How deep a condition is looked into for `NODE_ENV`. What is below it counts as unknown, and so both branches are
/// loaded. Without a bound a long chain of operators would take time in proportion to the square of its length.
/// Default 16.
const MAX_CONDITION_DEPTH: usize = 16;

pub(super) struct PackageVisitor<'s> {
    lines: LineCounter<'s>,
    scoping: &'s Scoping,
    node_env: &'s str,
    source: PackageSource,
    module: CommonJs,
    /// Whether anything refers to the variables of a CommonJS module.
    is_common_js: bool,
    /// Number of `try` blocks around the current node.
    guards: usize,
    /// Specifiers of required modules by the name of their variable.
    required: HashMap<String, String>,
    /// Index of each specifier in the requires of the module.
    indices: HashMap<String, usize>,
    /// Specifiers of the re-exports of the module.
    reexported: HashSet<String>,
}

impl<'s> PackageVisitor<'s> {
    pub(super) fn new(text: &'s str, scoping: &'s Scoping, node_env: &'s str) -> Self {
        Self {
            lines: LineCounter::new(text),
            scoping,
            node_env,
            source: PackageSource::default(),
            module: CommonJs::default(),
            is_common_js: false,
            guards: 0,
            required: HashMap::new(),
            indices: HashMap::new(),
            reexported: HashSet::new(),
        }
    }

    /// Returns the module, if it is a CommonJS module, and what was found in any case.
    pub(super) fn finish(mut self) -> (Option<CommonJs>, PackageSource) {
        for hidden in ["default", "__esModule"] {
            self.module.exports.remove(hidden);
        }
        self.source
            .node_env
            .sort_unstable_by_key(|range| range.start);
        (self.is_common_js.then_some(self.module), self.source)
    }

    /// Whether an identifier refers to a variable that the file does not declare.
    fn is_free(&self, identifier: &IdentifierReference<'_>) -> bool {
        identifier
            .reference_id
            .get()
            .is_some_and(|id| !self.scoping.has_binding(id))
    }

    /// Whether an expression is a variable of this name that the file does not declare.
    fn is_free_name(&self, expression: &Expression<'_>, name: &str) -> bool {
        matches!(expression, Expression::Identifier(identifier) if identifier.name == name && self.is_free(identifier))
    }

    /// Whether an expression is `process.env.NODE_ENV`, with or without `globalThis.`, `global.` or `window.`.
    fn is_node_env(&self, expression: &Expression<'_>) -> bool {
        let member = match expression {
            // `process?.env`
            Expression::ChainExpression(chain) => chain.expression.as_member_expression(),
            expression => expression.as_member_expression(),
        };
        member.is_some_and(|member| self.is_node_env_member(member))
    }

    fn is_node_env_member(&self, member: &MemberExpression<'_>) -> bool {
        let is_property =
            |member: &MemberExpression<'_>, name: &str| member.static_property_name() == Some(name);
        let Some(env) = member.object().as_member_expression() else {
            return false;
        };
        if !is_property(member, "NODE_ENV") || !is_property(env, "env") {
            return false;
        }
        let process = env.object();
        self.is_free_name(process, "process")
            || process.as_member_expression().is_some_and(|member| {
                is_property(member, "process")
                    && ["globalThis", "global", "window"]
                        .iter()
                        .any(|name| self.is_free_name(member.object(), name))
            })
    }

    /// Returns whether a condition is true in every run, or false; `None` if that depends on more than `NODE_ENV`.
    fn constant(&self, condition: &Expression<'_>) -> Option<bool> {
        self.constant_within(MAX_CONDITION_DEPTH, condition)
    }

    fn constant_within(&self, depth: usize, condition: &Expression<'_>) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        match condition {
            Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::LogicalNot => {
                let value = self.constant_within(depth, &unary.argument);
                value.map(|value| !value)
            }
            Expression::LogicalExpression(logical) => {
                // One operand with this value gives it to the whole.
                let deciding = match logical.operator {
                    LogicalOperator::And => false,
                    LogicalOperator::Or => true,
                    LogicalOperator::Coalesce => return None,
                };
                let operands = [&logical.left, &logical.right]
                    .map(|operand| self.constant_within(depth, operand));
                if operands.contains(&Some(deciding)) {
                    return Some(deciding);
                }
                (!operands.contains(&None)).then_some(!deciding)
            }
            Expression::BinaryExpression(binary) => {
                let literal = match (&binary.left, &binary.right) {
                    (Expression::StringLiteral(literal), other)
                    | (other, Expression::StringLiteral(literal))
                        if self.is_node_env(other) =>
                    {
                        literal
                    }
                    _ => return None,
                };
                let is_equal = literal.value == self.node_env;
                match binary.operator {
                    BinaryOperator::Equality | BinaryOperator::StrictEquality => Some(is_equal),
                    BinaryOperator::Inequality | BinaryOperator::StrictInequality => {
                        Some(!is_equal)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Returns the specifier, if this is a call of Node's `require` with a literal.
    fn required_specifier<'a>(&self, call: &'a CallExpression<'_>) -> Option<&'a str> {
        let literal = call.common_js_require()?;
        let is_require = self.is_free_name(&call.callee, "require");
        is_require.then(|| literal.value.as_str())
    }

    fn required_by<'a>(&self, expression: &'a Expression<'_>) -> Option<&'a str> {
        match expression {
            Expression::CallExpression(call) => self.required_specifier(call),
            _ => None,
        }
    }

    fn add_require(&mut self, specifier: &str, offset: usize) {
        let is_guarded = self.guards > 0;
        if let Some(index) = self.indices.get(specifier) {
            self.module.requires[*index].is_guarded &= is_guarded;
            return;
        }
        let index = self.module.requires.len();
        self.indices.insert(specifier.to_owned(), index);
        let LineColumn { line, column } = self.lines.position(offset);
        self.module.requires.push(Require {
            specifier: specifier.to_owned(),
            line,
            column,
            is_guarded,
        });
    }

    fn add_reexport(&mut self, specifier: &str) {
        if self.reexported.insert(specifier.to_owned()) {
            self.module.reexports.push(specifier.to_owned());
        }
    }

    /// Records an assignment of one export.
    fn add_export(&mut self, name: &str) {
        self.module.is_compiled |= name == "__esModule";
        self.module.exports.insert(name.to_owned());
    }

    /// Records the exports that an object has.
    fn add_object(&mut self, object: &ObjectExpression<'_>) {
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    if let Some(name) = property.key.static_name() {
                        self.add_export(&name);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    if let Some(specifier) = self.required_by(&spread.argument) {
                        self.add_reexport(specifier);
                    }
                }
            }
        }
    }

    /// Records a value that becomes `module.exports`.
    fn add_exported_value(&mut self, value: &Expression<'_>) {
        match value {
            Expression::ObjectExpression(object) => self.add_object(object),
            // `module.exports = exports = ...`: the value is that of the inner assignment.
            Expression::AssignmentExpression(inner) => self.add_exported_value(&inner.right),
            Expression::ConditionalExpression(either) => {
                self.add_exported_value(&either.consequent);
                self.add_exported_value(&either.alternate);
            }
            // Their exports were found already: `exports = module.exports`, `module.exports = exports.default`.
            Expression::Identifier(name) if name.name == "exports" => {}
            value => match self.required_by(value) {
                Some(specifier) => self.add_reexport(specifier),
                None => self.module.replaces_exports = true,
            },
        }
    }

    /// Records the exports that a call defines.
    fn add_defined(&mut self, call: &CallExpression<'_>) {
        let is_exports = |argument: &Argument<'_>| argument.as_expression().is_some_and(is_exports);
        let name = match &call.callee {
            Expression::Identifier(identifier) => identifier.name.as_str(),
            callee => match callee.as_member_expression() {
                Some(member) => member.static_property_name().unwrap_or_default(),
                None => return,
            },
        };
        match (name, call.arguments.as_slice()) {
            // `Object.defineProperty(exports, "a", { ... })`
            ("defineProperty", [target, Argument::StringLiteral(name), ..])
                if is_exports(target) =>
            {
                self.add_export(&name.value);
            }
            // `__export(exports, { a: () => a })` of compilers, `Object.assign(exports, { a })`
            (_, [target, Argument::ObjectExpression(object), ..])
                if is_exports(target) && name != "defineProperty" =>
            {
                self.add_object(object);
            }
            // `Object.keys(_a).forEach(function (key) { ... exports[key] = _a[key]; })` of Babel
            ("forEach", _) => {
                let keys = call
                    .callee
                    .as_member_expression()
                    .map(MemberExpression::object);
                if let Some(Expression::CallExpression(keys)) = keys
                    && let Some(Argument::Identifier(variable)) = keys.arguments.first()
                    && let Some(specifier) = self.required.get(variable.name.as_str()).cloned()
                {
                    self.add_reexport(&specifier);
                }
            }
            (name, [first, ..]) if STAR_FUNCTIONS.contains(&name) => {
                if let Some(specifier) = first.as_expression().and_then(|it| self.required_by(it)) {
                    self.add_reexport(specifier);
                }
            }
            _ => {}
        }
    }
}

/// Whether an expression is `exports` or `module.exports`. Functions that take them as parameters mostly keep these
/// names, so scopes do not matter.
fn is_exports(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::Identifier(identifier) => identifier.name == "exports",
        expression => expression
            .as_member_expression()
            .is_some_and(is_module_exports),
    }
}

pub(super) fn is_module_exports(member: &MemberExpression<'_>) -> bool {
    member.static_property_name() == Some("exports")
        && matches!(member.object(), Expression::Identifier(object) if object.name == "module")
}

impl<'a> Visit<'a> for PackageVisitor<'_> {
    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.visit_expression(&it.test);
        let value = self.constant(&it.test);
        if value != Some(false) {
            self.visit_statement(&it.consequent);
        }
        if let Some(alternate) = it.alternate.as_ref().filter(|_| value != Some(true)) {
            self.visit_statement(alternate);
        }
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.visit_expression(&it.test);
        let value = self.constant(&it.test);
        if value != Some(false) {
            self.visit_expression(&it.consequent);
        }
        if value != Some(true) {
            self.visit_expression(&it.alternate);
        }
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        self.visit_expression(&it.left);
        let is_skipped = match it.operator {
            LogicalOperator::And => Some(false),
            LogicalOperator::Or => Some(true),
            LogicalOperator::Coalesce => None,
        };
        if is_skipped.is_none() || self.constant(&it.left) != is_skipped {
            self.visit_expression(&it.right);
        }
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        self.guards += 1;
        self.visit_block_statement(&it.block);
        self.guards -= 1;
        if let Some(handler) = &it.handler {
            self.visit_catch_clause(handler);
        }
        if let Some(finalizer) = &it.finalizer {
            self.visit_block_statement(finalizer);
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let (Some(name), Some(init)) = (it.id.get_identifier_name(), &it.init) {
            // `var _a = _interopRequireWildcard(require("a"))` is another form of `require("a")`.
            let inner = match init {
                Expression::CallExpression(call) if call.arguments.len() == 1 => call.arguments[0]
                    .as_expression()
                    .and_then(|it| self.required_by(it)),
                _ => None,
            };
            if let Some(specifier) = self.required_by(init).or(inner) {
                self.required.insert(name.to_string(), specifier.to_owned());
            }
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Some(specifier) = self.required_specifier(it) {
            self.is_common_js = true;
            let offset = it.arguments[0].span().start as usize;
            self.add_require(specifier, offset);
        }
        self.add_defined(it);
        walk::walk_call_expression(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        match &it.left {
            AssignmentTarget::AssignmentTargetIdentifier(name) if name.name == "exports" => {
                self.add_exported_value(&it.right);
            }
            target => match target.as_member_expression() {
                Some(member) if is_module_exports(member) => self.add_exported_value(&it.right),
                Some(member) if is_exports(member.object()) => {
                    if let Some(name) = member.static_property_name() {
                        self.add_export(name);
                    }
                }
                // An assignment to `process.env.NODE_ENV` is left as it is.
                Some(member) if self.is_node_env_member(member) => {
                    return self.visit_expression(&it.right);
                }
                _ => {}
            },
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        if self.is_node_env(it) {
            let span = it.span();
            let range = span.start as usize..span.end as usize;
            return self.source.node_env.push(range);
        }
        walk::walk_expression(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        let is_global = self.is_free_name(&it.argument, "global");
        if it.operator == UnaryOperator::Typeof && is_global {
            return;
        }
        walk::walk_unary_expression(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        match it.name.as_str() {
            "module" | "exports" if self.is_free(it) => self.is_common_js = true,
            "global" if self.is_free(it) => self.source.uses_global = true,
            _ => {}
        }
    }
}
