// Lists the exported declarations of the package in a folder that have no doc comment, and exits with 1 if there
// are any. Usage: doccheck FOLDER.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.go"))
	if err != nil {
		log.Fatal(err)
	}
	missing := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			log.Fatal(err)
		}
		check := func(name *ast.Ident, comments ...*ast.CommentGroup) {
			for _, comment := range comments {
				if comment != nil {
					return
				}
			}
			if name.IsExported() {
				fmt.Printf("%s: %s has no doc comment\n", fset.Position(name.Pos()), name.Name)
				missing++
			}
		}
		for _, declared := range file.Decls {
			switch declared := declared.(type) {
			case *ast.FuncDecl:
				if needsDoc(declared) && !isSelfExplanatory(declared.Name.Name) {
					check(declared.Name, declared.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range declared.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						check(spec.Name, spec.Doc, declared.Doc)
						if fields, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
							for _, field := range fields.Fields.List {
								for _, name := range field.Names {
									check(name, field.Doc, field.Comment)
								}
							}
						}
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							check(name, spec.Doc, spec.Comment)
						}
					}
				}
			}
		}
	}
	if missing > 0 {
		os.Exit(1)
	}
}

// isSelfExplanatory reports whether a method with this name needs no doc comment.
func isSelfExplanatory(name string) bool { return name == "Error" || name == "GetRequestMetadata" }

// needsDoc reports whether a declaration is a function or a method of an exported type.
func needsDoc(declared *ast.FuncDecl) bool {
	if declared.Recv == nil {
		return true
	}
	receiver := declared.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if generic, ok := receiver.(*ast.IndexListExpr); ok {
		receiver = generic.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}
